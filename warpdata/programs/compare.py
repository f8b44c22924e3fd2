"""`warpdata compare`: one scene by several estimators, side by side."""

from __future__ import annotations

from collections.abc import Sequence

from warpdata.geometry.estimators import ESTIMATORS
from warpdata.programs.choices import name_choices
from warpdata.programs.main import DONE, INCOMPLETE, run_program
from warpdata.run.compare_options import CompareOptions
from warpdata.sources.table import SOURCES


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program; its exit code."""
    return run_program(
        "compare",
        CompareOptions,
        _run,
        arguments,
        tables=(SOURCES, ESTIMATORS),
        choices=name_choices(),
        when_interrupted="geometry that is finished stays in the cache, and the same command goes on",
    )


def _run(options: CompareOptions) -> int:
    from warpdata.display import Display
    from warpdata.errors import OutputError
    from warpdata.files.atomic import write_atomic
    from warpdata.files.bounded_json import dump_json
    from warpdata.run.compare import compare
    from warpdata.view.compare_page import compare_page, lines

    figures = options.output_path.with_suffix(".json")
    for path in (options.output_path, figures):
        if path.exists() and not options.overwrite:
            raise OutputError(f"{path} is there already; add `overwrite=True` to replace it, or choose another name")
    with Display(quiet=options.quiet, what="estimators") as display:
        rows = list(compare(options, display))
        for line in lines(rows):
            display.say_always(line)
    write_atomic(options.output_path, compare_page(options.scene.absolute().name, rows))
    write_atomic(figures, dump_json([row.as_json() for row in rows], indent=1) + "\n")
    return INCOMPLETE if any(row.error for row in rows) else DONE
