"""The command line that gives options, and the options that it gives."""

from __future__ import annotations

from pathlib import Path

import pytest

from warpdata.config import (
    ExportOptions,
    FilterOptions,
    OutputOptions,
    PairOptions,
    RenderOptions,
    SizeOptions,
    SourceOptions,
)
from warpdata.geometry.sfm.options import SfmOptions
from warpdata.plugins import OwnOptions
from warpdata.programs.choices import name_choices
from warpdata.programs.flags import CommandLine
from warpdata.run.options import TABLES, MaterializeOptions, saved_options
from warpdata.run.splat_options import SplatOptions

CHANGED = MaterializeOptions(
    source=SourceOptions(input_dir=Path("my scenes"), auto_skip=True, target_overlap=0.25),
    size=SizeOptions(multiple=16, preprocess_mode="pad", upsample_depth=True),
    filters=FilterOptions(edge_threshold=0.2, filter_sky=True),
    pairs=PairOptions(pairs="overlap", pair_overlap=(0.2, 0.8), both_directions=True),
    render=RenderOptions(sigma=7.0, s0=0.01, background=(1, 2, 3)),
    output=OutputOptions(confidence=False, export_scenes=("colmap", "idr")),
    export=ExportOptions(layout=("folder", "hf"), prompt='it\'s "two" words', worker=(1, 2)),
    auto_s0=False,
    backend="torch",
    own=OwnOptions(SfmOptions(sources=3)),
)


@pytest.mark.parametrize("options", [MaterializeOptions(), CHANGED])
def test_arguments_give_the_options_again(options):
    line = CommandLine(MaterializeOptions, TABLES)
    assert line.parse(line.arguments(options), prog="test", choices=name_choices()) == options


def test_defaults_need_no_word():
    assert CommandLine(MaterializeOptions, TABLES).arguments(MaterializeOptions()) == []


def test_options_kept_in_a_report_give_their_command_line():
    line = CommandLine(MaterializeOptions, TABLES)
    assert line.arguments(saved_options(CHANGED.as_json())) == line.arguments(CHANGED)


def test_positional_arguments_come_first():
    options = SplatOptions(scene=Path("a scene"), output_path=Path("out.mp4"), reference="004", frames=9)
    line = CommandLine(SplatOptions, TABLES)
    words = line.arguments(options)
    assert words == ["a scene", "out.mp4", "--reference", "004", "--frames", "9"]
    assert line.parse(words, prog="test") == options
