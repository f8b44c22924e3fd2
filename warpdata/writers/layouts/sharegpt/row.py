"""The layout `sharegpt`: conversations in ShareGPT's form, registered for LLaMA-Factory in `dataset_info.json`."""

from __future__ import annotations

from collections.abc import Sequence

from warpdata.plugins import deferred
from warpdata.writers.layouts.layout import LayoutOptions, LayoutRow, Place, Samples, Written
from warpdata.writers.layouts.sharegpt.options import ShareGptOptions


def write_sharegpt(samples: Samples, options: LayoutOptions, place: Place) -> Written:
    """Write the layout; see `LayoutRow`."""
    own: ShareGptOptions = options.own
    if own.task == "edit" and own.dialect == "conversations":
        from warpdata.writers.layouts.sharegpt.both_dialects import write_both_dialects

        return write_both_dialects(samples, options, place)
    from warpdata.writers.layouts.sharegpt.write import write_questions

    return write_questions(samples, own, place)


def refusal(options: LayoutOptions, roles: Sequence[str]) -> str | None:
    """Why samples of these roles cannot be written, or None."""
    own: ShareGptOptions = options.own
    if own.task != "edit" and "reference" not in roles:
        return (
            f"`task={own.task!r}` asks about the reference and the target, and there are triplets without a reference"
        )
    if own.task == "edit" and own.dialect == "conversations":
        wrong = [name for name in ("flatten", "undrawn", "empty_think") if getattr(own, name)]
        if own.media == "videos" or wrong:
            given = wrong[0] if wrong else "media"
            return f'`{given}` goes with `dialect="messages"`, or with a question as `task`'
    return None


ROW = LayoutRow(
    name="sharegpt",
    about="conversations for vision-language models, questions answered by geometry among them, for LLaMA-Factory",
    write=write_sharegpt,
    options=ShareGptOptions,
    needs_reference=False,
    mark="train*.json",
    check=deferred("warpdata.checks.metadata:check_sharegpt"),
    refusal=refusal,
)
