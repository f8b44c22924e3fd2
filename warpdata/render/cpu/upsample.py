"""Depth and confidence at the size of the image, rows at a time: the rule of `warpdata.geometry.maths.resample`."""

from __future__ import annotations

import numpy as np

from warpdata.kernel import kernel

HALF, ONE = np.float32(0.5), np.float32(1)


@kernel
def upsample(depth, confidence, rows, columns, edge, shrinks, new_depth, new_confidence, first, last):
    """Write the rows `first` to `last` of the new maps.

    `rows` and `columns` are the two texels each pixel lies between and how far along; `edge` is the largest ratio of
    depths on one surface. Without confidence both its arrays are empty.
    """
    above, below, fractions_y = rows
    left, right, fractions_x = columns
    has_confidence = confidence.size > 0
    for y in range(first, last):
        fy = fractions_y[y]
        upper, lower, new = depth[above[y]], depth[below[y]], new_depth[y]
        nearest_row = above[y] if fy < HALF else below[y]
        for x in range(new.size):
            fx = fractions_x[x]
            a, b, c, d = upper[left[x]], upper[right[x]], lower[left[x]], lower[right[x]]
            smallest, largest = min(min(a, b), min(c, d)), max(max(a, b), max(c, d))
            smooth = (smallest > 0) & (largest < np.inf) & (largest <= smallest * edge) & (not shrinks)
            smooth = smooth & (a == a) & (b == b) & (c == c) & (d == d)
            top = ONE / a + (ONE / b - ONE / a) * fx
            bottom = ONE / c + (ONE / d - ONE / c) * fx
            nearest = depth[nearest_row, left[x] if fx < HALF else right[x]]
            new[x] = ONE / (top + (bottom - top) * fy) if smooth else nearest
            if has_confidence:
                upper_c, lower_c = confidence[above[y]], confidence[below[y]]
                top = upper_c[left[x]] + (upper_c[right[x]] - upper_c[left[x]]) * fx
                bottom = lower_c[left[x]] + (lower_c[right[x]] - lower_c[left[x]]) * fx
                nearest = confidence[nearest_row, left[x] if fx < HALF else right[x]]
                new_confidence[y, x] = top + (bottom - top) * fy if smooth else nearest
