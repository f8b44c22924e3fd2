"""`python -m cache_tools show|verify|prune|warm [PATH]`: care of geometry caches.

Exit codes: 0, all is well; 1, an entry is not good, a scene or view was left out, or a file could not be removed;
2, unusable arguments; 130, interrupted.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import tyro
from rich.filesize import decimal

from cache_tools.prune import plan_prune, remove
from cache_tools.show import show
from cache_tools.verify import verify
from warpdata.config import FilterOptions, GeometryOptions, SizeOptions, SourceOptions, default_cache_dir
from warpdata.display import Display
from warpdata.errors import CacheError
from warpdata.geometry.estimators import ESTIMATORS
from warpdata.plugins import OwnOptions
from warpdata.programs.choices import name_choices
from warpdata.programs.main import DONE, INCOMPLETE, Program, run_one_of, run_program
from warpdata.sources import Workplace, open_source
from warpdata.sources.table import SOURCES


@dataclass(frozen=True)
class Show:
    """List what a cache holds."""

    path: tyro.conf.Positional[Path] = field(default_factory=default_cache_dir)
    """Folder of the cache; by default the one that runs use, see WARPDATA_CACHE."""
    json: bool = False
    """Print JSON."""


@dataclass(frozen=True)
class Verify:
    """Check every entry against its digests, and against the files it was made from where they are still there."""

    path: tyro.conf.Positional[Path] = field(default_factory=default_cache_dir)
    """Folder of the cache; by default the one that runs use, see WARPDATA_CACHE."""


@dataclass(frozen=True)
class Prune:
    """List stale and damaged entries and what killed runs left; remove them with --yes.

    Files that are not the cache's are named and never touched.
    """

    path: tyro.conf.Positional[Path] = field(default_factory=default_cache_dir)
    """Folder of the cache; by default the one that runs use, see WARPDATA_CACHE."""
    yes: bool = False
    """Remove what is listed."""


@dataclass(frozen=True)
class Warm:
    """Make the geometry of all scenes ahead of training."""

    path: tyro.conf.Positional[Path] = field(default_factory=default_cache_dir)
    """Folder of the cache, made where it does not exist; by default the one that runs use, see WARPDATA_CACHE."""
    source: SourceOptions = field(default_factory=SourceOptions)
    geometry: GeometryOptions = field(default_factory=GeometryOptions)
    size: SizeOptions = field(default_factory=SizeOptions)
    filters: FilterOptions = field(default_factory=FilterOptions)
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where networks run; auto takes CUDA where there is a GPU."""
    own: OwnOptions = field(default_factory=OwnOptions)
    """Options of single sources and estimators."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; its exit code."""
    given = sys.argv[1:] if arguments is None else arguments
    return run_one_of(COMMANDS, given, prog="python -m cache_tools")


def _check_there(root: Path) -> None:
    if not root.is_dir():
        raise CacheError(f"there is no cache {root}; give the folder of one, or run with it first")


def _show(command: Show, display: Display) -> int:
    _check_there(command.path)
    contents = show(command.path)
    print(json.dumps(contents.as_json(), indent=2) if command.json else "\n".join(contents.lines()))
    return DONE


def _verify(command: Verify, display: Display) -> int:
    _check_there(command.path)
    all_good = True
    for verdict in verify(command.path, progress=display.stage):
        display.say_always(verdict.line())
        all_good &= verdict.is_good
    return DONE if all_good else INCOMPLETE


def _prune(command: Prune, display: Display) -> int:
    _check_there(command.path)
    plan = plan_prune(command.path, progress=display.stage)
    for removal in plan.removals:
        display.say_always(f"{removal.path} ({decimal(removal.num_bytes)}): {removal.reason}")
    for item in plan.foreign:
        display.say_always(f"{item.path} is not the cache's and stays")
    total = f"{len(plan.removals)} files, {decimal(sum(removal.num_bytes for removal in plan.removals))}"
    if not plan.removals:
        display.say_always("nothing to remove")
        return DONE
    if not command.yes:
        display.say_always(f"{total}; nothing was removed, add --yes to remove them")
        return DONE
    failed = remove(plan.removals)
    for path, reason in failed.items():
        display.say_always(f"{path} could not be removed: {reason}")
    display.say_always(f"removed {len(plan.removals) - len(failed)} of {total}")
    return INCOMPLETE if failed else DONE


def _warm(command: Warm, display: Display) -> int:
    import torch  # with all that follows it, not needed to look after what is there

    from cache_tools.warm import warm
    from warpdata.cache.provider import GeometryProvider

    if command.device == "cuda" and not torch.cuda.is_available():
        raise ValueError('`device="cuda"`: this PyTorch finds no CUDA device; use `device="cpu"`, or its CUDA build')
    device = "cuda" if command.device != "cpu" and torch.cuda.is_available() else "cpu"
    work = Workplace(cache_dir=command.path, progress=display.stage)
    source = open_source(command.source, command.own, work=work)
    display.start(len(source.scene_ids()))
    provider = GeometryProvider(
        replace(command.geometry, cache_dir=command.path),
        command.size,
        command.filters,
        torch.device(device),
        command.own,
    )
    complete = True
    for scene in warm(source, provider, progress=display.stage):
        display.scene_done("\n".join(scene.lines()))
        complete &= scene.is_complete
    return DONE if complete else INCOMPLETE


def _command(options_type: type, run: Callable[[Any, Display], int], about: str, **program: Any) -> Program:
    def with_display(options: Any) -> int:
        with Display() as display:
            return run(options, display)

    name = options_type.__name__.lower()
    return Program(
        about=about,
        main=lambda arguments: run_program(f"cache {name}", options_type, with_display, arguments, **program),
    )


COMMANDS: dict[str, Program] = {
    "show": _command(Show, _show, "list what a cache holds"),
    "verify": _command(Verify, _verify, "check every entry against its digests, and against its pictures"),
    "prune": _command(Prune, _prune, "list, and with --yes remove, what no run will use again"),
    "warm": _command(
        Warm,
        _warm,
        "make the geometry of all scenes ahead of training",
        tables=(SOURCES, ESTIMATORS),
        choices=name_choices(),
    ),
}

if __name__ == "__main__":
    sys.exit(main())
