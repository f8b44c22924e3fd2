"""Watching the inside of a forward pass: a `Record` is told every named intermediate tensor."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

Record = Callable[[str, Tensor], None]


def ignore(name: str, value: Tensor) -> None:
    """The record of an ordinary forward pass: nothing is kept."""


def into(probe: dict[str, Tensor] | None) -> Record:
    """A record that copies what it is told into `probe`; parts of one tensor (chunks of frames) are joined."""
    if probe is None:
        return ignore

    def record(name: str, value: Tensor) -> None:
        value = value.detach().clone()
        probe[name] = torch.cat((probe[name], value)) if name in probe else value

    return record


def under(record: Record, prefix: str) -> Record:
    """The same record, with `prefix` in front of every name."""
    if record is ignore:
        return ignore
    return lambda name, value: record(prefix + name, value)
