"""Where splats have holes: the masks of a data set in any layout, or of a folder of splats that any program made."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Bool, UInt8
from PIL import Image

from warpdata.checks.holes import HoleStatistics, PictureHoles
from warpdata.config import MAX_IMAGE_PIXELS
from warpdata.errors import OutputError
from warpdata.formats.manifest import Record
from warpdata.geometry.types import Progress, no_progress
from warpdata.sources.picture_names import is_image_name
from warpdata.writers.layouts.table import LAYOUTS
from warpdata.writers.output.existing import Export, find_exports
from warpdata.writers.output.triplet_folder import read_triplet_folder

SEEN = 255
"""Level of a coverage mask where a point is seen."""

BORDER = 240
"""Mean level from which on a row or column without any point is the white border of a padded picture; holes are filled
with what is around them, or fade."""

COVERAGE_WORDS = ("coverage", "visible", "visibility", "alpha")
"""A mask of one of these names is bright where something is seen."""

HOLE_WORDS = ("mask", "masks", "hole", "holes", "inpaint")
"""A mask of one of these names is bright in holes, as programs that fill holes want it."""

OTHER_WORDS = ("reference", "target", "confidence", "depth")
"""Pictures of these names are no splats."""

FILLS = {"black": (0, 0, 0), "white": (255, 255, 255), "green": (0, 255, 0), "magenta": (255, 0, 255)}
"""Colours by which programs mark holes."""

FILL_TOLERANCE = 8
"""A pixel has the colour of holes when no channel is farther off; JPEG moves colours by a few levels."""

LEAST_FILL = 0.001
"""Share of the pictures that a colour must have to be taken for that of holes."""


@dataclass(frozen=True)
class _Masks:
    """Readers of one mask a splat, true in holes, and how they tell."""

    told_by: str
    readers: Sequence[Callable[[], Bool[np.ndarray, "H W"]]]


def read_holes(folder: Path, *, fill: str = "auto", progress: Progress = no_progress) -> HoleStatistics:
    """The holes of all splats of a data set or folder.

    A data set has them from its coverage masks. In a folder of splats they are told, in this order, by masks beside the
    pictures (`0001_coverage.png`, `coverage/0001.png`; `_mask`, `_holes` are bright in holes), by transparency, by the
    colour that holes have.

    Args:
        folder: a data set of any layout that shows coverage masks, or a folder of pictures.
        fill: colour of holes where there are no masks: `R,G,B`, a name of `FILLS`, or auto.

    Raises:
        OutputError: there are no splats, or it cannot be told where their holes are.
        ValueError: `fill` is no colour.
    """
    colour = parse_fill(fill)
    if not folder.is_dir():
        raise OutputError(f"{folder} is neither a folder of splats nor a data set")
    with _masks_of_data_set(folder) as masks:
        masks = masks or _masks_of_folder(folder, colour)
        pictures = []
        for done, read in enumerate(masks.readers, start=1):
            pictures.append(PictureHoles.of_mask(read()))
            progress(f"holes of {folder.name}", done, len(masks.readers))
    return HoleStatistics(pictures=pictures, told_by=masks.told_by)


def parse_fill(text: str) -> tuple[int, int, int] | None:
    """The colour of holes; None for auto.

    Raises:
        ValueError: it is none.
    """
    if text == "auto" or text in FILLS:
        return FILLS.get(text)
    if found := re.fullmatch(r"(\d{1,3}),(\d{1,3}),(\d{1,3})", text):
        red, green, blue = map(int, found.groups())
        if max(red, green, blue) <= 255:
            return red, green, blue
    raise ValueError(f"`fill` is {text!r}; it must be auto, {', '.join(FILLS)}, or R,G,B with each from 0 to 255")


@contextmanager
def _masks_of_data_set(folder: Path) -> Iterator[_Masks | None]:
    exports = find_exports(folder)
    with tempfile.TemporaryDirectory(prefix="warpdata-holes-") as scratch:
        for export in exports:
            readers = _readers_of_export(export, Path(scratch))
            if readers:
                yield _Masks(f"coverage masks of the data set in the layout {export.layout}", readers)
                return
        if exports:
            layouts = ", ".join(sorted({export.layout for export in exports}))
            raise OutputError(
                f"{folder} is a data set in the layout {layouts}, which shows no coverage masks here; give the triplet "
                "folder it was made from, or a layout with masks"
            )
        if next(folder.glob("*/*_splats.*"), None) is None:
            yield None
            return
        records = [record for record in read_triplet_folder(folder) if "coverage" in record.files]
        readers = [_reader(folder / record.files["coverage"], folder / record.files["splats"]) for record in records]
        yield _Masks("coverage masks of the triplet folder", readers) if readers else None


def _readers_of_export(export: Export, scratch: Path) -> list[Callable[[], np.ndarray]]:
    shown = [record for record in export.records if "coverage" in record.files]
    if not shown or shown[0].shard is None:
        return [_reader(export.root / one.files["coverage"], export.root / one.files["splats"]) for one in shown]
    extract = LAYOUTS[export.layout].extract if export.layout in LAYOUTS and export.url is None else None
    return [] if extract is None else [_from_shard(export.root, record, extract, scratch) for record in shown]


def _from_shard(
    root: Path, record: Record, extract: Callable[[Path, str, Path], bool], scratch: Path
) -> Callable[[], np.ndarray]:
    def read() -> np.ndarray:
        taken = []
        for role in ("coverage", "splats"):
            path = scratch / f"{role}{Path(record.files[role]).suffix}"
            if not extract(root / record.shard, record.files[role], path):
                raise OutputError(f"{record.files[role]} cannot be read from {root / record.shard}")
            taken.append(path)
        return holes_of_coverage(*taken)

    return read


def _reader(coverage: Path, splat: Path) -> Callable[[], np.ndarray]:
    return lambda: holes_of_coverage(coverage, splat)


def holes_of_coverage(coverage: Path, splat: Path) -> Bool[np.ndarray, "H W"]:
    """Where a coverage mask shows no point, without the white border of a padded picture."""
    holes = _grey(coverage) < SEEN
    if not any(edge.all() for edge in (holes[0], holes[-1], holes[:, 0], holes[:, -1])):
        return holes
    light = _grey(splat)
    for _ in range(2):  # rows, then columns
        inside = ~(holes.all(1) & (light.mean(1) >= BORDER))
        first, last = inside.argmax(), len(inside) - inside[::-1].argmax()
        holes, light = holes[first:last].T, light[first:last].T
    return holes


def _masks_of_folder(folder: Path, colour: tuple[int, int, int] | None) -> _Masks:
    pictures = sorted(path for path in folder.rglob("*") if path.is_file() and is_image_name(path.name))
    masks = {path: kind for path in pictures if (kind := _kind_of_mask(path, folder)) is not None}
    splats = [path for path in pictures if path not in masks and not _is_other(path, folder)]
    if not splats:
        raise OutputError(f"{folder} holds no pictures to take for splats")
    if masks and colour is None:
        by_name = {_bare_name(path, folder): path for path in masks}
        beside = {splat: by_name.get(_bare_name(splat, folder)) for splat in splats}
        missing = [splat for splat, mask in beside.items() if mask is None]
        if missing:
            raise OutputError(
                f"{folder} has masks, but none for {missing[0].relative_to(folder)} and {len(missing) - 1} others; "
                "take out what is not a splat, or give the colour of holes as `fill`"
            )
        readers = [_reader(mask, splat) if masks[mask] else _holes_reader(mask) for splat, mask in beside.items()]
        kinds = {"bright where seen" if masks[mask] else "bright in holes" for mask in beside.values() if mask}
        return _Masks(f"masks beside the splats, {' and '.join(sorted(kinds))}", readers)
    if colour is None and any(_has_holes_in_alpha(path) for path in splats[:8]):
        return _Masks("transparency of the splats", [_alpha_reader(path) for path in splats])
    colour = colour or _found_fill(splats, folder)
    return _Masks(
        f"the colour {','.join(map(str, colour))} of holes, within {FILL_TOLERANCE} levels",
        [_fill_reader(path, colour) for path in splats],
    )


def _words(path: Path, folder: Path) -> list[str]:
    """The words of a file's name, and the names of its folders below the one that was given."""
    relative = path.relative_to(folder)
    return [word for part in (*relative.parts[:-1], relative.stem) for word in re.split(r"[_\W]+", part.lower())]


