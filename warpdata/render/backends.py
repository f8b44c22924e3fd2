"""The backends by name: what each is, where it runs, and what it needs."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType

import torch

from warpdata.errors import BackendError


@dataclass(frozen=True, kw_only=True)
class Backend:
    """One way to render.

    Attributes:
        name: what it is chosen by.
        module: has `splat_depth` and `splat_points` as `reference` does; imported when first used.
        devices: types of device it renders on; None for all that PyTorch knows.
        fastest_on: types of device on which `auto` takes it.
        needs: package that it imports beside PyTorch, and the name under which it is installed; None where it needs
            none.
    """

    name: str
    module: str
    devices: tuple[str, ...] | None = None
    fastest_on: tuple[str, ...] = ()
    needs: tuple[str, str] | None = None

    def unavailable(self) -> str | None:
        """Why it cannot be used here, None if it can as far as is known without importing it."""
        if self.needs is None or find_spec(self.needs[0]) is not None:
            return None
        return self._missing("it is not installed")

    def load(self) -> ModuleType:
        """Its module.

        Raises:
            BackendError: what it needs is missing, or does not work here.
        """
        if reason := self.unavailable():
            raise BackendError(reason)
        try:
            return import_module(self.module)
        except ImportError as error:
            raise BackendError(self._missing(str(error))) from error

    def _missing(self, why: str) -> str:
        package = self.needs[1] if self.needs else "PyTorch"
        return (
            f"the {self.name} backend needs the package {package}, which cannot be imported here ({why}); "
            "install one that knows this Python and numpy, or choose backend='torch'"
        )


BACKENDS: dict[str, Backend] = {
    backend.name: backend
    for backend in (
        Backend(name="torch", module="warpdata.render.reference"),
        Backend(
            name="numba",
            module="warpdata.render.numba_backend",
            devices=("cpu",),
            fastest_on=("cpu",),
            needs=("numba", "numba"),
        ),
        Backend(
            name="warp",
            module="warpdata.render.warp_backend",
            devices=("cpu", "cuda"),
            fastest_on=("cuda",),
            needs=("warp", "warp-lang"),
        ),
    )
}
"""Every backend by its name; the first one is the definition, which `auto` takes where no other is the fastest."""


def choose_backend(name: str, device: torch.device) -> Backend:
    """The backend that is to render tensors of a device.

    Args:
        name: of a backend, or `auto` for the fastest on that device.

    Raises:
        ValueError: there is none of that name.
        BackendError: it does not render on that device.
    """
    if name == "auto":
        fastest = (backend for backend in BACKENDS.values() if device.type in backend.fastest_on)
        return next(fastest, next(iter(BACKENDS.values())))
    if name not in BACKENDS:
        raise ValueError(f"unknown backend {name!r}; choose from auto, {', '.join(BACKENDS)}")
    backend = BACKENDS[name]
    if backend.devices is not None and device.type not in backend.devices:
        raise BackendError(
            f"the {name} backend renders tensors on {' or '.join(backend.devices)}, these are on {device}; "
            "choose backend='torch', which runs on any device, or 'auto'"
        )
    return backend
