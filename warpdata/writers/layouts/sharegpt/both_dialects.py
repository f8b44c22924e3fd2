"""The target asked for, in both dialects at once, as a third picture: `--task edit --dialect conversations`.

The human shows the splat and the reference, if there is one; the answer is the target. Every `<image>` stands for one
of `images`.
"""

from __future__ import annotations

from warpdata.files.bounded_json import dump_json
from warpdata.writers.layouts.layout import LayoutOptions, Place, Samples, Written
from warpdata.writers.layouts.tree import Tree, controls, image_paths, write_tree

DEFAULT_QUESTION = (
    "Image 1 is image 2 warped into another camera, with holes and distortion. Give the true view of that camera."
)
"""Asked where a sample has no prompt of its own: a conversation needs a question."""

QUESTION_WITHOUT_REFERENCE = "The image has holes where its camera saw nothing. Give the true view of that camera."
"""The same where there is no reference."""

DATASET_INFO = {
    "warpdata": {
        "file_name": "train.json",
        "formatting": "sharegpt",
        "columns": {"messages": "conversations", "images": "images"},
    },
    "warpdata_messages": {
        "file_name": "train_messages.json",
        "formatting": "sharegpt",
        "columns": {"messages": "messages", "images": "images"},
        "tags": {"role_tag": "role", "content_tag": "content", "user_tag": "user", "assistant_tag": "assistant"},
    },
}


def write_both_dialects(samples: Samples, options: LayoutOptions, place: Place) -> Written:
    """Write the layout; see `LayoutRow`."""
    files = image_paths(samples, "images/{index:06d}_{role}{ext}")
    conversations, messages = [], []
    for paths, record in zip(files, samples.records, strict=True):
        images = [*controls(paths), paths["target"]]
        # A tag inside a prompt would count as a picture.
        asked = record.prompt or (DEFAULT_QUESTION if "reference" in paths else QUESTION_WITHOUT_REFERENCE)
        question = "<image>" * len(controls(paths)) + asked.replace("<image>", "image")
        turns = [("human", "user", question), ("gpt", "assistant", "<image>")]
        conversations.append(
            {"conversations": [{"from": name, "value": text} for name, _, text in turns], "images": images}
        )
        messages.append({"messages": [{"role": role, "content": text} for _, role, text in turns], "images": images})
    tree = Tree(
        files=files,
        prompts=[None] * len(files),
        texts={
            "train.json": dump_json(conversations, indent=1) + "\n",
            "train_messages.json": dump_json(messages, indent=1) + "\n",
            "dataset_info.json": dump_json(DATASET_INFO, indent=1) + "\n",
        },
        commands=f"LLaMA-Factory: dataset_dir: {place.root}, media_dir: {place.root}, dataset: warpdata",
    )
    return write_tree(samples, tree, place)
