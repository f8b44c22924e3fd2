"""`warpdata prepare estimator`: an environment of its own for an estimator of another package."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro

from warpdata.programs.main import DONE, run_program


@dataclass(frozen=True, kw_only=True)
class PrepareEstimatorOptions:
    """Make the environment that `--geometry NAME` runs in. Its packages do not come into this one."""

    name: Annotated[tyro.conf.Positional[Literal["da3", "map-anything", "moge"]], tyro.conf.arg(metavar="NAME")]
    """Depth Anything 3, MapAnything or MoGe-2."""
    folder: Annotated[tyro.conf.Positional[Path | None], tyro.conf.arg(metavar="[DIR]")] = None
    """Where; by default among the user's data, or in WARPDATA_ESTIMATORS. Only there --geometry finds it by name."""
    python: str | None = None
    """The interpreter it is made with, where the package wants another version than this one."""
    dry_run: bool = False
    """Show the commands and run none."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program; its exit code."""
    return run_program(
        "prepare estimator",
        PrepareEstimatorOptions,
        _run,
        arguments,
        when_interrupted="the same command goes on where this one stopped",
    )


def _run(options: PrepareEstimatorOptions) -> int:
    from warpdata.geometry.external.environment import PACKAGES, environment_folder, make_environment, python_of

    package = PACKAGES[options.name]
    usual = environment_folder(options.name)
    folder = options.folder or usual
    make_environment(package, folder, python=options.python, say=print, dry_run=options.dry_run)
    if options.dry_run:
        return DONE
    print(f"\n{package.name} is in {folder}. Weights are fetched when they are first asked for.")
    if folder.resolve() == usual.resolve():
        print(f"Use it with --geometry {package.name}.")
    else:
        driver = f"{python_of(folder)} {package.command[1]}"
        print(f"Use it with --geometry external --estimator '{driver}'.")
    return DONE
