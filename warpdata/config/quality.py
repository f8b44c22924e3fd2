"""Which triplets are kept for their scores, and what is done to their splats."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from warpdata.config.expressions import Expression, Scores

SCORES = {
    "hole_fraction": "share of the target where no point or surface is seen",
    "psnr": "likeness of splat and target where points are seen, in dB, at most 99",
    "exposure_gap": "mean of target minus splat where points are seen, as a share of full scale",
    "exposure_gap_red": "the same of one channel",
    "exposure_gap_green": "the same of one channel",
    "exposure_gap_blue": "the same of one channel",
    "sharpness_target": "variance of the Laplacian of the target's luminance, in 8-bit levels squared",
    "sharpness_reference": "the same of the reference",
    "flying_fraction": "share of the reference's points that hang between two surfaces",
    "baseline": "distance of the two cameras over the median depth of the reference's points",
    "rotation_deg": "angle between the two cameras' axes, in degrees",
}
"""Every score of a triplet, and what it is; docs/quality.md defines them."""

GAINS = {f"gain_{channel}": "what the splat's channel was multiplied by" for channel in ("red", "green", "blue")}
"""Scores that there are with `match_exposure` alone."""


@dataclass(frozen=True, kw_only=True)
class QualityOptions:
    """Which triplets are kept for their scores, and what is done to their splats."""

    keep: str = ""
    """Keep only triplets whose scores meet a condition, such as 'psnr > 18 and hole_fraction < 0.6': < <= > >= == !=,
    and, or, not, + - * /, parentheses. docs/quality.md lists the scores. By default all are kept."""
    match_exposure: bool = False
    """Multiply each channel of the splat by the factor that brings it closest to the target where points are seen, for
    photographs whose exposure or white balance changes. The factors are among the scores, as gain_red, ..."""
    ignore_marks: bool = False
    """Also use triplets that a person has rejected in the viewer, in rejected.json beside the data."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "keep", " ".join(self.keep.split()))
        try:
            _ = self._condition
        except ValueError as error:
            raise ValueError(f"`keep`: {error}") from error

    def failing(self, scores: Scores) -> tuple[str, ...]:
        """Those parts of the condition that a triplet's scores do not meet; none where it is kept."""
        return () if self._condition is None else self._condition.failing(scores)

    @cached_property
    def _condition(self) -> Expression | None:
        names = SCORES | (GAINS if self.match_exposure else {})
        return Expression.parse(self.keep, names=names) if self.keep else None
