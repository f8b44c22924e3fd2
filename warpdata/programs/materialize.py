"""`warpdata materialize`: scenes in, triplets on disk out."""

from __future__ import annotations

from collections.abc import Sequence

from warpdata.programs.choices import name_choices
from warpdata.programs.main import DONE, INCOMPLETE, run_program
from warpdata.run.options import TABLES, MaterializeOptions


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program; its exit code."""
    return run_program(
        "materialize",
        MaterializeOptions,
        _run,
        arguments,
        tables=TABLES,
        choices=name_choices(),
        when_interrupted="the same command goes on where this one stopped",
    )


def _run(options: MaterializeOptions) -> int:
    from warpdata.display import Display

    with Display(quiet=options.quiet) as display:
        return _dry_run(options, display) if options.dry_run else _materialize(options, display)


def _materialize(options: MaterializeOptions, display) -> int:
    from warpdata.files.atomic import write_atomic
    from warpdata.files.bounded_json import dump_json
    from warpdata.formats.manifest import REPORT
    from warpdata.programs.report import command_of
    from warpdata.run.materialize import materialize
    from warpdata.view.report_page import write_report_page

    report = materialize(options, display)
    root = options.output.output_dir
    write_atomic(root / REPORT, dump_json(report.as_json()))
    if options.output.report_page:
        write_report_page(root, command_of(report.as_json(), root), seconds=report.seconds)
    for line in report.lines():
        display.say_always(line)
    return DONE if report.complete else INCOMPLETE


def _dry_run(options: MaterializeOptions, display) -> int:
    from rich.filesize import decimal

    from warpdata.config import default_cache_dir
    from warpdata.run.plan import dry_run, free_bytes
    from warpdata.sources import Workplace, open_source
    from warpdata.writers.output.refusals import refuse_unusable

    refuse_unusable(options.output.output_dir, options.export, options.output.export_scenes)
    plans = []
    cache_dir = options.geometry.cache_dir or default_cache_dir()
    work = Workplace(cache_dir=cache_dir, writes=False, progress=display.stage)
    source = open_source(options.source, options.own, work=work)
    keep = options.source.keep_odd_views
    for plan in dry_run(source, options.size, options.pairs, options.output, keep_odd_views=keep):
        plans.append(plan)
        display.say_always(plan.line())
        for name, reason in plan.left_out.items():
            display.say_always(f"  {plan.scene}/{name} would be left out: {reason}")
        for note in plan.notes:
            display.say_always(f"  {plan.scene}: {note}")
    needed, free = sum(plan.num_bytes for plan in plans), free_bytes(options.output.output_dir)
    at_most = "at most " if options.quality.keep else ""
    display.say_always(
        f"{at_most}{sum(plan.triplets for plan in plans)} triplets, about {decimal(needed)}; "
        f"{decimal(free)} are free at {options.output.output_dir}"
    )
    return INCOMPLETE if any(plan.problem or plan.left_out for plan in plans) or needed > free else DONE
