"""The names that options take which choose rows of tables."""

from __future__ import annotations

from warpdata.geometry.estimators import AUTO as AUTO_ESTIMATOR
from warpdata.geometry.estimators import ESTIMATORS
from warpdata.sources.table import AUTO as AUTO_SOURCE
from warpdata.sources.table import SOURCES
from warpdata.writers.layouts.table import LAYOUTS
from warpdata.writers.scenes.table import SCENE_FORMATS


def name_choices() -> dict[str, tuple[str, ...]]:
    """Option -> the names that it takes; imports no row."""
    return {
        "source": (AUTO_SOURCE, *SOURCES.names),
        "geometry": (AUTO_ESTIMATOR, *ESTIMATORS.names),
        "layout": LAYOUTS.names,
        "export_scenes": SCENE_FORMATS.names,
    }
