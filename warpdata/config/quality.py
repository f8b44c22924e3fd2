"""Which triplets are kept for their scores, and what is done to their splats."""

from __future__ import annotations

SCORES = {
    "hole_fraction": "share of the target where no point is seen",
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
