"""The kernels of the `warp` backend, in NVIDIA Warp. Importing them imports Warp.

One file for each of the definition's stages, which the docstrings of its file explain; here only what is particular
to the kernels is said. Array letters: b picture of the batch, (y, x) row and column from the top, `up` row from the
bottom, as the pyramids are stored. `no_type_check` keeps run-time type checkers, which do not know Warp's array
types, away from what is compiled.
"""
