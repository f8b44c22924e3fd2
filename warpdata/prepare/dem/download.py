"""A satellite image for every tile of heights, on the tile's own grid, by several requests at a time."""

from __future__ import annotations

import queue
import threading
from collections import deque
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from warpdata.errors import SourceError
from warpdata.files.atomic import write_atomic
from warpdata.files.bounded_json import as_json_values, dump_json
from warpdata.files.digests import file_sha256
from warpdata.formats.geotiff import MAX_TILE_PIXELS, check_installed, encode_geotiff
from warpdata.prepare.dem.area import (
    Area,
    Progress,
    StageReport,
    begin_stage,
    end_stage,
    need,
    no_progress,
    numbered,
    write_if_changed,
)
from warpdata.prepare.dem.attempts import Patience, RequestError, Stopped, attempt
from warpdata.prepare.dem.earth_engine import (
    LICENCE,
    CompositeOptions,
    EarthEngine,
    ServiceOptions,
    connect,
)
from warpdata.prepare.dem.failures import read_failures, write_failures
from warpdata.prepare.dem.image_grid import (
    BYTES_OF_PIXEL,
    RASTERIO,
    Image,
    ImageGrid,
    check_content,
    fetch,
    num_requests,
    read_answer,
)

MAX_THREADS = 40
"""Requests at a time that Earth Engine allows a project."""

GIVE_UP_AFTER = 20
"""Failures in a row that are the service's, not a tile's, after which a run ends."""


_GOODBYE_S = 4.0


@dataclass(frozen=True, kw_only=True)
class DownloadOptions:
    """Which tiles get an image, and how fine."""

    threads: int = 8
    """Requests at a time, at most 40."""
    start_index: int = 0
    """Number of the first tile."""
    limit: int | None = None
    """At most so many tiles from there on, those that are finished counted; all by default."""
    rgb_scale: int = 1
    """How many times finer than the tile the image is: 3 for 10 m under a tile of 30 m."""
    max_masked: float = 0.01
    """Largest share of an image that may be without data."""
    overwrite: bool = False
    """Download again where images of other options are."""
    composite: CompositeOptions = field(default_factory=CompositeOptions)
    service: ServiceOptions = field(default_factory=ServiceOptions)

    def __post_init__(self) -> None:
        for name, lowest, highest in (("threads", 1, MAX_THREADS), ("rgb_scale", 1, 64)):
            if not lowest <= getattr(self, name) <= highest:
                raise ValueError(f"`{name}` is {getattr(self, name)}; it must be from {lowest} to {highest}")
        if self.start_index < 0 or (self.limit is not None and self.limit < 1):
            raise ValueError(f"`start_index` is {self.start_index}, `limit` {self.limit}; at least 0 and 1")
        if not 0 <= self.max_masked < 1:
            raise ValueError(f"`max_masked` is {self.max_masked:g}; it must be at least 0 and below 1")


def download_images(
    area: Area, options: DownloadOptions, *, progress: Progress = no_progress, patience: Patience | None = None
) -> StageReport:
    """Download `Image/tif-<area>/tile_N.tif` for tiles of `preSplitDEM-<area>`, which it copies to `DEM-<area>`.

    Tiles whose image is there are passed over; so a run that was ended goes on. A tile that gets none is listed in
    `failed-<area>.jsonl` with the reason, and the others go on. What the service sent stays in `preSplitImages-<area>`.

    Raises:
        SourceError: there are no tiles; there are no credentials; the service cannot be used.
        OutputError: images of other options are there; the disk is full.
        ImportError: rasterio or the client is not installed.
    """
    check_installed()
    tiles = numbered(area.cut)
    need(area.cut, tiles, "tile")
    chosen = [number for number in tiles if number >= options.start_index][: options.limit]
    if not chosen:
        raise SourceError(
            f"{area.cut} holds tiles {min(tiles)} to {max(tiles)}, and `start_index` is {options.start_index}"
        )
    report = StageReport(where=area.images)
    if area.dry_run:
        _describe(area, options, tiles, chosen, report)
        return report
    stop, patience = threading.Event(), patience or Patience()
    recipe = _recipe(area, options)
    service = None
    if options.overwrite or _finished(area, chosen) != set(chosen):
        service = connect(options.service, patience, stop)
    if begin_stage(area, "download", recipe, overwrite=options.overwrite):
        for path in (*numbered(area.images).values(), *numbered(area.downloaded).values()):
            path.unlink()
    if service is not None:
        try:
            _Download(area, options, service, tiles, patience, stop).run(chosen, report, progress)
        finally:
            service.close()
    else:
        report.kept = len(chosen)
    end_stage(
        area,
        "download",
        {
            "images": len(_finished(area, list(tiles))),
            "tiles": len(tiles),
            "collection": options.composite.collection_id,
            "dates": list(options.composite.dates),
            "cloud_mask": options.composite.cloud_mask,
            "licence": f"{LICENCE}, {' to '.join(options.composite.dates)}",
        },
    )
    return report


def _recipe(area: Area, options: DownloadOptions) -> dict[str, Any]:
    listing = area.cut / "tiles.jsonl"
    return as_json_values(
        {
            **asdict(options.composite),
            "rgb_scale": options.rgb_scale,
            "max_masked": options.max_masked,
            "tiles": file_sha256(listing) if listing.is_file() else None,
        }
    )


