"""The layouts by name, and what a choice of them means."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from warpdata.config import ExportOptions
from warpdata.files.bounded_json import as_json_values
from warpdata.plugins import OwnOptions, Table
from warpdata.writers.layouts.layout import LayoutOptions, LayoutRow
from warpdata.writers.scenes.format_row import SceneFormatRow

LAYOUTS: Table[LayoutRow] = Table(
    "layout",
    "warpdata.layouts",
    LayoutRow,
    {
        "folder": "warpdata.writers.layouts.folder:ROW",
        "webdataset": "warpdata.writers.layouts.webdataset:ROW",
        "modelscope": "warpdata.writers.layouts.modelscope:ROW",
        "diffsynth": "warpdata.writers.layouts.diffsynth:ROW",
        "aitoolkit": "warpdata.writers.layouts.aitoolkit:ROW",
        "musubi": "warpdata.writers.layouts.musubi:ROW",
        "hf": "warpdata.writers.layouts.imagefolder:ROW",
        "hf-parquet": "warpdata.writers.layouts.parquet:ROW",
        "litdata": "warpdata.writers.layouts.litdata:ROW",
        "sharegpt": "warpdata.writers.layouts.sharegpt.row:ROW",
    },
)


def chosen_rows(layouts: Sequence[str]) -> list[LayoutRow]:
    """The rows of layouts that are asked for.

    Raises:
        ValueError: there is none of a name; lists those there are.
        PluginError: another package's row cannot be loaded.
    """
    return [LAYOUTS[name] for name in layouts]


def options_of(row: LayoutRow, shared: ExportOptions, own: OwnOptions) -> LayoutOptions:
    """What a layout is written with, its own options among all that were given."""
    return LayoutOptions(shared=shared, own=None if row.options is None else own.of(row.options))


def what_bytes_depend_on(
    export: ExportOptions, prompts: str, own: OwnOptions, scene_formats: Sequence[SceneFormatRow] = ()
) -> dict[str, Any]:
    """JSON, what the bytes of an export depend on besides the triplets.

    Args:
        prompts: digest of all texts.
        own: options of the chosen layouts and scene formats count where they are not the defaults.
    """
    rows = chosen_rows(export.layout)
    options: dict[str, Any] = {"layout": list(export.layout), "prompts": prompts}
    if any(row.uses_shard_options for row in rows):
        options["shards"] = {
            "samples": export.shard_samples,
            "bytes": export.shard_bytes,
            "url": export.shard_url,
            "alias": list(export.shard_alias),
        }
    changed = {
        row.name: as_json_values(asdict(own.of(row.options)))
        for row in (*rows, *scene_formats)
        if row.options is not None and own.of(row.options) != row.options()
    }
    return options | ({"own": changed} if changed else {})
