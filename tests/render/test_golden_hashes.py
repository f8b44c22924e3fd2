"""The warp's results never change without a new `WARP_VERSION`."""

import json
from pathlib import Path

import pytest

from tests.render.golden_hashes import SCENES, digest
from warpdata.render import WARP_VERSION

FROZEN = json.loads(Path(__file__).with_name("golden_hashes.json").read_text())


def test_the_hashes_are_of_this_version():
    assert FROZEN["warp_version"] == WARP_VERSION
    assert sorted(FROZEN["sha256"]) == sorted(SCENES)


@pytest.mark.parametrize("name", SCENES)
def test_results_are_frozen(name, backend):
    rendering = SCENES[name](backend)
    assert digest(rendering) == FROZEN["sha256"][name]
