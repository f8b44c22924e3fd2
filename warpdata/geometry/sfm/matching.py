"""Features and matches: which views see the same points."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

from warpdata.geometry.sfm.child.run import read_arrays, run_worker
from warpdata.geometry.sfm.pictures import ReducedPicture

EXHAUSTIVE_UP_TO = 60
"""Views; every pair of them is tried. Of more, neighbours in the order they were taken, and every pair of a subset."""

SEQUENTIAL_NEIGHBOURS = 10

HOMOGRAPHY_SHARE = 0.8
"""When a homography explains this share of the pairs, the camera only turned, or saw one flat surface."""

MIN_INLIERS_TO_JOIN = 20
"""Verified matches of a pair that count as overlap: fewer happen by chance, and could not hold a view anyway."""


@dataclass(frozen=True, kw_only=True)
class MatchingLevel:
    """How hard is tried to find matches.

    Attributes:
        name: for reports.
        sift: options of SIFT that differ from pycolmap's.
        guided: search again along the epipolar lines of the first matches. Only with features that know their affine
            shape: plain ones give, on repeated structure, models that look right and are not.
        decides: whether a scene that it joins too little of is given up. Plain features say nothing about pictures of
            other exposures: of eight they joined four where the next level joins all.
    """

    name: str
    sift: dict[str, Any]
    guided: bool
    decides: bool = True


LEVELS = (
    MatchingLevel(name="sift", sift={}, guided=False, decides=False),
    MatchingLevel(name="affine", sift={"estimate_affine_shape": True, "max_num_features": 3000}, guided=True),
    MatchingLevel(name="affine-dsp", sift={"estimate_affine_shape": True, "domain_size_pooling": True}, guided=True),
)
"""Cheap first: guided matching takes ten times as long, and grows with the square of the number of features."""


@dataclass(frozen=True, kw_only=True)
class Matches:
    """Verified matches of a scene.

    Attributes:
        database: pycolmap's, with features and matches.
        inliers: number of verified matches of each pair of view names that has any.
        homographies: pairs that a homography explains: one flat surface, or a camera that only turned.
        features: number of features of each view.
    """

    database: Path
    inliers: dict[tuple[str, str], int]
    homographies: frozenset[tuple[str, str]]
    features: dict[str, int]

    @property
    def only_homographies(self) -> bool:
        """Whether nearly all pairs show one flat surface, or were taken from one place; also where there is none."""
        return len(self.homographies) >= HOMOGRAPHY_SHARE * len(self.inliers)

    def largest_component(self) -> set[str]:
        """Names of the largest group of views that matches join, directly or through others; sorted names decide."""
        group = {name: {name} for name in sorted(self.features)}
        for (a, b), count in self.inliers.items():
            if count >= MIN_INLIERS_TO_JOIN and group[a] is not group[b]:
                group[a] |= group[b]
                for name in group[b]:
                    group[name] = group[a]
        return max(group.values(), key=len, default=set())


def match_views(
    pictures: Sequence[ReducedPicture], folder: Path, level: MatchingLevel, *, threads: int, time_limit_s: float
) -> Matches:
    """Find features and matches, or read those that an earlier run left in `folder`.

    Raises:
        GeometryError: the child process failed.
    """
    database = folder / f"{level.name}.db"
    found = database.with_suffix(".pairs.npz")
    if not database.exists():
        run_worker(
            {
                "task": "match",
                "database": str(database),
                "pictures": str(pictures[0].path.parent),
                "cameras": camera_groups(pictures),
                "sift": level.sift,
                "guided_matching": level.guided,
                "pairs": [(pictures[a].path.name, pictures[b].path.name) for a, b in pairs_to_match(len(pictures))],
                "threads": threads if threads else -1,
            },
            folder,
            time_limit_s=time_limit_s,
        )
    arrays = read_arrays(found)
    pairs = [(view_name(str(a)), view_name(str(b))) for a, b in arrays["names"]]
    return Matches(
        database=database,
        inliers=dict(zip(pairs, arrays["inliers"].tolist(), strict=True)),
        homographies=frozenset(pair for pair, flat in zip(pairs, arrays["homography"], strict=True) if flat),
        features={
            view_name(str(name)): int(count) for name, count in zip(arrays["views"], arrays["features"], strict=True)
        },
    )


def view_name(file_name: str) -> str:
    """The view whose reduced picture has this file name."""
    return file_name.removesuffix(".png")


def camera_groups(pictures: Sequence[ReducedPicture]) -> list[dict[str, Any]]:
    """Pictures that share a camera: those of one size, one model and one known focal length.

    Cameras are pinholes without distortion; the estimator's documentation says why.
    """
    groups: dict[tuple, list[str]] = {}
    for picture in pictures:
        height, width = picture.hw
        known = picture.known_camera
        if known is not None:
            model = "PINHOLE"
            params = (known.K[0, 0].item(), known.K[1, 1].item(), known.K[0, 2].item(), known.K[1, 2].item())
        else:
            model = "SIMPLE_PINHOLE"
            # Without parameters pycolmap guesses, and knows that it did.
            params = () if picture.focal_px is None else (picture.focal_px, width / 2, height / 2)
        key = (picture.hw, picture.camera_model, model, params)
        groups.setdefault(key, []).append(picture.path.name)
    return [{"model": key[2], "params": list(key[3]), "names": names} for key, names in groups.items()]


def pairs_to_match(count: int) -> list[tuple[int, int]]:
    """Index pairs (a < b), sorted: all of a short scene.

    Of a long one each view with the next ten, with those 16, 32, 64, ... later, and every pair of `EXHAUSTIVE_UP_TO`
    views spread evenly over the scene, so that a path that returns is closed.
    """
    if count <= EXHAUSTIVE_UP_TO:
        return list(combinations(range(count), 2))
    steps = list(range(1, SEQUENTIAL_NEIGHBOURS + 1))
    steps += [2**power for power in range(4, count.bit_length())]
    pairs = {(a, a + step) for a in range(count) for step in steps if a + step < count}
    anchors = sorted({index * (count - 1) // (EXHAUSTIVE_UP_TO - 1) for index in range(EXHAUSTIVE_UP_TO)})
    return sorted(pairs | set(combinations(anchors, 2)))
