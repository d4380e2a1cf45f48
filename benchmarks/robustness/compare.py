"""Compare the results of two runs: ``python -m benchmarks.compare A B``.

A and B are results folders, as ``--output-dir`` names them. Prints each file that is missing, too much or different;
`benchmarks.common.results.differences` describes the differences that are allowed. Ends with one JSON line, and with
exit code 0 where there are no others, else 1.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.common.command_line import parser_of
from benchmarks.common.results import differences, names_in


def main(argv: Sequence[str] | None = None) -> int:
    parser = parser_of(__doc__)
    parser.add_argument("one", type=Path, help="results folder")
    parser.add_argument("other", type=Path, help="results folder of the same videos")
    flags = parser.parse_args(argv)
    for folder in (flags.one, flags.other):
        if not folder.is_dir():
            parser.error(f"{folder} is no folder")
    found = differences(flags.one, flags.other)
    print("\n".join(found), file=sys.stderr)
    print(json.dumps({"benchmark": "compare", "files": len(names_in(flags.one)), "differences": found}))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
