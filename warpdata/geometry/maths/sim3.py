"""Similarity transforms: a rotation, a scale and a shift that take one world frame to another.

`b_from_a` takes points of frame a to frame b: `x_b = scale * rotation @ x_a + translation`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor

from warpdata.camera import Camera

TUKEY = 4.685
"""Cut-off of Tukey's biweight in standard deviations: 95 % efficient on Gaussian noise, blind to what lies beyond."""
SPREAD_QUANTILE, SPREAD_SIGMAS = 0.3, 0.3853
"""Of Gaussian residuals 30 % lie within 0.3853 standard deviations: the share by which their spread is measured. A
lower share than the half that is customary stays useful when most pairs are wrong."""
MAX_ITERATIONS = 50
CONVERGED = 1e-3
"""Iterations end when half of the points move by less than this part of the spread of the residuals."""
TOLERANCE = 1e-10


@dataclass(frozen=True, kw_only=True)
class Sim3:
    """One similarity transform, `b_from_a`; float64.

    Attributes:
        scale: > 0; a length of 1 in frame a is `scale` in frame b.
        rotation: (3, 3), determinant 1.
        translation: (3,), where the origin of frame a lies in frame b.
    """

    scale: float
    rotation: Float[Tensor, "3 3"]
    translation: Float[Tensor, "3"]

    @classmethod
    def identity(cls) -> Sim3:
        return cls(scale=1.0, rotation=torch.eye(3, dtype=torch.float64), translation=torch.zeros(3).double())

    def __matmul__(self, b_from_a: Sim3) -> Sim3:
        """`c_from_b @ b_from_a` is `c_from_a`."""
        return Sim3(
            scale=self.scale * b_from_a.scale,
            rotation=self.rotation @ b_from_a.rotation,
            translation=self.apply(b_from_a.translation),
        )

    def inverse(self) -> Sim3:
        """`a_from_b`."""
        rotation = self.rotation.mT
        return Sim3(scale=1 / self.scale, rotation=rotation, translation=-(rotation @ self.translation) / self.scale)

    def apply(self, points_a: Float[Tensor, "*n 3"]) -> Float[Tensor, "*n 3"]:
        """The same points in frame b, in float64."""
        return self.scale * points_a.double() @ self.rotation.mT + self.translation

    def move_camera(self, camera_in_a: Camera) -> Camera:
        """The same camera, one or a batch, placed in frame b: it sees every point where it did, `scale` times as deep.

        With `x_b = s R x_a + t`, the camera `[R_c | t_c]` of frame a becomes `[R_c Rᵀ | s t_c - R_c Rᵀ t]`.
        """
        pose = camera_in_a.cam_from_world.double()
        rotation = pose[..., :3, :3] @ self.rotation.mT
        moved = pose.clone()
        moved[..., :3, :3] = rotation
        moved[..., :3, 3] = self.scale * pose[..., :3, 3] - rotation @ self.translation
        return replace(camera_in_a, cam_from_world=moved)


@dataclass(frozen=True, kw_only=True)
class Fit:
    """A robustly fitted transform and how well it holds.

    Attributes:
        b_from_a: the transform.
        residual: robust standard deviation of the residuals, in their own unit.
        inliers: share of the total weight that lies within the cut-off.
    """

    b_from_a: Sim3
    residual: float
    inliers: float


def fit_sim3(
    points_a: Float[Tensor, "n 3"], points_b: Float[Tensor, "n 3"], weights: Float[Tensor, "n"] | None = None
) -> Sim3:
    """`b_from_a` with the least weighted sum of squared distances, in closed form.

    Umeyama, "Least-squares estimation of transformation parameters between two point patterns" (1991), for the
    rotation and translation. The scale is the symmetric one of Horn (1987), the ratio of the two spreads: Umeyama's
    shrinks when the points of frame a are noisy too, and along a chain of transforms a shrinkage adds up.

    Raises:
        ValueError: fewer than three points carry weight, or all of them coincide.
    """
    a, b = points_a.double(), points_b.double()
    w = torch.ones(len(a), dtype=torch.float64) if weights is None else weights.double()
    if (w > 0).sum() < 3:
        raise ValueError(f"a similarity transform needs three weighted point pairs, got {int((w > 0).sum())}")
    w = w / w.sum()
    mean_a, mean_b = w @ a, w @ b
    a, b = a - mean_a, b - mean_b
    spread_a, spread_b = (w @ a.square()).sum(), (w @ b.square()).sum()
    if spread_a <= 0 or spread_b <= 0:
        raise ValueError("a similarity transform cannot be found from points that coincide")
    rotation = nearest_rotation((w[:, None] * b).mT @ a)
    scale = (spread_b / spread_a).sqrt()
    return Sim3(scale=scale.item(), rotation=rotation, translation=mean_b - scale * rotation @ mean_a)


def align_cameras(world_from_cam_a: Float[Tensor, "n 4 4"], world_from_cam_b: Float[Tensor, "n 4 4"]) -> Sim3:
    """`b_from_a` for two sets of poses of the same cameras.

    The rotation is the median of those between the two orientations of each camera, so that cameras on a line, whose
    centres leave the rotation about it open, are aligned as well; scale and translation come from the centres.

    Raises:
        ValueError: all centres of a set coincide.
    """
    a, b = world_from_cam_a.double(), world_from_cam_b.double()
    rotation = median_rotation(b[:, :3, :3] @ a[:, :3, :3].mT)
    mean_a, mean_b = a[:, :3, 3].mean(dim=0), b[:, :3, 3].mean(dim=0)
    spread_a, spread_b = (a[:, :3, 3] - mean_a).square().sum(), (b[:, :3, 3] - mean_b).square().sum()
    if spread_a <= 0 or spread_b <= 0:
        raise ValueError("cameras that all stand in one place cannot be aligned in scale")
    scale = (spread_b / spread_a).sqrt()
    return Sim3(scale=scale.item(), rotation=rotation, translation=mean_b - scale * rotation @ mean_a)


