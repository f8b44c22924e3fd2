"""Everything about an output that can be refused before its folder is opened or a scene is looked at."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from warpdata.config import ExportOptions
from warpdata.errors import OutputError
from warpdata.plugins import OwnOptions
from warpdata.writers.layouts.table import LAYOUTS, chosen_rows, options_of
from warpdata.writers.output.prompts import Prompts
from warpdata.writers.output.remote import Remote
from warpdata.writers.scenes.table import SCENE_FORMATS


def refuse_unusable(root: Path, export: ExportOptions, scene_formats: Sequence[str] = ()) -> None:
    """Refuse an output that cannot be written whatever its input is.

    Raises:
        ValueError: a name is unknown, options contradict each other, or the prompt file cannot be used.
        OutputError: a package is missing, the place of the shards is not known, or `root` is a file.
        PluginError: another package's layout or scene format cannot be loaded.
    """
    rows = chosen_rows(export.layout)
    formats = [SCENE_FORMATS[name] for name in scene_formats]
    for flag, chosen in (("`layout`", rows), ("`export_scenes`", formats)):
        for row in chosen:
            if (reason := row.unavailable()) is not None:
                raise OutputError(f"{flag} {row.name} cannot be written here: {reason}")
    if len(set(scene_formats)) != len(scene_formats):
        raise ValueError(f"`export_scenes` is {' '.join(scene_formats)}; name each format once")
    if export.shard_url is not None:
        if not any(row.takes_url for row in rows):
            able = " or ".join(row.name for row in LAYOUTS if row.takes_url)
            raise ValueError(f"`shard_url` needs `layout` {able}, not {' '.join(export.layout)}")
        Remote(export.shard_url)
    Prompts.of_options(export)
    for path in (root, *root.parents):
        if path.exists() and not path.is_dir():
            raise OutputError(f"{root} cannot be made: {path} is a file; choose another output folder")


def refuse_roles(export: ExportOptions, roles: Sequence[str], own: OwnOptions) -> None:
    """Refuse layouts whose options do not fit the pictures and masks that the samples have.

    Raises:
        ValueError: they do not, and why.
    """
    for row in chosen_rows(export.layout):
        if row.needs_reference and "reference" not in roles:
            able = " ".join(other.name for other in LAYOUTS if not other.needs_reference)
            raise ValueError(
                f"`layout` {row.name} shows a reference beside every splat, and these triplets have none "
                f'(`reference="none"`): choose from {able}, or make them with `reference="nearest"`'
            )
        if (reason := row.refusal(options_of(row, export, own), roles)) is not None:
            raise ValueError(reason)


def refuse_same_folder(root: Path, read: Path, what: str) -> None:
    """Refuse to write into a folder that is read from, into its inside, or around it.

    Written into it, our files would be taken for its own; an output takes the sub-folders of the one it is written to
    for its layouts, and would replace what is read.

    Args:
        what: what `read` is, for the message: "the triplet folder".

    Raises:
        OutputError: they are the same, or one holds the other so.
    """
    output, source = root.resolve(), read.resolve()
    if output == source:
        raise OutputError(f"{root} is {what} itself; choose another folder for the export")
    if source in output.parents:
        raise OutputError(f"{root} lies inside of {what} {read}; choose a folder outside of it for the export")
    if output in source.parents:
        raise OutputError(f"{root} holds {what} {read}; choose a folder beside it for the export")
