"""Depth, confidence and cameras of a scene, from whichever estimator can give them.

Names are loaded when they are used: importing this package loads no network and none of the extras.
"""

from importlib import import_module

_HOME = {
    "ContentBox": "types",
    "ESTIMATORS": "estimators",
    "Estimator": "types",
    "EstimatorRequest": "estimators",
    "EstimatorRow": "estimators",
    "FrameFailure": "types",
    "FrameGeometry": "types",
    "GivenEstimator": "given",
    "NetworkEstimator": "network.estimator",
    "MemoryPlan": "estimators",
    "Provenance": "types",
    "SceneGeometry": "types",
    "SfmEstimator": "sfm.estimator",
    "SkyFiltered": "filters.sky",
    "choose_estimator": "choose",
    "consistency": "filters.consistency",
    "resolve_weights": "network.weights",
}

__all__ = sorted(_HOME)


def __getattr__(name: str):
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return __all__
