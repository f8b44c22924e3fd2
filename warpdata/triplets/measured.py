"""Scores of a scene's pairs, measured once and kept beside its geometry: by them pairs are chosen."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import closing
from dataclasses import asdict, astuple
from pathlib import Path

from warpdata.config import QualityOptions, RenderOptions
from warpdata.files.atomic import write_atomic
from warpdata.files.bounded_json import fingerprint, read_json
from warpdata.render import WARP_VERSION
from warpdata.triplets.scene_pairs import ScenePairs
from warpdata.triplets.scores import SCORES_VERSION
from warpdata.triplets.stream import Failed, TripletStream
from warpdata.triplets.triplet import Pair


class MeasuredScores:
    """Scores by pair, of one scene rendered with one set of options; with drawn cameras those of epoch 0.

    Args:
        pairs: of the scene.
        folder: where scores are kept, a file a scene and set of options.
        render: how splats are rendered.
        quality: of which only what changes splats matters here.
    """

    def __init__(self, pairs: ScenePairs, folder: Path, render: RenderOptions, quality: QualityOptions):
        of: list = [asdict(part) for part in (render, pairs.size, pairs.effective_filters)]
        if pairs.draw is not None and pairs.pair_options.pairs == "reproject":
            of += [pairs.draw.seed, asdict(pairs.pair_options)]
        digest = fingerprint([SCORES_VERSION, WARP_VERSION, *of, pairs.output_hw, quality.match_exposure])
        self._path = folder / f"{pairs.entry.key}.scores-{digest[:32]}.json"
        self._known = self._read()
        self._new = False

    def __getitem__(self, pair: Pair) -> dict[str, float] | None:
        """The scores of a pair; None where they are not known."""
        return self._known.get(_key(pair))

    def __setitem__(self, pair: Pair, scores: dict[str, float]) -> None:
        self._known[_key(pair)] = scores
        self._new = True

    def save(self) -> None:
        """Keep what was measured; losing a race to another process loses nothing but time."""
        if self._new:
            write_atomic(self._path, json.dumps(self._known, sort_keys=True), shared=True)
            self._new = False

    def _read(self) -> dict[str, dict[str, float]]:
        try:
            known = read_json(self._path)
            return {pair: {name: float(value) for name, value in scores.items()} for pair, scores in known.items()}
        except (OSError, ValueError, TypeError, AttributeError):
            return {}  # not there, or damaged: measured again and replaced


def only_kept(
    pairs: ScenePairs, quality: QualityOptions, measured: MeasuredScores, open_stream: Callable[[], TripletStream]
) -> tuple[ScenePairs, dict[str, str]]:
    """The pairs of a scene whose triplets are kept for their scores.

    Pairs whose scores are not known are rendered for them, once; those without a triplet to score are not kept.

    Args:
        open_stream: what renders them; not called where all are known.

    Returns:
        The scene with those pairs, and the name of each other pair -> why it is not kept.
    """
    unknown = [pair for pair in pairs.pairs if measured[pair] is None]
    dropped: dict[str, str] = {}
    if unknown:
        with closing(open_stream()) as stream:
            for pair, made in zip(unknown, stream.triplets(pairs, unknown), strict=True):
                if isinstance(made, Failed):
                    dropped[_name(pairs, pair)] = made.reason
                else:
                    measured[pair] = made.triplet.scores
        measured.save()
    for pair in pairs.pairs:
        if (scores := measured[pair]) is not None and (failing := quality.failing(scores)):
            dropped[_name(pairs, pair)] = not_kept(failing)
    return pairs.without({pairs.sample_id(pair) for pair in pairs.pairs if _name(pairs, pair) in dropped}), dropped


def not_kept(failing: tuple[str, ...]) -> str:
    """What to say of a triplet that is not kept."""
    return f"{', '.join(failing)} {'does' if len(failing) == 1 else 'do'} not hold"


def _key(pair: Pair) -> str:
    """All that sets a pair apart from the others of its scene."""
    return " ".join(map(str, astuple(pair)[1:]))


def _name(pairs: ScenePairs, pair: Pair) -> str:
    return pairs.sample_id(pair).partition("/")[2]
