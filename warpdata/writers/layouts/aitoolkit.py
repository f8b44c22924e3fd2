"""AI Toolkit: two folders of controls and one of targets, paired by stem, with captions beside the targets."""

from __future__ import annotations

from warpdata.plugins import deferred
from warpdata.writers.layouts.layout import LayoutOptions, LayoutRow, Place, Samples, Written
from warpdata.writers.layouts.tree import Tree, write_tree

FOLDERS = {"splats": "control1", "reference": "control2", "target": "target"}
"""Role -> folder."""

CONFIG = """\
# Copy the entry below into the process of your job file. Its paths are relative to this folder: start the trainer here.
datasets:
  - folder_path: "target"
    control_path:
      - "control1"
      - "control2"
    caption_ext: "txt"
    resolution: [512, 768, 1024]
"""


def write_aitoolkit(samples: Samples, options: LayoutOptions, place: Place) -> Written:
    """Write the layout; see `LayoutRow`."""
    tree = Tree(
        files=[
            {role: f"{folder}/{record.index}{record.extension}" for role, folder in FOLDERS.items()}
            for record in samples.records
        ],
        prompts=[None if record.prompt is None else f"target/{record.index}.txt" for record in samples.records],
        texts={"config.yaml": CONFIG},
        commands=f"AI Toolkit: cd {place.root}, and copy `datasets` of config.yaml into your job for run.py",
    )
    return write_tree(samples, tree, place)


ROW = LayoutRow(
    name="aitoolkit",
    about="AI Toolkit: two folders of controls and one of targets, with captions",
    write=write_aitoolkit,
    mark="target",
    check=deferred("warpdata.checks.folders:check_aitoolkit"),
    has_own_folder_flag=True,
)
