"""Sky in pictures, found by a segmentation network, and kept from becoming points: `--filter-sky`.

The network is an ONNX file that takes a picture (1, 3, h, w), RGB normalised as for ImageNet, and gives the probability
of sky at every pixel; the default is the U²-Net that VGGT's own demonstration uses. Scores are kept as 8-bit pictures,
which is what they are thresholded at, in the cache: by the content of the picture and of the network, so that neither
can change under a mask.
"""

from __future__ import annotations

import hashlib
import logging
import re
from collections.abc import Generator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import UInt8
from PIL import Image
from torch import Tensor

from warpdata.errors import BackendError, OutputError, ViewError, WeightsError
from warpdata.files.atomic import atomic_file
from warpdata.files.digests import remembered_sha256
from warpdata.geometry.maths.sample import sample_picture
from warpdata.geometry.network.hub import Hub, HubFile
from warpdata.geometry.types import (
    Estimator,
    FrameFailure,
    FrameGeometry,
    Outcome,
    Progress,
    Provenance,
    SceneGeometry,
    no_progress,
)
from warpdata.sources.picture import Picture
from warpdata.sources.scene import Scene

log = logging.getLogger(__name__)

SKY_SCORE = 32
"""Of 255, from which on a pixel is sky: low, because a sky point in mid-air harms more than a missing one."""
INPUT_SIDE = 320
"""Side of the network's square input, where its file leaves it open."""
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
PROBABILITY_SLACK = 1e-3
SKY_FOLDER = "sky"
"""Of the cache's root: where scores are kept."""
SCORES_VERSION = 1
"""Raised whenever the same network gives other scores."""

_HUB_SPEC = re.compile(r"(?P<repo>[\w.-]+/[\w.-]+)/(?P<file>[\w.-][\w./-]*\.onnx)(?:@(?P<revision>[\w./-]+))?")


@dataclass(frozen=True, kw_only=True)
class SkyModel:
    """A segmentation network on this machine.

    Attributes:
        path: the ONNX file.
        id: its name, or `repository/file@commit`.
        sha256: digest of its bytes.
    """

    path: Path
    id: str
    sha256: str

    @cached_property
    def session(self):
        """The loaded network.

        Raises:
            BackendError: the extra `sky` is not installed.
            WeightsError: the file is no network for this.
        """
        runtime = onnxruntime()
        try:
            session = runtime.InferenceSession(str(self.path), providers=["CPUExecutionProvider"])
        except Exception as error:  # the runtime's exceptions have no public base class
            raise WeightsError(f"`sky_model` {self.id} is not an ONNX network that can be run: {error}") from error
        shapes = [node.shape for node in session.get_inputs()]
        if len(shapes) != 1 or len(shapes[0]) != 4 or shapes[0][1] != 3:
            raise WeightsError(f"`sky_model` {self.id} takes inputs {shapes}; one picture [1, 3, h, w] was expected")
        return session

    def scores(self, picture: UInt8[Tensor, "3 H W"]) -> UInt8[Tensor, "h w"]:
        """Probability of sky in 255ths, over the whole picture at the network's resolution.

        Raises:
            WeightsError: the network does not give probabilities.
        """
        node = self.session.get_inputs()[0]
        height, width = (side if isinstance(side, int) else INPUT_SIDE for side in node.shape[2:])
        image = Image.fromarray(picture.permute(1, 2, 0).numpy()).resize((width, height), Image.Resampling.BILINEAR)
        values = (np.asarray(image, dtype=np.float32) / 255 - np.float32(MEAN)) / np.float32(STD)
        output = self.session.run([self.session.get_outputs()[0].name], {node.name: values.transpose(2, 0, 1)[None]})[0]
        scores = np.squeeze(output)
        if scores.ndim != 2 or not (scores.min() >= -PROBABILITY_SLACK and scores.max() <= 1 + PROBABILITY_SLACK):
            raise WeightsError(
                f"`sky_model` {self.id} gives an output of shape {list(output.shape)} from {output.min():.3g} to "
                f"{output.max():.3g}; one map of probabilities was expected"
            )
        return torch.from_numpy(np.rint(scores.clip(0, 1) * 255).astype(np.uint8))


def onnxruntime():
    """The module of the extra `sky`.

    Raises:
        BackendError: it is not installed.
    """
    try:
        import onnxruntime
    except ImportError as error:
        raise BackendError(
            "`filter_sky` needs onnxruntime, which is not installed; install it with `pip install 'warpdata[sky]'`"
        ) from error
    return onnxruntime


