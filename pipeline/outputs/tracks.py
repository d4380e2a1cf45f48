"""``tracks.npz``: every face of a video with its scores, as plain arrays without pickle."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np

from pipeline.errors import InputError
from pipeline.outputs.files import atomic_path
from pipeline.types import ScoredTracks

ARRAYS = ("shot_starts", "track", "frame", "box_px", "logit", "probability", "person")
"""Arrays of the file, as `ScoredTracks` describes them; beside them ``frame_count``, a single int64."""


def write_tracks(path: Path, tracks: ScoredTracks) -> None:
    """Writes *tracks* to *path*, whole or not at all."""
    arrays = {name: getattr(tracks, name) for name in ARRAYS}
    with atomic_path(path) as partial, partial.open("wb") as file:
        np.savez_compressed(file, frame_count=np.int64(tracks.frame_count), **arrays)


def read_tracks(path: Path) -> ScoredTracks:
    """The tracks in *path*.

    Raises:
        InputError: ``unreadable`` when the file cannot be opened, ``bad_tracks`` when it holds something else.
    """
    try:
        with np.load(path, allow_pickle=False) as stored:
            return ScoredTracks(int(stored["frame_count"]), **{name: stored[name] for name in ARRAYS})
    except OSError as error:
        raise InputError("unreadable", f"cannot be read: {error.strerror or error}", path) from error
    except (ValueError, KeyError, TypeError, EOFError, AttributeError, zipfile.BadZipFile) as error:
        raise InputError("bad_tracks", f"is no table of tracks: {error}", path) from error
