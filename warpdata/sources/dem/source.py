"""Areas of tiles as scenes: `DEM-AREA/tile_N.tif` with its image is the scene `AREA_tile_N`, seen by a rig."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from warpdata.config import SourceOptions
from warpdata.errors import SceneError, SourceError, ViewError, grouped_reasons
from warpdata.files.bounded_json import read_json
from warpdata.files.paths import check_inside
from warpdata.sources.dem.options import DemOptions
from warpdata.sources.dem.rendered import RedrawnTile, TileFiles, view_of
from warpdata.sources.dem.rigs import rig_cameras
from warpdata.sources.dem.tiles import area_tiles, areas_in, image_of, rejected_numbers
from warpdata.sources.folder_state import SETTLED_NS, file_numbers
from warpdata.sources.naming import natural_key, unique_names
from warpdata.sources.scene import Scene
from warpdata.sources.select import select_views


@dataclass(frozen=True)
class _Tile:
    area: str
    number: int
    files: TileFiles


class DemSource:
    """The tiles of all areas of a folder that have an image and are not rejected. See `Source`."""

    def __init__(self, options: SourceOptions, own: DemOptions):
        self._options = options
        self._own = own
        self._root = options.input_dir.resolve()

    def scene_ids(self) -> list[str]:
        if not self._tiles:
            raise SourceError(
                f"no tile of {self._options.input_dir} has an image: expected DEM-AREA/tile_N.tif and "
                "Image/tif-AREA/tile_N.tif; run `warpdata prepare dem download` first"
            )
        return sorted(self._tiles, key=natural_key)

    @cached_property
    def _tiles(self) -> dict[str, _Tile]:
        tiles: dict[str, _Tile] = {}
        for area, folder in areas_in(self._root).items():
            rejected = rejected_numbers(self._root / f"rejected-{area}.json")
            for number, heights in area_tiles(folder).items():
                image = image_of(heights, self._own.ground)
                if image is not None and number not in rejected:
                    files = TileFiles(
                        heights=heights, image=image, ground=self._own.ground, device=self._own.dem_device
                    )
                    tiles[f"{area}_tile_{number}"] = _Tile(area, number, files)
        ids = unique_names({name: name for name in tiles})
        return {ids[name]: tile for name, tile in tiles.items()}

    def _tile(self, scene_id: str) -> _Tile:
        if scene_id not in self._tiles:
            raise ValueError(f"{self._options.input_dir} holds no tile {scene_id!r}; `scene_ids()` lists them")
        return self._tiles[scene_id]

    def state(self, scene_id: str) -> str | None:
        tile = self._tile(scene_id)
        try:
            status = [os.stat(path) for path in tile.files.paths]
        except OSError:
            return None
        newest = max(max(one.st_mtime_ns, one.st_ctime_ns) for one in status)
        token = [
            self._own,
            [(str(path), file_numbers(one)) for path, one in zip(tile.files.paths, status, strict=True)],
        ]
        return repr(token) if newest < time.time_ns() - SETTLED_NS else None

    def scene(self, scene_id: str) -> Scene:
        tile = self._tile(scene_id)
        try:
            for path in tile.files.paths:
                check_inside(self._root, path)
            ground = tile.files.load()
            cameras, refused = rig_cameras(ground.terrain, self._own.rig, scene_id)
        except (OSError, ValueError, ViewError) as error:
            raise SceneError(f"scene {scene_id} cannot be used: {error}") from error
        left_out = {f"view {number}": reason for number, reason in refused.items()}
        views = []
        for number, camera in cameras.items():
            view = view_of(tile.files, f"{self._own.rig.rig}_{number:03d}", camera)
            if self._own.rig.rig_every_epoch:
                view = replace(view, redraw=RedrawnTile(tile.files, self._own.rig, scene_id, number, view))
            views.append(view)
        if len(views) < 2:
            raise SceneError(
                f"scene {scene_id} has {len(views)} views by the rig {self._own.rig.rig}: "
                f"{grouped_reasons(left_out)}; take larger tiles, a smaller `fov`, or another rig"
            )
        return Scene(
            id=scene_id,
            root=self._root,
            views=select_views(views, self._options),
            left_out=left_out,
            scale="metric" if self._own.ground.exaggeration == 1 else "arbitrary",
            license=licence_of(self._root / f"dataset-{tile.area}.json"),
            notes=(f"its frame is x east, y north, z up, in metres, from {ground.frame.place}",),
        )


def licence_of(path: Path) -> str | None:
    """What an area's record says of the licences of its heights and images; None where it says nothing."""
    try:
        record = read_json(path) if path.is_file() else {}
    except (OSError, ValueError):
        return None
    stages = record.values() if isinstance(record, dict) else ()
    found = [
        one
        for stage in stages
        if isinstance(stage, dict)
        for one in stage.get("licences") or ()
        if isinstance(one, str)
    ]
    return "; ".join(dict.fromkeys(found)) or None
