"""Depth, confidence and cameras of a scene, from whichever estimator can give them.

Names are loaded when they are used: importing this package loads no network and none of the extras.
"""

from importlib import import_module

# Not when used, as the others: the function is named like its module, which would hide it once it is imported.
from warpdata.geometry.filters.consistency import consistency as consistency

_HOME = {
    "ContentBox": "types",
    "Estimator": "types",
    "FrameGeometry": "types",
    "GivenEstimator": "given",
    "NetworkEstimator": "network.estimator",
    "Provenance": "types",
    "SceneGeometry": "types",
    "SkyFiltered": "filters.sky",
    "choose_estimator": "estimators",
    "resolve_weights": "network.weights",
}

__all__ = sorted([*_HOME, "consistency"])


def __getattr__(name: str):
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return __all__
