"""The one scene that a folder, tar or zip holds."""

from __future__ import annotations

from warpdata.config import default_cache_dir
from warpdata.errors import SourceError
from warpdata.run.options import MaterializeOptions
from warpdata.sources import Workplace, open_source
from warpdata.sources.scene import Scene

NAMES_SHOWN = 20


def open_one_scene(run: MaterializeOptions) -> Scene:
    """The scene of `run.source.input_dir`.

    Raises:
        SourceError: there is none, or there are several.
        SceneError: it cannot be used.
    """
    path = run.source.input_dir
    if not path.exists():
        raise SourceError(f"there is no scene {path}; give the folder, tar or zip of one")
    source = open_source(run.source, run.own, work=Workplace(cache_dir=run.geometry.cache_dir or default_cache_dir()))
    scene_ids = source.scene_ids()
    if len(scene_ids) > 1:
        some = ", ".join(scene_ids[:NAMES_SHOWN]) + (", ..." if len(scene_ids) > NAMES_SHOWN else "")
        raise SourceError(f"{path} holds {len(scene_ids)} scenes ({some}); give the folder of one of them")
    return source.scene(scene_ids[0])
