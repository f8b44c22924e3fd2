"""The version of the warp in what runs write: recorded, refused where it differs, the first where none is said."""

from dataclasses import replace
from pathlib import Path

import pytest

from warpdata.config import GeometryOptions, OutputOptions, RenderOptions, SizeOptions, SourceOptions
from warpdata.errors import OutputError
from warpdata.files.bounded_json import read_json
from warpdata.run.materialize import materialize
from warpdata.run.options import MaterializeOptions, saved_options

SAMPLES = Path(__file__).parents[2] / "samples"


def options(root: Path, version: int) -> MaterializeOptions:
    source = SourceOptions(input_dir=SAMPLES)
    geometry = GeometryOptions(cache_dir=root / "cache")
    render = RenderOptions(version=version)
    return MaterializeOptions(
        source=source,
        size=SizeOptions(max_megapixels=0.02),
        geometry=geometry,
        render=render,
        output=OutputOptions(output_dir=root / "out"),
    )


def test_options_saved_before_there_was_a_choice_mean_version_1(tmp_path):
    new = options(tmp_path, 2)
    saved = new.as_json()
    assert saved["render"]["version"] == 2 == saved_options(saved).render.version
    del saved["render"]["version"]
    assert saved_options(saved).render.version == 1


def test_earlier_outputs_can_be_continued(tmp_path):
    """What they say of the options of their triplets is what version 1 says now."""
    assert "version" not in options(tmp_path, 1).what_triplets_depend_on()["render"]
    compat = replace(options(tmp_path, 2), render=RenderOptions(compat=True))
    assert compat.effective_render.version == 1


def test_an_output_of_another_version_is_refused(tmp_path):
    materialize(options(tmp_path, 1))
    manifest = next(path for path in (tmp_path / "out").rglob("dataset.json"))
    assert read_json(manifest)["options"]["warp_version"] == 1
    with pytest.raises(OutputError, match="warp_version is 1 there and 2 here"):
        materialize(options(tmp_path, 2))
