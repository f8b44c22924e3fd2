"""ModelScope's numbered pairs: `<N>_start_1`, `<N>_start_2`, `<N>_end` and `<N>.txt` in one flat folder."""

from __future__ import annotations

from warpdata.config import ExportOptions
from warpdata.writers.layouts.layout import Place, Samples, Tree, Written, write_tree

NAMES = {"splats": "start_1", "reference": "start_2", "target": "end"}
"""Role -> what follows the number."""


def write_modelscope(samples: Samples, options: ExportOptions, place: Place) -> Written:
    """Write the layout; see `LayoutWriter`."""
    tree = Tree(
        files=[
            {role: f"{record.index}_{name}{record.extension}" for role, name in NAMES.items()}
            for record in samples.records
        ],
        prompts=[None if record.prompt is None else f"{record.index}.txt" for record in samples.records],
        commands=f"ModelScope: give {place.root} as the folder of an image editing data set with two inputs",
    )
    return write_tree(samples, tree, place)