def _kind_of_mask(path: Path, folder: Path) -> bool | None:
    """Whether a mask is bright where something is seen; None for no mask."""
    words = _words(path, folder)
    if any(word in COVERAGE_WORDS for word in words):
        return True
    return False if any(word in HOLE_WORDS for word in words) else None


def _is_other(path: Path, folder: Path) -> bool:
    return any(word in OTHER_WORDS for word in _words(path, folder))


def _bare_name(path: Path, folder: Path) -> tuple[str, ...]:
    """What a splat and its mask have in common: their names without the words for what they are."""
    said = {*COVERAGE_WORDS, *HOLE_WORDS, "splat", "splats", "images", "image", "render", "renders", "rgb"}
    return tuple(word for word in _words(path, folder) if word and word not in said)


def _holes_reader(mask: Path) -> Callable[[], np.ndarray]:
    return lambda: _grey(mask) >= 128


def _alpha_reader(path: Path) -> Callable[[], np.ndarray]:
    return lambda: _alpha(path) < SEEN


def _fill_reader(path: Path, colour: tuple[int, int, int]) -> Callable[[], np.ndarray]:
    return lambda: _has_colour(_colours(path), colour)


def _has_colour(picture: UInt8[np.ndarray, "H W 3"], colour: tuple[int, int, int]) -> Bool[np.ndarray, "H W"]:
    return (np.abs(picture.astype(np.int16) - np.array(colour, np.int16)) <= FILL_TOLERANCE).all(-1)


