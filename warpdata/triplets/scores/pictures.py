"""Scores of pictures: how a splat differs from its target, and how sharp a picture is.

All of them are made of sums of whole numbers, which are exact in any order: the loops for the CPU and the definition in
torch give the same.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int64, UInt8
from torch import Tensor

from warpdata.triplets.inputs import Rectangle
from warpdata.triplets.scores import kernels

LUMINANCE_UNIT = 4
"""Red, twice green and blue together are luminance in quarters of a level."""


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Target minus splat where points are seen, summed.

    Attributes:
        seen: how many pixels that is.
        difference: of each channel, in levels.
        square: of each channel, squared.
    """

    seen: Int64[Tensor, "B"]
    difference: Int64[Tensor, "B 3"]
    square: Int64[Tensor, "B 3"]


def compare(
    splat: UInt8[Tensor, "B 3 H W"], target: UInt8[Tensor, "B 3 H W"], shown: Bool[Tensor, "B 1 H W"]
) -> Comparison:
    """The sums of each of a batch."""
    if splat.is_cuda:
        return define_comparison(splat, target, shown)
    pictures = zip(splat, target, shown, strict=True)
    sums = torch.stack([torch.from_numpy(kernels.compare(*(part.numpy() for part in one))) for one in pictures])
    return Comparison(seen=sums[:, 0], difference=sums[:, 1:4], square=sums[:, 4:])


def define_comparison(
    splat: UInt8[Tensor, "B 3 H W"], target: UInt8[Tensor, "B 3 H W"], shown: Bool[Tensor, "B 1 H W"]
) -> Comparison:
    """The definition of `compare`."""
    difference = (target.to(torch.int32) - splat) * shown
    return Comparison(
        seen=shown.sum((-3, -2, -1)), difference=difference.sum((-2, -1)), square=difference.square().sum((-2, -1))
    )


def sharpness(pictures: UInt8[Tensor, "B 3 H W"], contents: list[Rectangle]) -> Float[Tensor, "B"]:
    """Variance of the Laplacian (four neighbours) of luminance, (R + 2 G + B) / 4, in 8-bit levels squared.

    Pech-Pacheco et al., "Diatom autofocusing in brightfield microscopy: a comparative study", ICPR 2000. Over the
    pixels whose neighbours are all picture, not border; 0 where there is none.
    """
    return torch.stack([_sharpness(*one) for one in zip(pictures, contents, strict=True)])


def _sharpness(picture: UInt8[Tensor, "3 H W"], content: Rectangle) -> Float[Tensor, ""]:
    left, top, right, bottom = content
    if min(right - left, bottom - top) < 3:
        return torch.zeros((), dtype=torch.float64, device=picture.device)
    picture = picture[:, top:bottom, left:right]
    sums = define_laplacian(picture) if picture.is_cuda else torch.from_numpy(kernels.laplacian(picture.numpy()))
    mean, mean_square = sums.double() / ((right - left - 2) * (bottom - top - 2))
    return (mean_square - mean.square()) / LUMINANCE_UNIT**2


def define_laplacian(picture: UInt8[Tensor, "3 H W"]) -> Int64[Tensor, "2"]:
    """The Laplacian of R + 2 G + B and its square, summed over all pixels but those of the rim."""
    red, green, blue = picture.to(torch.int32)
    light = red + 2 * green + blue
    inner = slice(1, -1)
    around = light[:-2, inner] + light[2:, inner] + light[inner, :-2] + light[inner, 2:]
    laplacian = 4 * light[inner, inner] - around
    return torch.stack([laplacian.sum(), laplacian.square().sum()])
