"""Options of estimators that run in a process of their own."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import Annotated

import tyro


@dataclass(frozen=True, kw_only=True)
class ExternalOptions:
    """How estimators of other packages (--geometry external, da3, map-anything, moge) are run."""

    estimator: str | None = None
    """With --geometry external: the command of a program that speaks the protocol of docs/estimators.md."""
    weights: Annotated[str | None, tyro.conf.arg(name="estimator-weights")] = None
    """Its weights: a Hugging Face repository, `owner/name[@revision]`, or a folder. By default those its licence binds
    least."""
    time_limit_s: Annotated[float, tyro.conf.arg(name="estimator-time-limit-s")] = 1800.0
    """Seconds it may take for a window of a scene before it is ended and the scene is given up."""
    memory_limit_gb: Annotated[float, tyro.conf.arg(name="estimator-memory-gb")] = 0.0
    """Main memory it may take, in GB, before it is ended (0: any); watched on Linux."""

    def __post_init__(self) -> None:
        if not self.time_limit_s > 0:
            raise ValueError(f"`time_limit_s` is {self.time_limit_s}; it must be a positive number")
        if not self.memory_limit_gb >= 0:
            raise ValueError(f"`memory_limit_gb` is {self.memory_limit_gb}; it must be 0 or a positive number")
        if self.estimator is not None and not self.command:
            raise ValueError("`estimator` is empty; it is a command, such as 'my-env/bin/python driver.py'")

    @property
    def command(self) -> tuple[str, ...]:
        """The words of `estimator`; no shell sees them."""
        return tuple(shlex.split(self.estimator or ""))
