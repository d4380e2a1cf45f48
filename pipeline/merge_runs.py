"""Command ``python -m pipeline.merge_runs``: see `pipeline.run.merge`."""

from __future__ import annotations

import sys

from pipeline.run.merge import main

if __name__ == "__main__":
    sys.exit(main())