def _finished(area: Area, numbers: list[int]) -> set[int]:
    return set(numbers) & numbered(area.images).keys() & numbered(area.heights).keys()


def _describe(
    area: Area, options: DownloadOptions, tiles: dict[int, Path], chosen: list[int], report: StageReport
) -> None:
    """What a run would ask for, as notes."""
    report.kept = len(_finished(area, chosen))
    todo = [number for number in chosen if number not in _finished(area, chosen)]
    composite = options.composite
    report.notes.append(
        f"{len(todo)} of {len(chosen)} tiles to download: {composite.collection_id}, {' to '.join(composite.dates)}, "
        f"cloud mask {composite.cloud_mask}, {options.threads} at a time"
    )
    if todo:
        grid = ImageGrid.of_tile(tiles[todo[0]], finer=options.rgb_scale)
        width, height = grid.wh
        megabytes = width * height * BYTES_OF_PIXEL / 1e6
        request = dump_json(grid.as_request())
        report.notes.append(
            f"tile_{todo[0]}: {width} x {height} pixels, {megabytes:.1f} MB in {num_requests(grid.wh)} requests, "
            f"grid {request}"
        )


class _Download:
    """The tiles of a run, taken by whichever thread is free."""

    def __init__(
        self,
        area: Area,
        options: DownloadOptions,
        service: EarthEngine,
        tiles: dict[int, Path],
        patience: Patience,
        stop: threading.Event,
    ):
        self._area, self._options, self._service = area, options, service
        self._tiles, self._patience, self._stop = tiles, patience, stop
        self._ended: queue.Queue[tuple[int, Exception | None]] = queue.Queue()

    def run(self, chosen: list[int], report: StageReport, progress: Progress) -> None:
        """Download what is not there. Failures are in the report and in `failed-<area>.jsonl`, however it ends."""
        finished = _finished(self._area, chosen)
        report.kept = len(finished)
        work = deque(number for number in chosen if number not in finished)
        total, in_a_row = len(chosen), 0
        failures = {number: why for number, why in read_failures(self._area).items() if number not in chosen}
        progress(len(finished), total)
        threads = [
            threading.Thread(target=self._work, args=(work,), daemon=True, name=f"download {i}")
            for i in range(min(self._options.threads, len(work)))
        ]
        for thread in threads:
            thread.start()
        try:
            for done in range(len(finished) + 1, total + 1):
                number, error = self._next_ended()
                if error is None:
                    report.made += 1
                elif isinstance(error, (RequestError, ValueError)):
                    failures[number] = report.left_out[f"tile_{number}"] = str(error)
                else:
                    raise error
                in_a_row = in_a_row + 1 if isinstance(error, RequestError) and error.of_service else 0
                progress(done, total)
                if in_a_row == GIVE_UP_AFTER:
                    raise SourceError(
                        f"{GIVE_UP_AFTER} tiles in a row failed, the last one with: {error}. {report.made:,} are "
                        "finished; the same command goes on when the service does"
                    )
        finally:
            self._stop.set()
            work.clear()
            write_failures(self._area, failures)
            for thread in threads:
                thread.join(_GOODBYE_S / len(threads))

    def _next_ended(self) -> tuple[int, Exception | None]:
        """A tile that has ended; waits in short steps, which Ctrl-C ends on Windows too."""
        while True:
            with suppress(queue.Empty):
                return self._ended.get(timeout=0.5)

    def _work(self, work: deque[int]) -> None:
        try:
            while not self._stop.is_set():
                try:
                    number = work.popleft()
                except IndexError:
                    return
                try:
                    self._make(number)
                except Stopped:
                    return
                except Exception as error:
                    self._ended.put((number, error))
                else:
                    self._ended.put((number, None))
        finally:
            self._service.close()

    def _make(self, number: int) -> None:
        area, name = self._area, f"tile_{number}.tif"
        grid = ImageGrid.of_tile(self._tiles[number], finer=self._options.rgb_scale)
        if grid.wh[0] * grid.wh[1] * 3 > MAX_TILE_PIXELS:
            raise ValueError(f"{grid.wh[0]:,} x {grid.wh[1]:,} pixels are too many; choose a smaller `rgb_scale`")
        image = self._sent_before(area.downloaded / name, grid) or fetch(grid, self._ask)
        check_content(image.values, image.valid, max_masked=self._options.max_masked)
        with RASTERIO:
            data = encode_geotiff(image.values, transform=grid.transform, crs=grid.crs, valid=image.valid)
        write_if_changed(area.downloaded / name, image.sent or data)
        write_if_changed(area.heights / name, self._tiles[number].read_bytes())
        write_atomic(area.images / name, data)

    def _ask(self, grid: ImageGrid) -> Image:
        def once() -> Image:
            return read_answer(self._service.geotiff(self._options.composite, grid), grid)

        return attempt(once, self._patience, self._stop)

    @staticmethod
    def _sent_before(path: Path, grid: ImageGrid) -> Image | None:
        """What a run that was ended had received."""
        try:
            return read_answer(path.read_bytes(), grid) if path.is_file() else None
        except RequestError:
            return None
