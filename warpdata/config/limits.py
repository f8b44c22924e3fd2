"""How much is read of anything before it is refused: sizes are bounded before memory is taken."""

MAX_IMAGE_PIXELS = 400_000_000
"""Images and depth maps with more pixels than this are refused before their pixels are decoded."""

MIN_IMAGE_SIDE = 16
"""Views with a shorter side are left out: nothing can be learned from them, and they would shrink the whole scene."""
