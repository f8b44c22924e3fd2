"""Turn any collection of views into training triplets for novel-view synthesis: splat, reference, target."""

__version__ = "0.1.0"
