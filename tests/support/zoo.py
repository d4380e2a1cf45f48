"""Small videos of every kind that people have, made of a second of a sample with a face and a voice."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from tests.support.film import Film

X264 = ("-c:v", "libx264", "-preset", "ultrafast", "-crf", "16", "-pix_fmt", "yuv420p")
X265 = ("-c:v", "libx265", "-preset", "ultrafast", "-crf", "16", "-pix_fmt", "yuv420p10le")
MPEG2 = ("-c:v", "mpeg2video", "-q:v", "3")
AAC = ("-c:a", "aac")
BASE = "base.mkv"
SECONDS = 1.1

CONVERTED: Mapping[str, tuple[str, ...]] = {
    "silent.mp4": (*X264, "-an"),
    "blind.mp4": ("-vn", *AAC),
    "sound_short.mp4": (*X264, *AAC, "-af", "atrim=0:0.9"),
    "sound_long.mp4": (*X264, *AAC, "-af", "apad=pad_dur=2"),
    "fps1.mp4": (*X264, *AAC, "-r", "1"),
    "fps12.mp4": (*X264, *AAC, "-r", "12"),
    "fps120.mp4": (*X264, *AAC, "-r", "120"),
    "variable.mkv": (*X264, *AAC, "-vf", "select=gt(mod(n\\,5)\\,1)", "-fps_mode", "vfr"),
    "interlaced.mp4": (*X264, *AAC, "-x264-params", "interlaced=1"),
    "interlaced.ts": (*MPEG2, "-flags", "+ildct+ilme", "-vf", "setfield=tff", "-c:a", "mp2"),
    "pixels_not_square.mp4": (*X264, *AAC, "-vf", "scale=160:240,setsar=2"),
    "odd.mkv": ("-c:v", "ffv1", "-pix_fmt", "yuv444p", *AAC, "-vf", "scale=319:239"),
    "sixteen.mp4": (*X264, *AAC, "-vf", "scale=16:16"),
    "ten_bits.mp4": (*X264[:-1], "yuv420p10le", *AAC),
    "hdr_pq.mp4": (
        *X265,
        *AAC,
        "-x265-params",
        "log-level=error:colorprim=bt2020:transfer=smpte2084:colormatrix=bt2020nc",
    ),
    "hdr_hlg.mkv": (*X265, *AAC, "-x265-params", "log-level=error:colorprim=bt2020:transfer=arib-std-b67"),
    "alpha.mov": ("-c:v", "qtrle", "-pix_fmt", "argb", "-c:a", "pcm_s16le"),
    "alpha_prores.mov": ("-c:v", "prores_ks", "-profile:v", "4444", "-pix_fmt", "yuva444p10le", *AAC),
    "alpha.webm": (
        "-c:v",
        "libvpx-vp9",
        "-cpu-used",
        "8",
        "-deadline",
        "realtime",
        "-pix_fmt",
        "yuva420p",
        "-c:a",
        "libopus",
    ),
    "kind.mxf": (*MPEG2, "-c:a", "pcm_s16le", "-ar", "48000"),
    "kind.mkv": (*X264, "-c:a", "flac"),
    "kind.avi": ("-c:v", "mpeg4", "-q:v", "3", "-c:a", "mp3"),
    "kind.webm": ("-c:v", "libvpx", "-deadline", "realtime", "-b:v", "1M", "-c:a", "libvorbis"),
    "kind.ts": (*X264, *AAC),
    "kind.mpg": (*MPEG2, "-c:a", "mp2"),
    "kind.flv": (*X264, *AAC),
    "kind.wmv": ("-c:v", "wmv2", "-q:v", "3", "-c:a", "wmav2"),
    "kind.mov": ("-c:v", "mjpeg", "-q:v", "3", "-pix_fmt", "yuvj420p", "-c:a", "pcm_s16le"),
    "kind.nut": ("-c:v", "ffv1", "-c:a", "pcm_s16le"),
    "kind.3gp": (*X264, *AAC),
}
"""Name, and what ffmpeg makes it with of the sample."""

ODD_NAMES = (
    *(
        "a b.mp4",
        'it\'s "so".mp4',
        "a;b&c|d.mp4",
        "$(touch shell).mp4",
        "`touch shell`.mp4",
        "new\nline.mp4",
        "-dash.mp4",
    ),
    *("http:x.mp4", "100%d.mp4", "日本語.mp4", os.fsdecode(b"caf\xe9.mp4"), "n" * 251 + ".mp4", "output.mp4"),
)
"""Names of copies of one good video."""


def fill(folder: Path, sample: Path) -> None:
    """Makes one of each kind in *folder*, which is made."""
    folder.mkdir()
    film = Film(folder)
    film.ffmpeg(
        *("-ss", "1", "-i", sample, "-t", str(SECONDS), "-vf", "scale=320:240", "-c:v", "ffv1", "-c:a", "pcm_s16le"),
        f"../{BASE}",
    )
    for name, options in CONVERTED.items():
        film.ffmpeg("-i", f"../{BASE}", *options, f"file:{name}")
    _composed(film)
    _damaged(film)
    good = (folder / "kind.3gp").read_bytes()
    for name in ODD_NAMES:
        (folder / name).write_bytes(good)
    for name in ("same.mp4", "same.mkv", "wrong_ending.avi", "inner/deep.mp4"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(good)
    (folder / "to_itself.mp4").symlink_to(folder / "to_itself.mp4")
    (folder / "broken.mp4").symlink_to(folder / "nowhere.mp4")
    (folder / "inner" / "round").symlink_to(folder)


def _composed(film: Film) -> None:
    """Files of more than one input."""
    base = f"../{BASE}"
    film.ffmpeg(
        *("-i", base, "-itsoffset", "0.35", "-i", base, "-map", "0:v", "-map", "1:a", *X264, *AAC, "sound_late.mp4")
    )
    film.ffmpeg("-i", base, *X264, *AAC, "-output_ts_offset", "5000", "clock_far_on.ts")
    film.ffmpeg("-i", base, *X264, *AAC, "-g", "250", "../whole.mp4")
    film.ffmpeg("-ss", "0.2", "-i", "../whole.mp4", "-c", "copy", "edit_list.mp4")
    film.ffmpeg("-i", base, *X264, *AAC, "-vf", "transpose=clock", "../lying.mp4")
    film.ffmpeg("-display_rotation", "90", "-i", "../lying.mp4", "-c", "copy", "rotated.mp4")
    film.ffmpeg(
        *(
            "-i",
            base,
            "-f",
            "lavfi",
            "-i",
            f"anullsrc=r=44100:d={SECONDS}",
            "-map",
            "0:v",
            "-map",
            "1:a",
            "-map",
            "0:a",
        ),
        *(*X264, *AAC, "-disposition:a:0", "0", "-disposition:a:1", "default", "several_sounds.mkv"),
    )
    film.ffmpeg("-f", "lavfi", "-i", "color=red:s=64x64:d=0.04", "-frames:v", "1", "../cover.png")
    film.ffmpeg(
        *("-i", base, "-i", "../cover.png", "-map", "1:v", "-map", "0:v", "-map", "0:a", "-c:v:0", "png", *AAC),
        *("-c:v:1", "libx264", "-disposition:v:0", "attached_pic", "cover_art.mp4"),
    )
    film.ffmpeg(
        *("-i", base, "-i", "../cover.png", "-map", "1:v", "-map", "0:a", "-c:v", "png", *AAC),
        *("-disposition:v:0", "attached_pic", "only_cover_art.mp4"),
    )
    film.ffmpeg(
        *("-i", base, "-t", "0.12", "-vf", "scale=7680:4320:flags=neighbor", *X264, *AAC, "eight_k.mp4"),
    )


def _damaged(film: Film) -> None:
    """Files that are not whole, or not what they seem."""
    folder = film.folder
    film.ffmpeg("-i", "../whole.mp4", "-c", "copy", "-movflags", "+faststart", "../front.mp4")
    front, whole = (folder.parent / "front.mp4").read_bytes(), (folder.parent / "whole.mp4").read_bytes()
    noise = np.random.default_rng(5)
    transport = bytearray((folder / "kind.ts").read_bytes())
    middle = len(transport) // 2 // 188 * 188
    transport[middle : middle + 188 * 6] = noise.bytes(188 * 6)
    contents = {
        "truncated.mp4": front[: len(front) * 4 // 10],
        "truncated_index.mp4": whole[: len(whole) * 6 // 10],
        "no_picture_left.mp4": front[: front.index(b"mdat") + 40],
        "truncated.mkv": (folder / "kind.mkv").read_bytes()[: (folder / "kind.mkv").stat().st_size * 4 // 10],
        "corrupt.ts": bytes(transport),
        "empty.mp4": b"",
        "words.mp4": b"this is no video\n" * 50,
        "noise.mkv": noise.bytes(20_000),
        "playlist.mp4": b"#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:1.0,\nkind.ts\n#EXT-X-ENDLIST\n",
    }
    for name, content in contents.items():
        (folder / name).write_bytes(content)