def fit_sim3_robust(
    points_a: Float[Tensor, "n 3"],
    points_b: Float[Tensor, "n 3"],
    weights: Float[Tensor, "n"],
    *,
    start: Sim3,
    lengths_b: Float[Tensor, "n"],
) -> Fit:
    """`b_from_a` from point pairs of which many may be wrong: iteratively reweighted least squares.

    Residuals are distances in frame b in units of `lengths_b`, for points whose error grows with their distance: a
    point's depth. The robust weight is Tukey's biweight, its width the spread of the residuals of the moment.

    Args:
        start: a transform near the right one; a minimum near it is found.
        lengths_b: positive length a residual is measured in, point by point, in frame b.

    Raises:
        ValueError: too few points are left for a transform.
    """
    scaled = weights.double() / lengths_b.double().square()
    current = start
    for _ in range(MAX_ITERATIONS):
        residuals = (current.apply(points_a) - points_b.double()).norm(dim=-1) / lengths_b
        sigma = spread_of(residuals, weights)
        following = fit_sim3(points_a, points_b, scaled * biweight(residuals, sigma))
        change = (following.apply(points_a) - current.apply(points_a)).norm(dim=-1) / lengths_b
        current = following
        if change.median() <= CONVERGED * sigma + TOLERANCE:
            break
    residuals = (current.apply(points_a) - points_b.double()).norm(dim=-1) / lengths_b
    sigma = spread_of(residuals, weights)
    within = weights[residuals < TUKEY * sigma + TOLERANCE].sum() / weights.sum()
    return Fit(b_from_a=current, residual=sigma, inliers=within.item())


def biweight(residuals: Float[Tensor, "n"], sigma: float) -> Float[Tensor, "n"]:
    """Tukey's biweight: 1 for no residual, 0 from `TUKEY` standard deviations on."""
    # Exact data leaves residuals of rounding size only; they all count.
    ratio = residuals.double() / (TUKEY * max(sigma, TOLERANCE))
    return (1 - ratio.square()).clamp_min(0).square()


def spread_of(residuals: Float[Tensor, "n"], weights: Float[Tensor, "n"]) -> float:
    """Robust standard deviation of residuals around 0."""
    return weighted_quantile(residuals.abs(), weights, SPREAD_QUANTILE).item() / SPREAD_SIGMAS


def weighted_quantile(
    values: Float[Tensor, "*n"], weights: Float[Tensor, "*n"], quantile: float = 0.5
) -> Float[Tensor, ""]:
    """The smallest value with at least a share `quantile` of the total weight at or below it, in float64.

    Raises:
        ValueError: no value carries weight.
    """
    values, weights = values.double().flatten(), weights.double().flatten()
    values, order = values[weights > 0].sort()
    if len(values) == 0:
        raise ValueError("a quantile of nothing was asked for: no value carries weight")
    total = weights[weights > 0][order].cumsum(0)
    return values[torch.searchsorted(total, total[-1] * quantile)]


def nearest_rotation(matrix: Float[Tensor, "*n 3 3"]) -> Float[Tensor, "*n 3 3"]:
    """The rotation nearest to a matrix in the Frobenius norm (orthogonal Procrustes, without reflection)."""
    u, _, vt = torch.linalg.svd(matrix.double())
    flip = torch.ones(matrix.shape[:-1], dtype=torch.float64)
    flip[..., 2] = torch.linalg.det(u @ vt).sign()
    return u @ (flip[..., None] * vt)


def median_rotation(rotations: Float[Tensor, "n 3 3"]) -> Float[Tensor, "3 3"]:
    """The rotation with the least sum of angles to all given ones, so that up to half of them may be wrong.

    Weiszfeld's algorithm on chordal distances: a mean in which each rotation weighs 1 / its distance.
    """
    # The member nearest to all others is a start that no minority can drag away.
    distances = (rotations[:, None] - rotations[None]).double().flatten(2).norm(dim=-1)
    current = rotations[distances.sum(1).argmin()].double()
    for _ in range(MAX_ITERATIONS):
        weights = 1 / (rotations.double() - current).flatten(1).norm(dim=-1).clamp_min(TOLERANCE)
        following = nearest_rotation((weights[:, None, None] * rotations.double()).sum(0))
        done = (following - current).norm() < TOLERANCE
        current = following
        if done:
            break
    return current


def rotation_angle(rotation: Float[Tensor, "*n 3 3"]) -> Float[Tensor, "*n"]:
    """The angle of a rotation in degrees, 0 to 180, accurate near both ends."""
    skew = rotation - rotation.mT
    sine = torch.stack([skew[..., 2, 1], skew[..., 0, 2], skew[..., 1, 0]], dim=-1).norm(dim=-1)
    cosine = rotation.diagonal(dim1=-2, dim2=-1).sum(-1) - 1
    return torch.rad2deg(torch.atan2(sine, cosine))
