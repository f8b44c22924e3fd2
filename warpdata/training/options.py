"""Options of training, a group for each question, and the only home of their defaults.

`WarpDataModule` takes the groups, and each option by its own name as well: `batch_size=4` is short for
`order=OrderOptions(batch_size=4)`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from difflib import get_close_matches
from typing import Any, Literal, TypeVar, get_args, get_type_hints

from typing_extensions import TypedDict

RenderIn = Literal["worker", "collate", "none"]
"""Where triplets are rendered: in a thread ahead of the step, in the step's own thread when it asks for a batch, or by
the caller, who gets `PairInputs` and calls `render_batch`."""

Backend = Literal["auto", "torch", "numba", "warp"]

Kind = TypeVar("Kind", bound=type)


@dataclass(frozen=True, kw_only=True)
class OrderOptions:
    """Which pairs make the batches of an epoch, and in which order."""

    batch_size: int = 1
    """Triplets a process takes each step."""
    drop_last: bool = False
    """Leave out training batches that are not full."""
    shuffle_window: int = 0
    """Read neighbouring samples from so many scenes at a time, for slow disks (0: from all)."""
    draw_references: bool = False
    """Each epoch, draw one reference for every target afresh, in place of using all pairs."""

    def __post_init__(self) -> None:
        if self.batch_size < 1:
            raise ValueError(f"`batch_size` is {self.batch_size}; it must be at least 1")
        if self.shuffle_window < 0:
            raise ValueError(f"`shuffle_window` is {self.shuffle_window}; use 0 for all scenes or a positive number")


@dataclass(frozen=True, kw_only=True)
class LoaderOptions:
    """How batches are decoded and rendered."""

    num_workers: int = 0
    """Processes that decode; 0 decodes in this process, with `render_in="worker"` in the thread that renders ahead.
    Above 0, scripts need `if __name__ == "__main__":`, as with any PyTorch loader."""
    render_in: RenderIn = "worker"
    """`worker` renders in a thread ahead of the step, `collate` when the step asks for its batch, `none` gives
    `PairInputs` for `render_batch` in a hook of your own, such as `on_after_batch_transfer`."""
    ahead: int = 2
    """Batches rendered ahead with `render_in="worker"`, and decoded ahead by each process."""
    as_float: bool = True
    """Pictures as float32 in [0, 1] instead of uint8."""
    decoded_frames: int = 0
    """Decoded pictures that each decoding process keeps for the pairs that come next."""
    backend: Backend = "auto"
    """Which renderer; auto takes numba on a CPU and warp on a GPU."""

    def __post_init__(self) -> None:
        for name, choices in (("render_in", get_args(RenderIn)), ("backend", get_args(Backend))):
            if (chosen := getattr(self, name)) not in choices:
                raise ValueError(f"`{name}` is {chosen!r}; choose from {', '.join(choices)}")
        if self.num_workers < 0:
            raise ValueError(f"`num_workers` is {self.num_workers}; it must be 0 or more")
        if self.ahead < 1:
            raise ValueError(f"`ahead` is {self.ahead}; at least one batch must be rendered ahead")
        if self.decoded_frames < 0:
            raise ValueError(f"`decoded_frames` is {self.decoded_frames}; it must be 0 or more")


@dataclass(frozen=True, kw_only=True)
class SplitOptions:
    """Which scenes are kept for validation and testing."""

    val_fraction: float = 0.0
    """Share of the scenes for validation, rounded."""
    test_fraction: float = 0.0
    """Share of the scenes for testing, rounded."""

    def __post_init__(self) -> None:
        if self.val_fraction < 0 or self.test_fraction < 0 or self.val_fraction + self.test_fraction >= 1:
            raise ValueError(
                f"`val_fraction` {self.val_fraction} and `test_fraction` {self.test_fraction} must leave scenes to "
                "train on"
            )


GROUPS: dict[str, type] = {"order": OrderOptions, "loader": LoaderOptions, "split": SplitOptions}
"""Name of each group, as an argument and an attribute of `WarpDataModule`."""

GROUP_OF = {option.name: name for name, kind in GROUPS.items() for option in fields(kind)}
"""Option -> the name of its group; options of different groups have different names."""

SingleOptions = TypedDict(
    "SingleOptions",
    {name: hint for kind in GROUPS.values() for name, hint in get_type_hints(kind).items()},
    total=False,
)
"""Options by their own names, as keyword arguments; LightningCLI makes flags of them."""


def check_group(name: str, group: Any, kind: type) -> None:
    """Refuse what is given for a group of options and is none.

    Raises:
        TypeError: it is neither None nor of that kind.
    """
    if group is not None and not isinstance(group, kind):
        raise TypeError(f"`{name}` is {group!r:.80}; expected {kind.__name__}(...) of warpdata, with its options")


def merge_groups(given: Mapping[str, Any], singles: Mapping[str, Any]) -> dict[str, Any]:
    """Every group of options, from whole groups and from options by their own names.

    Args:
        given: group name -> the group, or None where it was not given.
        singles: option -> value.

    Raises:
        TypeError: there is no such option, or a group is of another kind.
        ValueError: an option is given beside its group.
    """
    for name, group in given.items():
        check_group(name, group, GROUPS[name])
    merged = {name: group if group is not None else GROUPS[name]() for name, group in given.items()}
    for option, value in singles.items():
        name = GROUP_OF.get(option)
        if name is None:
            close = get_close_matches(option, [*GROUP_OF, *GROUPS], n=1)
            raise TypeError(f"there is no option {option!r}" + (f"; did you mean {close[0]!r}?" if close else ""))
        if given[name] is not None:
            kind = GROUPS[name].__name__
            raise ValueError(
                f"`{option}` is given by itself and {name}={kind}(...) as a whole: give {name}={kind}({option}="
                f"{value!r}, ...) alone"
            )
    for name in merged:
        own = {option: value for option, value in singles.items() if GROUP_OF[option] == name}
        merged[name] = replace(merged[name], **own)
    return merged


class SingleOption:
    """An attribute that reads and sets one option of an object's group, as Lightning's batch size finder does.

    Args:
        group: the attribute that holds the group.
        option: the group's field.
    """

    def __init__(self, group: str, option: str):
        self._group = group
        self._option = option

    def __get__(self, owner: Any, owner_type: type | None = None) -> Any:
        return self if owner is None else getattr(getattr(owner, self._group), self._option)

    def __set__(self, owner: Any, value: Any) -> None:
        setattr(owner, self._group, replace(getattr(owner, self._group), **{self._option: value}))


def with_single_options(kind: Kind) -> Kind:
    """A class whose objects hold the groups, with an attribute for each option of theirs."""
    for option, group in GROUP_OF.items():
        setattr(kind, option, SingleOption(group, option))
    return kind
