"""`warpdata report`: the page of an existing output."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import tyro

from warpdata.programs.main import DONE, run_program


@dataclass(frozen=True, kw_only=True)
class ReportOptions:
    """Make report.html of an output of materialize: what was made and left out, with figures and pictures."""

    path: tyro.conf.Positional[Path]
    """The output folder, which holds a report.json."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program; its exit code."""
    return run_program("report", ReportOptions, _run, arguments)


def _run(options: ReportOptions) -> int:
    from warpdata.view.report_page import read_report, write_report_page

    print(write_report_page(options.path, command_of(read_report(options.path), options.path)))
    return DONE


def command_of(report: dict[str, Any], output_dir: Path) -> list[str] | None:
    """The command line that makes an output again; None where its options are not known here.

    Args:
        report: its `report.json`.
    """
    from warpdata.programs.flags import CommandLine
    from warpdata.run.options import TABLES, MaterializeOptions, saved_options

    try:
        options = saved_options(report["options"])
        options = replace(options, output=replace(options.output, output_dir=output_dir))
        words = CommandLine(MaterializeOptions, TABLES).arguments(options)
    except (ValueError, TypeError, KeyError):
        return None
    return ["python", "-m", "warpdata.materialize", *words]
