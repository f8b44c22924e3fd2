"""ModelScope's numbered pairs: `<N>_start_1`, `<N>_start_2`, `<N>_end` and `<N>.txt` in one flat folder."""

from __future__ import annotations

from warpdata.plugins import deferred
from warpdata.writers.layouts.layout import LayoutOptions, LayoutRow, Place, Samples, Written
from warpdata.writers.layouts.tree import Tree, write_tree

NAMES = {"splats": "start_1", "reference": "start_2", "target": "end"}
"""Role -> what follows the number."""


def write_modelscope(samples: Samples, options: LayoutOptions, place: Place) -> Written:
    """Write the layout; see `LayoutRow`."""
    tree = Tree(
        files=[
            {role: f"{record.index}_{name}{record.extension}" for role, name in NAMES.items()}
            for record in samples.records
        ],
        prompts=[None if record.prompt is None else f"{record.index}.txt" for record in samples.records],
        commands=f"ModelScope: give {place.root} as the folder of an image editing data set with two inputs",
    )
    return write_tree(samples, tree, place)


ROW = LayoutRow(
    name="modelscope",
    about="ModelScope: numbered pictures with two inputs in one flat folder",
    write=write_modelscope,
    mark="*_end.*",
    check=deferred("warpdata.checks.folders:check_modelscope"),
    has_own_folder_flag=True,
)
