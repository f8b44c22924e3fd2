"""The warp's results never change without a new `WARP_VERSION`, and those of earlier versions never at all."""

import json
from pathlib import Path

import pytest

from tests.render.golden_hashes import SCENES, digest
from warpdata.render import WARP_VERSION

FROZEN = json.loads(Path(__file__).with_name("golden_hashes.json").read_text())


def test_there_are_hashes_of_every_version():
    assert sorted(FROZEN) == [str(version) for version in range(1, WARP_VERSION + 1)]
    assert all(sorted(hashes) == sorted(SCENES) for hashes in FROZEN.values())


@pytest.mark.parametrize("version", range(1, WARP_VERSION + 1))
@pytest.mark.parametrize("name", SCENES)
def test_results_are_frozen(name, version, backend, device):
    rendering = SCENES[name](backend, version, device)
    assert rendering.version == version
    assert digest(rendering) == FROZEN[str(version)][name]