def resolve_sky_model(spec: str, *, hub: Hub | None = None) -> SkyModel:
    """The network that `--sky-model` names, fetched if need be.

    Args:
        spec: an .onnx file, or `owner/name/file.onnx[@revision]`.

    Raises:
        BackendError: the extra `sky` is not installed; said before anything is fetched.
        WeightsError: the network cannot be had.
    """
    onnxruntime()
    path = Path(spec).expanduser()
    if path.is_file():
        return SkyModel(path=path, id=path.name, sha256=remembered_sha256(path))
    match = _HUB_SPEC.fullmatch(spec)
    if match is None:
        raise WeightsError(
            f"`sky_model` {spec}: there is no such file; give the path of an .onnx file, or a file of a Hugging Face "
            "repository as owner/name/file.onnx"
        )
    fetched = (hub or Hub()).fetch(HubFile(repo=match["repo"], name=match["file"], revision=match["revision"]))
    return SkyModel(path=fetched.path, id=f"{match['repo']}/{match['file']}@{fetched.commit}", sha256=fetched.sha256)


def score_file(model_sha256: str, picture_digest: str) -> str:
    """Name of the file that holds the scores of a picture by a network."""
    made_from = f"{SCORES_VERSION}\n{model_sha256}\n{picture_digest}"
    return f"{hashlib.sha256(made_from.encode()).hexdigest()}.png"


def read_scores(path: Path) -> UInt8[Tensor, "h w"]:
    """Scores that were kept.

    Raises:
        FileNotFoundError: there are none.
        ValueError: the file is damaged.
    """
    try:
        with Image.open(path, formats=("PNG",)) as image:
            if image.mode != "L":
                raise ValueError(f"it is a picture of mode {image.mode}")
            return torch.from_numpy(np.array(image))
    except FileNotFoundError:
        raise
    except (OSError, SyntaxError) as error:
        raise ValueError(str(error)) from error


def why_damaged(path: Path) -> str | None:
    """Why scores that were kept cannot be used, or None."""
    try:
        read_scores(path)
    except (OSError, ValueError) as error:
        return str(error)
    return None


class SkyFiltered:
    """An estimator whose frames have no depth where their pictures show sky.

    Args:
        estimator: gives the geometry.
        model: tells sky.
        folder: where scores are kept between runs.
    """

    def __init__(self, estimator: Estimator, model: SkyModel, folder: Path):
        self._estimator = estimator
        self._model = model
        self._folder = folder

    @property
    def provenance(self) -> Provenance:
        base = self._estimator.provenance
        sky = {"model": self._model.id, "sha256": self._model.sha256, "score": SKY_SCORE}
        return replace(base, options={**base.options, "filter_sky": sky})

    def __call__(self, scene: Scene, *, progress: Progress = no_progress) -> SceneGeometry:
        geometry = self._estimator(scene, progress=progress)
        pictures = {view.name: view.picture for view in scene.views}
        return geometry.transformed(self._without_sky(geometry, pictures), provenance=self.provenance)

    def _without_sky(
        self, geometry: SceneGeometry, pictures: dict[str, Picture]
    ) -> Generator[Outcome, None, dict[str, Any]]:
        removed = total = 0
        for outcome in geometry:
            if not isinstance(outcome, FrameGeometry):
                yield outcome
                continue
            filtered = self._frame_without_sky(outcome, pictures[outcome.name])
            if isinstance(filtered, FrameGeometry):
                removed += int(((outcome.depth > 0) & (filtered.depth == 0)).sum())
                total += int((outcome.depth > 0).sum())
            yield filtered
        return {**geometry.report, "sky_fraction": removed / max(total, 1)}

    def _frame_without_sky(self, frame: FrameGeometry, picture: Picture) -> Outcome:
        try:
            scores = self.scores(picture).float()[None, None]
        except ViewError as error:
            return FrameFailure(name=frame.name, reason=str(error))
        score = sample_picture(scores, frame.image_hw, frame.content_box, frame.depth.shape, mode="bilinear")[0, 0]
        ground = score < SKY_SCORE
        return replace(frame, depth=frame.depth.where(ground, 0), confidence=frame.confidence.where(ground, 1))

    def scores(self, picture: Picture) -> UInt8[Tensor, "h w"]:
        """Sky scores of a picture, from the folder or, the first time, from the network."""
        path = self._folder / score_file(self._model.sha256, picture.digest())
        try:
            return read_scores(path)
        except FileNotFoundError:
            pass
        except ValueError as error:
            log.warning("%s is damaged (%s); sky is looked for again", path, error)
        scores = self._model.scores(picture.load())
        self._keep(path, Image.fromarray(scores.numpy()))
        return scores

    def _keep(self, path: Path, scores: Image.Image) -> None:
        """Put scores where they are found again, whole or not at all; if that fails, they are only computed again."""
        try:
            with atomic_file(path, shared=True) as file:
                scores.save(file, format="PNG")
        except OutputError as error:
            log.warning("sky scores cannot be kept in %s: %s", self._folder, error)
