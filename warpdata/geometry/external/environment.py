"""Environments of foreign packages: one folder each, made by `prepare estimator`, which warpdata never imports from."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import platformdirs

from warpdata.errors import GeometryError

DRIVERS = Path(__file__).parent / "drivers"

FOLDER_VARIABLE = "WARPDATA_ESTIMATORS"
"""Environment variable that moves the folder of environments."""


@dataclass(frozen=True, kw_only=True)
class ForeignPackage:
    """A package with a driver of ours.

    Attributes:
        name: of the estimator.
        about: what it is, in a line.
        requirements: what pip installs into its environment, in this order, each a call of its own.
        driver: file name of the driver.
    """

    name: str
    about: str
    requirements: tuple[tuple[str, ...], ...]
    driver: str

    @property
    def command(self) -> tuple[str, ...]:
        """What runs its driver in its environment."""
        return (str(python_of(environment_folder(self.name))), str(DRIVERS / self.driver))


PACKAGES = {
    package.name: package
    for package in (
        ForeignPackage(
            name="da3",
            about="depth and cameras by Depth Anything 3",
            # Its own list asks for xformers, open3d, gradio and others that its network does not need.
            requirements=(
                ("torch>=2", "torchvision"),
                (
                    "numpy<2",
                    "einops",
                    "omegaconf",
                    "addict",
                    "e3nn",
                    "safetensors",
                    "huggingface_hub",
                    "opencv-python-headless",
                    "pillow",
                    "pillow-heif",
                    "imageio",
                    "evo",
                    "trimesh",
                    "plyfile",
                    "requests",
                    "typer",
                    "moviepy==1.0.3",
                    "pycolmap",
                ),
                ("--no-deps", "depth-anything-3==0.1.1"),
            ),
            driver="run_da3.py",
        ),
        ForeignPackage(
            name="map-anything",
            about="metric depth and cameras by MapAnything",
            requirements=(
                ("torch>=2", "torchvision"),
                ("mapanything @ git+https://github.com/facebookresearch/map-anything.git@v1.1",),
            ),
            driver="run_map_anything.py",
        ),
        ForeignPackage(
            name="moge",
            about="metric depth of single pictures by MoGe-2, for scenes with cameras (--poses given)",
            requirements=(
                ("torch>=2", "torchvision"),
                ("moge @ git+https://github.com/microsoft/MoGe.git", "huggingface_hub"),
            ),
            driver="run_moge.py",
        ),
    )
}
"""By the name of the estimator."""


def environment_folder(name: str) -> Path:
    """Where the environment of an estimator lies: WARPDATA_ESTIMATORS, or among the user's data."""
    root = os.environ.get(FOLDER_VARIABLE) or platformdirs.user_data_path("warpdata", appauthor=False) / "estimators"
    return Path(root) / name


def python_of(folder: Path) -> Path:
    """The interpreter of a virtual environment."""
    return folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def make_environment(
    package: ForeignPackage, folder: Path, *, python: str | None, say: Callable[[str], None], dry_run: bool = False
) -> None:
    """Make a virtual environment and install a package into it; what is there already stays.

    Args:
        python: the interpreter it is made with; None is this one.
        say: told each command before it runs.

    Raises:
        GeometryError: a command failed; its own words were shown.
    """
    commands = [[python or sys.executable, "-m", "venv", str(folder)]]
    pip = [str(python_of(folder)), "-m", "pip", "install", "--disable-pip-version-check"]
    commands += [[*pip, *requirements] for requirements in package.requirements]
    for command in commands:
        say(" ".join(command))
        if dry_run:
            continue
        try:
            code = subprocess.run(command, check=False).returncode
        except OSError as error:
            raise GeometryError(f"`python` {command[0]} cannot be started: {error.strerror}") from error
        if code:
            raise GeometryError(
                f"the environment of {package.name} is not whole: `{' '.join(command)}` ended with exit code {code}; "
                "the same command again goes on from there"
            )
