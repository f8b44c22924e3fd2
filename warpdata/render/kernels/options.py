"""How the kernels are compiled."""

MODULE_OPTIONS = {
    "enable_backward": False,
    "fast_math": False,
    "fuse_fp": False,
}
"""Every operation is rounded by itself, as in the definition: no contraction into multiply-adds, exact division."""
