"""Compose conversations with exact truth of real talking heads: videos for `attribution`.

    python -m benchmarks.conversations ../shared/videos --weights-dir ../shared/weights --output-dir conversations

`benchmarks.common.composing` describes the conversations and the files.
"""

from __future__ import annotations

from pathlib import Path

from benchmarks.common.command_line import parser_of
from benchmarks.common.composing import CASES, compose, write
from benchmarks.common.heads import heads_of
from pipeline.types import GRID_FPS


def main() -> None:
    """Write the conversations of the footage for tests."""
    parser = parser_of(__doc__)
    parser.add_argument("videos", type=Path, help="folder of the footage for tests")
    parser.add_argument("--weights-dir", type=Path, required=True, help="folder of the weights of YuNet")
    parser.add_argument("--output-dir", type=Path, required=True)
    parser.add_argument("--case", choices=CASES, default=CASES[0])
    arguments = parser.parse_args()
    for conversation in compose(heads_of(arguments.videos, arguments.weights_dir), arguments.case):
        write(conversation, arguments.output_dir)
        print(f"{conversation.name}: {len(conversation.turns)} turns, {conversation.frame_count / GRID_FPS:.1f} s")


if __name__ == "__main__":
    main()