def _has_holes_in_alpha(path: Path) -> bool:
    with _opened(path) as image:
        has_alpha = "A" in image.getbands() or "transparency" in image.info
    return has_alpha and bool((_alpha(path) < SEEN).any())


def _found_fill(splats: Sequence[Path], folder: Path) -> tuple[int, int, int]:
    """The colour of `FILLS` that most pixels of some of the splats have."""
    step = max(1, len(splats) // 16)
    some = [_colours(path) for path in splats[::step]]
    shares = {name: float(np.mean([_has_colour(one, colour).mean() for one in some])) for name, colour in FILLS.items()}
    name = max(shares, key=lambda name: shares[name])
    if shares[name] < LEAST_FILL:
        raise OutputError(
            f"it cannot be told where the splats of {folder} have holes: there are no masks beside them, they are not "
            f"transparent, and hardly a pixel is {', '.join(FILLS)}; give the colour of holes as `fill`, or masks"
        )
    return FILLS[name]


@contextmanager
def _opened(path: Path) -> Iterator[Image.Image]:
    try:
        with Image.open(path) as image:
            if image.width * image.height > MAX_IMAGE_PIXELS:
                raise OutputError(f"{path} has {image.width} x {image.height} pixels, more than {MAX_IMAGE_PIXELS}")
            yield image
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise OutputError(f"{path} cannot be read: {error}") from error


def _grey(path: Path) -> UInt8[np.ndarray, "H W"]:
    with _opened(path) as image:
        return np.array(image.convert("L"))


def _colours(path: Path) -> UInt8[np.ndarray, "H W 3"]:
    with _opened(path) as image:
        return np.array(image.convert("RGB"))


def _alpha(path: Path) -> UInt8[np.ndarray, "H W"]:
    with _opened(path) as image:
        return np.array(image.convert("RGBA").getchannel("A"))
