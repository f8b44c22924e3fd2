"""Texels of four numbers, each number in a plane of its own, so that neighbouring threads read neighbouring words."""

from typing import no_type_check

import warp as wp


@no_type_check
@wp.func
def load(planes: wp.array3d[wp.float32], b: int, texel: int):
    return wp.vec4(planes[b, 0, texel], planes[b, 1, texel], planes[b, 2, texel], planes[b, 3, texel])


@no_type_check
@wp.func
def save(planes: wp.array3d[wp.float32], b: int, texel: int, value: wp.vec4):
    planes[b, 0, texel] = value[0]
    planes[b, 1, texel] = value[1]
    planes[b, 2, texel] = value[2]
    planes[b, 3, texel] = value[3]
