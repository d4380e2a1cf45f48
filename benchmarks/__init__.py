"""Commands that measure; nothing of the product imports them. Run one as ``python -m benchmarks.NAME``."""

from pathlib import Path

COMMAND_FOLDERS = ("speed", "quality", "robustness", "scale", "baselines")

# `-m` finds a command by its short name in any of these folders. Code imports full names (`benchmarks.speed.decode`):
# one module under both names would be there twice, with classes that differ.
__path__.extend(str(Path(__file__).parent / folder) for folder in COMMAND_FOLDERS)
