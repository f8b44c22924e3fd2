"""The holes of splats: how many, how large, how much is covered, and whether two collections of them are alike.

A model that learnt to fill the holes of one kind of splat fails on another kind, and its loss does not say so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from jaxtyping import Bool, Float, Int64

PINHOLE_PIXELS = 4
"""Holes up to this size are pinholes: points that parted, rather than something that was hidden."""

SIZE_EDGES = (1, 2, 5, 11, 33, 101, 331, 1001, 3301, 10001, 33001, 100001)
"""Where the bins of hole sizes begin, in pixels; the last has no end, and pinholes are the first two."""

COVERAGE_BINS = 10
MIDDLES = {"mean": np.mean, "median": np.median}

STEPS = 20
"""To a factor of ten, for the distributions between which distances are taken."""

DISTANT = 0.3
"""A distance from which on two collections differ, where it is not chance."""

FEW_PICTURES = 5
"""With fewer in one of them chance cannot be told, and only twice that distance counts."""

COMPARED = 1000
"""Pictures of each collection between which distances are taken, at regular intervals where there are more."""

SPLITS = 499
"""Random divisions of all pictures that say what distance chance makes."""

CHANCE = 0.01
"""A distance that so large a share of them reach is chance."""


@dataclass(frozen=True, kw_only=True)
class PictureHoles:
    """The holes of one splat.

    Attributes:
        sizes: (n,) pixels of each hole; pixels that touch, diagonally too, are of one.
        pixels: of the whole picture, borders left out.
    """

    sizes: Int64[np.ndarray, " n"]
    pixels: int

    @classmethod
    def of_mask(cls, holes: Bool[np.ndarray, "H W"]) -> PictureHoles:
        """The holes of a mask that is true in them."""
        _, _, stats, _ = cv2.connectedComponentsWithStats(holes.astype(np.uint8), connectivity=8)
        return cls(sizes=stats[1:, cv2.CC_STAT_AREA].astype(np.int64), pixels=holes.size)

    @property
    def coverage(self) -> float:
        """Share of the picture that is no hole."""
        return 1 - int(self.sizes.sum()) / self.pixels


@dataclass(frozen=True, kw_only=True)
class HoleStatistics:
    """The holes of a collection of splats.

    Attributes:
        pictures: of each splat.
        told_by: how holes were told from the rest.
    """

    pictures: Sequence[PictureHoles]
    told_by: str

    @property
    def sizes(self) -> Int64[np.ndarray, " n"]:
        """Of all holes of all pictures, in pixels."""
        return np.concatenate([picture.sizes for picture in self.pictures])

    @property
    def holes_a_picture(self) -> float:
        """The median over the pictures."""
        return float(np.median([len(picture.sizes) for picture in self.pictures]))

    @property
    def pinhole_share(self) -> float:
        """Of all holes, those of at most `PINHOLE_PIXELS`; 0 without holes."""
        return float((self.sizes <= PINHOLE_PIXELS).mean()) if len(self.sizes) else 0.0

    @property
    def megapixels(self) -> float:
        """Of a picture, the median."""
        return float(np.median([picture.pixels for picture in self.pictures])) / 1e6

    @property
    def coverages(self) -> Float[np.ndarray, " p"]:
        """Of each picture."""
        return np.array([picture.coverage for picture in self.pictures])

    def lines(self, name: str) -> list[str]:
        """For a person; `name` is what the collection is called."""
        told = self.as_json()
        holes, pixels = told["holes_a_picture"], told["hole_pixels"]
        sizes = ", ".join(f"{size} px: {count}" for size, count in told["hole_sizes"].items() if count)
        covered = ", ".join(
            f"{10 * step}-{10 * step + 10} %: {count}" for step, count in enumerate(told["coverage_histogram"]) if count
        )
        return [
            f"{name}: {told['pictures']} pictures of {told['megapixels']:.2f} megapixels; holes by {self.told_by}",
            f"  holes a picture    {holes['median']:g} (half of the pictures have fewer), {holes['least']} to "
            f"{holes['most']}; {told['holes']} altogether",
            f"  pinholes           {self.pinhole_share:.0%} of the holes have at most {PINHOLE_PIXELS} px",
            f"  sizes              {pixels['median']:g} px in the middle, eight of ten from {pixels['tenth']:g} to "
            f"{pixels['nine_tenths']:g} px",
            f"  holes by size      {sizes or 'none'}",
            f"  covered            {told['coverage']['mean']:.1%} of a picture in the mean; pictures by it: {covered}",
        ]

    def as_json(self) -> dict[str, Any]:
        """All figures as JSON values."""
        sizes, counts = self.sizes, np.array([len(picture.sizes) for picture in self.pictures])
        by_size = np.histogram(sizes, [*SIZE_EDGES, np.inf])[0]
        by_coverage = np.histogram(self.coverages, COVERAGE_BINS, (0, 1))[0]
        low, middle, high = (float(np.quantile(sizes, q)) for q in (0.1, 0.5, 0.9)) if len(sizes) else (0.0,) * 3
        return {
            "told_by": self.told_by,
            "pictures": len(self.pictures),
            "megapixels": round(self.megapixels, 4),
            "holes": len(sizes),
            "holes_a_picture": {
                "median": self.holes_a_picture,
                "mean": round(float(counts.mean()), 2),
                "least": int(counts.min()),
                "most": int(counts.max()),
            },
            "hole_pixels": {"tenth": low, "median": middle, "nine_tenths": high},
            "hole_sizes": {
                f"{first}+" if last is None else f"{first}-{last - 1}" if last - first > 1 else f"{first}": int(count)
                for first, last, count in zip(SIZE_EDGES, [*SIZE_EDGES[1:], None], by_size, strict=True)
            },
            "pinhole_share": round(self.pinhole_share, 4),
            "coverage": {
                "mean": round(float(self.coverages.mean()), 4),
                "median": round(float(np.median(self.coverages)), 4),
            },
            "coverage_histogram": [int(count) for count in by_coverage],
        }


@dataclass(frozen=True, kw_only=True)
class Distance:
    """How far two collections are apart in one respect.

    Attributes:
        of: what is compared.
        value: the largest difference of their cumulative distributions, 0 to 1 (Kolmogorov and Smirnov).
        chance: share of random divisions of all pictures into two such collections that are as far apart.
        differs: whether that makes them different.
        says: what differs, in plain words.
    """

    of: str
    value: float
    chance: float
    differs: bool
    says: str


@dataclass(frozen=True, kw_only=True)
class HoleComparison:
    """Two collections beside each other."""

    distances: Sequence[Distance]
    notes: Sequence[str]

    @property
    def alike(self) -> bool:
        """Whether they differ in nothing that was compared."""
        return not any(distance.differs for distance in self.distances)

    def verdict(self) -> str:
        """For a person."""
        if self.alike:
            said = "the holes of B look like those of A"
        else:
            said = "the holes of B do not look like those of A: "
            said += "; ".join(distance.says for distance in self.distances if distance.differs)
        return "; ".join([said, *self.notes])

    def lines(self) -> list[str]:
        """For a person: the distances, then the verdict."""
        listed = [
            f"  {one.of:18} {one.value:.2f} apart, as chance makes {one.chance:.1%} of the time: "
            f"{'different' if one.differs else 'alike'}"
            for one in self.distances
        ]
        return [*listed, f"Verdict: {self.verdict()}"]

    def as_json(self) -> dict[str, Any]:
        """All of it as JSON values."""
        return {
            "alike": self.alike,
            "verdict": self.verdict(),
            "distances": {
                one.of: {"value": round(one.value, 4), "chance": round(one.chance, 4), "differs": one.differs}
                for one in self.distances
            },
        }


def compare_holes(a: HoleStatistics, b: HoleStatistics) -> HoleComparison:
    """Whether the holes of two collections are alike: in number, in size, and in what they leave covered.

    For each, the distance of Kolmogorov and Smirnov between their distributions: of the pictures' numbers of holes a
    megapixel, of the holes' sizes in pixels, of the pictures' coverage. Pictures, not holes, are what chance is judged
    by: those of both are divided at random into two collections of the same sizes, again and again.
    """
    some = [list(one.pictures[:: -(-len(one.pictures) // COMPARED)]) for one in (a, b)]
    pictures = some[0] + some[1]
    few = min(map(len, some)) < FEW_PICTURES
    distances = []
    for of, histograms, says in (
        ("number", np.stack([_number_histogram(picture) for picture in pictures]), _say_number(a, b)),
        ("size", np.stack([_size_histogram(picture) for picture in pictures]), _say_size(a, b)),
        ("coverage", np.stack([_coverage_histogram(picture) for picture in pictures]), _say_coverage(a, b)),
    ):
        value, chance = _distance(histograms, len(some[0]))
        differs = value >= 2 * DISTANT if few else value >= DISTANT and chance <= CHANCE
        distances.append(Distance(of=of, value=value, chance=chance, differs=differs, says=says))
    notes = []
    if few:
        notes.append(f"with {len(some[0])} and {len(some[1])} pictures this is a guess")
    if max(a.megapixels, b.megapixels) > 1.5 * min(a.megapixels, b.megapixels):
        notes.append(
            f"their pictures have different sizes ({a.megapixels:.2f} and {b.megapixels:.2f} megapixels), and holes "
            "grow with them: compare at one size"
        )
    return HoleComparison(distances=distances, notes=notes)


def _distance(histograms: Float[np.ndarray, "p bins"], first: int) -> tuple[float, float]:
    """The distance between the first pictures and the others, and how often chance makes it as large."""

    def between(order: np.ndarray) -> float:
        parts = histograms[order[:first]].sum(0), histograms[order[first:]].sum(0)
        shares = [np.cumsum(part) / max(part.sum(), 1e-12) for part in parts]
        if (parts[0].sum() == 0) != (parts[1].sum() == 0):
            return 1.0
        return float(np.abs(shares[0] - shares[1]).max())

    rng = np.random.Generator(np.random.PCG64(0))
    value = between(np.arange(len(histograms)))
    splits = [between(rng.permutation(len(histograms))) for _ in range(SPLITS)]
    return value, (1 + sum(split >= value - 1e-12 for split in splits)) / (1 + SPLITS)


def _log_bins(values: np.ndarray) -> np.ndarray:
    """Counts of numbers from 0 on, in equal steps of their logarithms."""
    bins = np.round(STEPS * np.log10(1 + np.asarray(values, np.float64))).astype(np.int64)
    return np.bincount(bins, minlength=10 * STEPS + 1)[: 10 * STEPS + 1].astype(np.float64)


def _number_histogram(picture: PictureHoles) -> np.ndarray:
    return _log_bins(np.array([len(picture.sizes) / (picture.pixels / 1e6)]))


def _size_histogram(picture: PictureHoles) -> np.ndarray:
    return _log_bins(picture.sizes)


def _coverage_histogram(picture: PictureHoles) -> np.ndarray:
    return np.bincount([round(100 * picture.coverage)], minlength=101).astype(np.float64)


def _say_number(a: HoleStatistics, b: HoleStatistics) -> str:
    more = "more" if b.holes_a_picture > a.holes_a_picture else "fewer"
    return f"it has {more} ({b.holes_a_picture:g} a picture, in A {a.holes_a_picture:g})"


def _say_size(a: HoleStatistics, b: HoleStatistics) -> str:
    a_size, b_size = (float(np.median(one.sizes)) if len(one.sizes) else 0.0 for one in (a, b))
    smaller = "smaller" if b_size < a_size else "larger" if b_size > a_size else "of other sizes"
    return (
        f"they are {smaller} (half of them below {b_size:g} px, in A below {a_size:g}; pinholes {b.pinhole_share:.0%}, "
        f"in A {a.pinhole_share:.0%})"
    )


def _say_coverage(a: HoleStatistics, b: HoleStatistics) -> str:
    a_share, b_share = (float(np.median(one.coverages)) for one in (a, b))
    more = "more" if b_share > a_share else "less"
    return f"they leave {more} covered ({b_share:.0%} of a picture, in A {a_share:.0%})"
