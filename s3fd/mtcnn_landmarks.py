"""The five points of a known face from MTCNN's last network, for when YuNet's file cannot be had."""

from __future__ import annotations

import cv2
import numpy as np
import torch
from facenet_pytorch.models.mtcnn import ONet

from s3fd.common import MIN_LANDMARK_SCORE
from s3fd.mtcnn import wheel_network

INPUT_PX = 48
"""Side of the square that the network reads."""

REFINEMENTS = 2
"""Times that the square is read: first where the face is known to be, then where the network moved it."""


class MtcnnLandmarks:
    """`LandmarkFinder` with a network whose weights come with the facenet-pytorch wheel; on the CPU."""

    def __init__(self) -> None:
        self._network = wheel_network(ONet(pretrained=False), "onet.pt", torch.device("cpu"))

    @torch.inference_mode()
    def points(self, picture: np.ndarray, box_px: np.ndarray) -> np.ndarray | None:
        """See `LandmarkFinder.points`."""
        box = np.asarray(box_px, np.float64)
        points, score = np.zeros((5, 2)), 0.0
        for _ in range(REFINEMENTS):
            centre, half = (box[:2] + box[2:]) / 2, (box[2:] - box[:2]).max() / 2
            start, side = centre - half, 2 * half
            if not side >= 1:
                return None
            place = np.array([[INPUT_PX, 0, -start[0] * INPUT_PX], [0, INPUT_PX, -start[1] * INPUT_PX]]) / side
            method = cv2.INTER_AREA if side > INPUT_PX else cv2.INTER_LINEAR
            square = cv2.warpAffine(picture, place, (INPUT_PX, INPUT_PX), flags=method)
            pixels = torch.from_numpy(square).permute(2, 0, 1)[None].float()
            shifts, places, scores = (answer[0].double().numpy() for answer in self._network(pixels))
            points, score = start + side * places.reshape(2, 5).T, float(scores[1])
            box = np.concatenate([start, start + side]) + side * shifts
        return points.astype(np.float32) if score >= MIN_LANDMARK_SCORE else None

    def sees_face(self, picture: np.ndarray, box_px: np.ndarray) -> bool:
        """Return True: this network, which was trained on faces from the front, does not know the others."""
        return True
