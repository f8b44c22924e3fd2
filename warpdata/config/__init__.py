"""Every option that several rooms share and the only home of its default: a file a group of options.

The command line's flags are made from the fields, and a field's docstring is its help. Options of one source, estimator
or layout alone stand beside it, not here.
"""

from warpdata.config.caches import default_cache_dir
from warpdata.config.export import ExportOptions
from warpdata.config.filters import FilterOptions
from warpdata.config.geometry import GeometryOptions
from warpdata.config.limits import MAX_IMAGE_PIXELS, MIN_IMAGE_SIDE
from warpdata.config.output import OutputOptions
from warpdata.config.pairs import PairOptions
from warpdata.config.quality import QualityOptions
from warpdata.config.render import SEED_S0, RenderOptions
from warpdata.config.size import SizeOptions
from warpdata.config.source import SourceOptions

__all__ = [
    "MAX_IMAGE_PIXELS",
    "MIN_IMAGE_SIDE",
    "SEED_S0",
    "ExportOptions",
    "FilterOptions",
    "GeometryOptions",
    "OutputOptions",
    "PairOptions",
    "QualityOptions",
    "RenderOptions",
    "SizeOptions",
    "SourceOptions",
    "default_cache_dir",
]
