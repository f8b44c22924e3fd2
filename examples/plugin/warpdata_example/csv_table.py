"""The layout `csv`: pictures in a folder, and `pairs.csv` with a line for each triplet."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass

from warpdata.writers.layouts.layout import LayoutOptions, LayoutRow, Place, Samples, Written

COLUMNS = ("splats", "reference", "target", "prompt")


@dataclass(frozen=True, kw_only=True)
class CsvOptions:
    """How the layout `csv` is written."""

    csv_delimiter: str = ","
    """What stands between the columns of pairs.csv; one character."""

    def __post_init__(self) -> None:
        if len(self.csv_delimiter) != 1:
            raise ValueError(f"`csv_delimiter` is {self.csv_delimiter!r}; give one character")


def write_csv(samples: Samples, options: LayoutOptions, place: Place) -> Written:
    """Write the layout; see `LayoutRow`."""
    from warpdata.writers.layouts.tree import Tree, image_paths, write_tree

    files = image_paths(samples, "images/{index:06d}_{role}{ext}")
    table = io.StringIO()
    writer = csv.writer(table, delimiter=options.own.csv_delimiter, lineterminator="\n")
    writer.writerow(COLUMNS)
    for paths, record in zip(files, samples.records, strict=True):
        writer.writerow([paths["splats"], paths["reference"], paths["target"], record.prompt or ""])
    tree = Tree(
        files=files,
        prompts=[None] * len(files),
        texts={"pairs.csv": table.getvalue()},
        commands=f"pandas: read_csv('{place.root / 'pairs.csv'}', sep={options.own.csv_delimiter!r})",
    )
    return write_tree(samples, tree, place)


ROW = LayoutRow(
    name="csv",
    about="pictures in a folder, and a table of their paths",
    write=write_csv,
    options=CsvOptions,
    mark="pairs.csv",
)
