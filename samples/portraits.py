"""The two portraits: places of their files, and of the features of each face.

Both are public domain and come inside wheels that are only read here, never imported. See ``README.md`` for origin
and licence. Positions are pixels of the portrait, read off enlargements by eye.
"""

from __future__ import annotations

import hashlib
import importlib.util
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

Points = tuple[tuple[float, float], ...]
"""Points of a curve as (x, y), x ascending."""


@dataclass(frozen=True, slots=True)
class Eye:
    """Eye: the area that a blink covers."""

    upper: Points
    """Edge of the upper lid, from corner to corner."""
    lower: Points
    """Edge of the lower lid, from corner to corner."""
    skin_at: tuple[int, int]
    """A pixel from whose surroundings the lid takes its colour."""


@dataclass(frozen=True, slots=True)
class Portrait:
    """Still picture of one person and the geometry of the face in it."""

    person: str
    wheel: str
    """Import name of the package whose folder holds the picture."""
    file: str
    """Path of the picture inside that folder."""
    sha256: str
    face_px: tuple[float, float, float, float]
    """x1, y1, x2, y2 of the face: forehead to chin, cheek to cheek."""
    upper_outer: Points
    """Upper edge of the upper lip, from corner to corner of the mouth."""
    upper_inner: Points
    """Lower edge of the upper lip."""
    lower_inner: Points
    """Upper edge of the lower lip; the same as ``upper_inner`` where the mouth is closed."""
    lower_outer: Points
    """Lower edge of the lower lip."""
    chin: Points
    """Edge of the jaw from cheek to cheek."""
    nose_y: float
    """Height of the bottom of the nose."""
    neck_y: float
    """Height on the neck below which nothing follows the jaw."""
    eyes: tuple[Eye, Eye]
    head: tuple[float, float, float, float]
    """Centre x, y and half axes of the ellipse that moves as one with the head."""


ASTRONAUT = Portrait(
    person="astronaut",
    wheel="skimage",
    file="data/astronaut.png",
    sha256="88431cd9653ccd539741b555fb0a46b61558b301d4110412b5bc28b5e3ea6cb5",
    face_px=(178.0, 65.0, 269.5, 179.0),
    upper_outer=((202.5, 139.5), (208, 139.3), (216, 139.6), (224, 140.2), (232, 140.0), (239, 139.8), (245, 140.4)),
    upper_inner=((202.5, 139.7), (207, 140.7), (212, 142.0), (218, 143.0), (225, 143.7), (231, 143.3), (237, 142.0),
                 (241, 141.1), (245, 140.5)),
    lower_inner=((202.5, 140.1), (205, 143.2), (208, 146.1), (212, 148.8), (217, 150.5), (224, 150.9), (230, 150.1),
                 (235, 147.9), (240, 144.5), (245, 140.9)),
    lower_outer=((202.5, 140.4), (206, 146.0), (210, 150.6), (216, 153.6), (224, 154.8), (232, 153.2), (238, 149.4),
                 (245, 141.3)),
    chin=((183, 140), (190, 159.5), (197, 167.5), (206, 174), (214, 177.5), (222, 178.8), (231, 178), (240, 173.5),
          (249, 168), (256, 158), (264, 138)),
    nose_y=134.5,
    neck_y=187.0,
    eyes=(
        Eye(((190.5, 101.5), (196, 97.6), (203, 96.4), (209, 98.4), (214.5, 103.8)),
            ((190.5, 101.5), (196, 103.6), (203, 105.2), (209, 104.8), (214.5, 103.8)), (205, 109)),
        Eye(((235, 104.8), (239, 100.6), (245, 98.8), (252, 99.8), (260, 104.8)),
            ((235, 104.8), (240, 106.0), (247, 106.8), (254, 106.2), (260, 104.8)), (246, 110)),
    ),
    head=(225.0, 108.0, 82.0, 98.0),
)  # fmt: skip

ADMIRAL = Portrait(
    person="admiral",
    wheel="matplotlib",
    file="mpl-data/sample_data/grace_hopper.jpg",
    sha256="a8ca6d734765703b09728ab47fe59f473d93ae3967fc24c7c0288c3c7adb7130",
    face_px=(176.0, 124.0, 356.0, 334.0),
    upper_outer=((227, 280.6), (238, 277.2), (247, 273.6), (256, 273.2), (264, 274.4), (274, 272.8), (284, 272.8),
                 (294, 273.8), (302, 275.4), (309, 279.0)),
    upper_inner=((227, 281.4), (236, 279.8), (245, 278.2), (255, 278.4), (262, 280.2), (270, 279.2), (280, 277.2),
                 (292, 276.4), (301, 276.9), (309, 279.4)),
    lower_inner=((227, 281.4), (236, 279.8), (245, 278.2), (255, 278.4), (262, 280.2), (270, 279.2), (280, 277.2),
                 (292, 276.4), (301, 276.9), (309, 279.4)),
    lower_outer=((227, 282.0), (238, 285.0), (247, 290.0), (257, 293.0), (268, 293.4), (280, 291.0), (292, 285.4),
                 (301, 281.0), (309, 280.0)),
    chin=((190, 262), (205, 304), (214, 318), (226, 326.5), (240, 330), (255, 330.5), (270, 330.5), (286, 329),
          (302, 325), (316, 317), (330, 300), (342, 262)),
    nose_y=253.0,
    neck_y=372.0,
    eyes=(
        Eye(((203, 194), (210, 186.5), (220, 183.0), (230, 187.0), (236, 194)),
            ((203, 194), (211, 196.0), (220, 196.6), (229, 196.0), (236, 194)), (222, 200)),
        Eye(((287, 190), (295, 181.5), (304, 178.6), (313, 183.0), (320, 190)),
            ((287, 190), (296, 192.0), (304, 192.6), (313, 192.0), (320, 190)), (304, 198)),
    ),
    head=(265.0, 185.0, 128.0, 170.0),
)  # fmt: skip

PORTRAITS = {portrait.person: portrait for portrait in (ASTRONAUT, ADMIRAL)}


def picture_of(portrait: Portrait) -> np.ndarray:
    """Return the portrait as (H, W, 3) uint8 BGR.

    Raises:
        ModuleNotFoundError: the wheel that holds it is not installed.
        ValueError: the wheel holds another picture under that name.
    """
    spec = importlib.util.find_spec(portrait.wheel)
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError(f"No module named {portrait.wheel!r}", name=portrait.wheel)
    content = (Path(spec.origin).parent / portrait.file).read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    if digest != portrait.sha256:
        raise ValueError(f"{portrait.wheel}/{portrait.file}: expected sha256 {portrait.sha256}, got {digest}")
    picture = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)
    if picture is None:
        raise ValueError(f"{portrait.wheel}/{portrait.file}: not a picture")
    return picture
