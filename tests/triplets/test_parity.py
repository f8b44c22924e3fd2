"""A triplet is the same to the byte in a training loop, in files, and made by hand."""

import numpy as np
import pytest
import torch
from PIL import Image

from tests.training.training import Recorder, make_data, make_trainer, write_scenes
from warpdata.cache import CacheEntry
from warpdata.config import PairOptions, RenderOptions
from warpdata.programs.main import DONE
from warpdata.programs.materialize import main
from warpdata.render import warp

OPTIONS = RenderOptions(sigma=7.0, background=(20, 40, 60))
FLAGS = ["--sigma", "7", "--background", "20", "40", "60", "--pairs", "window", "--pair-window", "2"]

pytestmark = pytest.mark.filterwarnings("ignore:.*does not have many workers.*")


def read(path):
    """(C, H, W) uint8 of a picture file."""
    pixels = torch.from_numpy(np.array(Image.open(path)))
    return pixels.permute(2, 0, 1) if pixels.ndim == 3 else pixels[None]


@pytest.mark.parametrize("render_in", ["worker", "collate"])
def test_training_files_and_hand_agree_to_the_byte(tmp_path, monkeypatch, render_in):
    monkeypatch.setenv("WARPDATA_CACHE", str(tmp_path / "cache"))
    write_scenes(tmp_path / "in", {"a": 4}, hw=(37, 58))
    arguments = ["--input-dir", str(tmp_path / "in"), "--output-dir", str(tmp_path / "out"), "--output-format", "png"]
    assert main([*arguments, *FLAGS, "--quiet"]) == DONE
    model = Recorder()
    pairs = PairOptions(pairs="window", pair_window=2)
    data = make_data(tmp_path, render_in=render_in, as_float=False, batch_size=3, pairs=pairs, render=OPTIONS)
    make_trainer(tmp_path).fit(model, datamodule=data)
    (path,) = (tmp_path / "cache" / "geometry").glob("*.safetensors")
    entry = CacheEntry(path)
    seen = 0
    for batch in model.batches:
        for index, sample_id in enumerate(batch.id):
            reference = entry.frame(entry.index(batch.reference_name[index]))
            target = entry.frame(entry.index(batch.target_name[index]))
            by_hand = warp(
                read(tmp_path / "in" / "a" / "images" / f"{reference.name}.png"),
                reference.depth,
                reference.image_camera,
                target.image_camera,
                confidence=reference.confidence,
                options=OPTIONS,
            )
            file = tmp_path / "out" / sample_id
            assert torch.equal(batch.splat[index], read(file.with_name(f"{file.name}_splats.png")))
            assert torch.equal(batch.splat[index], by_hand.rgb)
            assert torch.equal(batch.coverage[index], read(file.with_name(f"{file.name}_coverage.png")))
            assert torch.equal(batch.coverage[index], by_hand.coverage)
            for role in ("reference", "target", "confidence"):
                picture = getattr(batch, role)[index]
                assert torch.equal(picture, read(file.with_name(f"{file.name}_{role}.png")))
            seen += 1
    assert seen == 5
