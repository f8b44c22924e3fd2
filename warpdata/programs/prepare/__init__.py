"""`warpdata prepare`: pipelines from raw downloads to folders of scenes, one file a command line."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from warpdata.programs.main import Program, program_of, run_one_of

PIPELINES: dict[str, Program] = {
    "blender-grid": program_of("warpdata.programs.prepare.blender_grid", "pictures of a folder tiled into one"),
    "blender-hemisphere": program_of("warpdata.programs.prepare.blender_hemisphere", "views on rings, as a picture"),
    "dem": program_of("warpdata.programs.prepare.dem", "elevation tiles and satellite images"),
    "earth-studio": program_of("warpdata.programs.prepare.earth_studio", "renders of Google Earth Studio with cameras"),
    "estimator": program_of("warpdata.programs.prepare.estimator", "environments of estimators of other packages"),
    "image-list": program_of("warpdata.programs.prepare.image_list", "the published list of MegaDepth images as JSON"),
    "spacevista": program_of("warpdata.programs.prepare.spacevista", "SpaceVista's bundle and its items"),
    "video": program_of("warpdata.programs.prepare.video", "frames of videos, as folders to look at"),
}
"""Every pipeline by name; its module is imported when it is run."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the pipeline that the first argument names, or list them; its exit code."""
    return run_one_of(PIPELINES, sys.argv[1:] if arguments is None else arguments, prog="warpdata prepare")
