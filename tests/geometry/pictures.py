"""Photographs whose content says which frame they are, and a network that knows the exact geometry of each."""

import itertools
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from tests.geometry.exact import random_sim3
from warpdata.geometry.network.network import NetworkInput, Prediction
from warpdata.geometry.network.weights import ResolvedWeights
from warpdata.geometry.network.windows import moved
from warpdata.geometry.types import ContentBox
from warpdata.sources import PictureFile, Scene, View


def photograph(path: Path, hw: tuple[int, int], seed: int = 0) -> Path:
    """A picture of smooth random colours."""
    random = np.random.default_rng(seed)
    coarse = random.integers(0, 256, (6, 8, 3), dtype=np.uint8)
    Image.fromarray(coarse).resize((hw[1], hw[0]), Image.Resampling.BICUBIC).save(path)
    return path


def numbered(path: Path, index: int, hw: tuple[int, int]) -> Path:
    """A picture of one colour, which is its number."""
    Image.new("RGB", (hw[1], hw[0]), (index % 256, index // 256, 0)).save(path)
    return path


def scene_of(paths, **fields) -> Scene:
    """A scene of picture files; `fields` are lists of the views' other attributes."""
    paths = list(paths)
    views = tuple(
        View(name=path.stem, picture=PictureFile(path), **{key: values[i] for key, values in fields.items()})
        for i, path in enumerate(paths)
    )
    return Scene(id="scene", root=paths[0].parent, views=views, left_out={})


def weights_of(path: Path, network="vggt") -> ResolvedWeights:
    return ResolvedWeights(
        path=path, id=path.name, revision=None, sha256="0" * 64, license="test weights", network=network
    )


class KnowingNetwork:
    """Gives each window of numbered pictures its exact geometry in a world and scale of its own."""

    precision = "exact"

    def __init__(self, frames, *, fits=None, blind=()):
        self.frames = frames
        self.fits = fits
        self.blind = set(blind)
        self.seen: list[list[int]] = []
        self._generator = torch.Generator().manual_seed(8)

    def input_size(self, picture_hw):
        return self.frames[0].camera.hw

    def prepare(self, picture):
        height, width = self.frames[0].camera.hw
        box = ContentBox(left=0.0, top=0.0, right=float(picture.shape[2]), bottom=float(picture.shape[1]))
        pixels = picture[:, :1, :1].expand(3, height, width).contiguous()
        return NetworkInput(pixels=pixels, content=(0, 0, width, height), content_box=box)

    def frames_that_fit(self, hw):
        return self.fits

    def __call__(self, images, known=None):
        colours = (images[:, :, 0, 0] * 255).round().long()
        indices = (colours[:, 0] + 256 * colours[:, 1]).tolist()
        self.seen.append(indices)
        own_from_world = random_sim3(self._generator)
        frames = [moved(self.frames[index], own_from_world) for index in indices]
        K = torch.stack([frame.camera.K for frame in frames])
        for place, index in enumerate(indices):
            if index in self.blind:
                K[place, 0, 0] = torch.inf
        return Prediction(
            K=K,
            cam_from_world=torch.stack([frame.camera.cam_from_world for frame in frames]),
            depth=torch.stack([frame.depth for frame in frames]),
            confidence=torch.stack([frame.confidence for frame in frames]),
        )


def covered(windows):
    """Indices of all windows in the order they were first seen."""
    return list(dict.fromkeys(itertools.chain(*windows)))
