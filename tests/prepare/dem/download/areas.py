"""Areas of tiles to download images for, and what came of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from affine import Affine
from rasterio.crs import CRS

from tests.prepare.dem.download.earth_engine_stub import good
from warpdata.formats.geotiff import write_geotiff
from warpdata.prepare.dem.area import Area
from warpdata.prepare.dem.attempts import Patience
from warpdata.prepare.dem.download import DownloadOptions, download_images
from warpdata.prepare.dem.earth_engine import ServiceOptions

SECOND = 1 / 3600
WH = (40, 30)
QUICK = Patience(first_wait_s=0.01, longest_wait_s=0.05)


def area_of(folder: Path, numbers=(0, 3, 10), *, wh=WH, transform=None, crs="EPSG:4326") -> Area:
    area = Area(root=folder, name="x")
    for number in numbers:
        heights = np.random.default_rng(number).uniform(0, 900, wh[::-1]).astype(np.float32)
        place = transform or Affine(SECOND, 0, 11 + number * 0.1, 0, -SECOND, 47)
        write_geotiff(area.cut / f"tile_{number}.tif", heights[None], transform=place, crs=CRS.from_string(crs))
    return area


def download(area, stub, *, patience=QUICK, service=None, **options):
    service = ServiceOptions(url=stub.url, **{"timeout": 5.0, **(service or {})})
    return download_images(area, DownloadOptions(service=service, **options), patience=patience)


def final_files(area):
    folders = (area.images, area.heights, area.downloaded)
    return sorted(path.name for folder in folders if folder.is_dir() for path in folder.iterdir())


def functions_of(expression):
    """Names of functions -> their arguments, of all calls in an expression."""
    found: dict[str, list] = {}

    def walk(value):
        if isinstance(value, dict):
            if "functionInvocationValue" in value:
                call = value["functionInvocationValue"]
                found.setdefault(call["functionName"], []).append(call["arguments"])
            for part in value.values():
                walk(part)
        elif isinstance(value, list):
            for part in value:
                walk(part)

    walk(expression)
    return found


def by_tile(answers):
    """Each tile's own answer, by its place."""

    def answer(handler, body):
        number = round((body["grid"]["affineTransform"]["translateX"] - 11) / 0.1)
        answers.get(number, good)(handler, body)

    return answer


def requests_by_tile(stub):
    columns = [round((body["grid"]["affineTransform"]["translateX"] - 11) / 0.1) for body in stub.asked]
    return {number: columns.count(number) for number in columns}


def twice(failure):
    """Fails twice, then does as asked."""
    left = [failure, failure]
    return lambda handler, body: (left.pop() if left else good)(handler, body)
