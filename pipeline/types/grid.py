"""The clocks of the analysis: pictures and sound, which meet on every frame."""

from __future__ import annotations

GRID_FPS = 25
"""Frames a second of the analysis grid: what the speaker networks were trained on."""

AUDIO_RATE_HZ = 16_000
"""Sample rate of the analysis sound: what Whisper, PocketSphinx and the MFCC of the speaker networks expect."""

SAMPLES_PER_FRAME = AUDIO_RATE_HZ // GRID_FPS
"""640 samples of sound to one grid frame."""
