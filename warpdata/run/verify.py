"""Every file of an export against its digest, and what is damaged made again."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from warpdata.display import Display
from warpdata.errors import OutputError
from warpdata.files.atomic import output_errors, place_file
from warpdata.files.bounded_json import read_json
from warpdata.files.digests import file_sha256
from warpdata.formats.manifest import DATASET, MANIFEST, REPORT, read_dataset, read_manifest
from warpdata.run.export import PastExport
from warpdata.run.materialize import materialize, rejected_by_hand
from warpdata.run.options import MaterializeOptions, saved_options
from warpdata.sources import open_source
from warpdata.writers.output.existing import Export, find_datasets, find_exports, layout_roots
from warpdata.writers.output.refusals import refuse_unusable
from warpdata.writers.output.remote import Remote


@dataclass(frozen=True, order=True)
class Damage:
    """A file of an export that is not as it was written.

    Attributes:
        root: the export's folder.
        path: below it.
        sha256: what the file's digest should be; empty for a `dataset.json` that is gone, and its export with it.
        missing: whether it is gone; else its bytes differ.
    """

    root: Path
    path: str
    sha256: str
    missing: bool

    def line(self) -> str:
        """For people."""
        return f"{self.root / self.path}: {'missing' if self.missing else 'damaged'}"


def verify(root: Path) -> list[Damage]:
    """Digest every file of the exports in an output folder.

    Raises:
        OutputError: there is no complete export, or what describes it is damaged.
    """
    datasets = list(find_datasets(root))
    if not datasets:
        raise OutputError(f"{root} holds no complete export; if a run was stopped there, run its command again")
    damages = [Damage(folder, DATASET, "", missing=True) for folder in _reported_roots(root) - {f for f, _ in datasets}]
    for folder, about in datasets:
        path, sha256 = folder / MANIFEST, about["manifest_sha256"]
        found = file_sha256(path) if path.is_file() else None
        if found == sha256:
            damages += _verify_export(Export(folder, about, read_manifest(folder)))
        else:
            damages.append(Damage(folder, MANIFEST, sha256, missing=found is None))
    return sorted(damages)


def repair(root: Path, *, triplets: Path | None = None, input_dir: Path | None = None) -> list[Damage]:
    """Remake what is missing or damaged, and nothing else.

    Pictures come from other copies of the same bytes; the rest is made again, from the triplet folder that an export
    was made from, or by rendering with the options of `report.json`. One layout of several that a run wrote is
    repaired together with the others, as they share their triplets. Until it is made again a damaged file stays aside,
    and it comes back when that fails.

    Args:
        triplets: the triplet folder that the export was made from with `warpdata.export`.
        input_dir: where the scenes are now, if not where `report.json` says.

    Returns:
        What is still not as it was written.

    Raises:
        OutputError: it is not known how to make what is missing; nothing was changed.
        SourceError: the scenes are not where they were; nothing was changed.
    """
    root = _whole_output(root)
    damages = verify(root)
    # Files without their manifest or `dataset.json` are no export: all of it is made again.
    overwrite = any(damage.path == MANIFEST or (damage.path == DATASET and damage.root.is_dir()) for damage in damages)
    sources = [*find_exports(root), *(find_exports(triplets) if triplets else [])] if not overwrite else []
    copies = _find_copies([damage for damage in damages if damage.path != MANIFEST], sources)
    left = [damage for damage in damages if damage not in copies]
    make_again = None if not left else _maker(root, triplets, input_dir, overwrite=overwrite)
    for damage, copy in copies.items():
        place_file(copy, damage.root / damage.path, link=False)
    if make_again is not None:
        paths = [damage.root / damage.path for damage in left]
        paths += [damage.root / DATASET for damage in left if damage.path == MANIFEST]
        with _set_aside(paths):
            make_again()
    return verify(root)


def _whole_output(root: Path) -> Path:
    """The folder whose sub-folders of layouts and scenes one run wrote, for any of these; else the folder itself."""
    about = read_dataset(root) if root.is_dir() and not (root / REPORT).is_file() else None
    if about is None or root.absolute().name != about["layout"]:
        return root
    for folder in root.absolute().parents[:2]:
        exports = {export.absolute(): other for export, other in find_datasets(folder)}
        related = [export for export, other in exports.items() if other["fingerprint"] == about["fingerprint"]]
        if root.absolute() in exports and ((folder / REPORT).is_file() or len(related) > 1):
            return folder
    return root


def _maker(root: Path, triplets: Path | None, input_dir: Path | None, *, overwrite: bool) -> Callable[[], object]:
    """What makes missing files again, after everything that it could refuse has been looked at."""
    if triplets is not None:
        if overwrite:
            raise OutputError(
                f"{root} has a damaged {MANIFEST} or no {DATASET}; run the command that exported it again, with "
                "`overwrite=True`"
            )
        past = PastExport.found_in(root)
        past.refuse_other(triplets)
        return partial(past.make_again, triplets)
    try:
        options = saved_options(read_json(root / REPORT)["options"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise OutputError(
            f"{root} has no {REPORT} with the options it was made with ({error}), and nothing was changed; run the "
            "command that made it again, or give the triplet folder that it was exported from as `triplets`"
        ) from error
    options = replace(options, output=replace(options.output, output_dir=root, overwrite=overwrite))
    if input_dir is not None:
        options = replace(options, source=replace(options.source, input_dir=input_dir))
    refuse_unusable(root, options.export, options.output.export_scenes)
    open_source(options.source, options.own).scene_ids()
    return partial(_render_again, options, rejected_by_hand(options) - _listed_ids(root))


def _render_again(options: MaterializeOptions, rejected: frozenset[str]) -> None:
    with Display(quiet=True) as display:
        materialize(options, display, rejected=rejected)


def _listed_ids(root: Path) -> set[str]:
    """Ids of the samples of those exports whose manifest can be read: marks may have changed since they were made."""
    ids: set[str] = set()
    for folder, _ in find_datasets(root):
        with suppress(OutputError):
            ids.update(record.id for record in read_manifest(folder))
    return ids


@contextmanager
def _set_aside(paths: Sequence[Path]) -> Iterator[None]:
    """Files that are to be made again get another name meanwhile, and their own back when the block raises."""
    aside: dict[Path, Path] = {}
    try:
        for path in paths:
            with output_errors(path):
                if path.exists():
                    kept = path.with_name(f".{path.name}.damaged")
                    os.replace(path, kept)
                    aside[path] = kept
        yield
    except BaseException:
        for path, kept in aside.items():
            if path.exists():
                kept.unlink()
            else:
                os.replace(kept, path)
        raise
    for kept in aside.values():
        kept.unlink()


def _reported_roots(root: Path) -> set[Path]:
    """Where a run says that its layouts and scene exports are; nothing for an output that no run has reported on."""
    try:
        options = saved_options(read_json(root / REPORT)["options"])
    except (OSError, ValueError, KeyError, TypeError):
        return set()
    return set(layout_roots(root, options.export.layout, options.output.export_scenes).values())


def _verify_export(export: Export) -> Iterator[Damage]:
    for path, sha256, at_url in _digests(export):
        file = export.root / path
        if at_url:
            found = Remote(export.url).sha256(path)
        else:
            found = file_sha256(file) if file.is_file() else None
        if found != sha256:
            yield Damage(export.root, path, sha256, missing=found is None)


def _digests(export: Export) -> Iterator[tuple[str, str, bool]]:
    """path, sha256 of every file the manifest and `dataset.json` name, and whether it lies at the export's URL."""
    for path, about in export.about["files"].items():
        yield path, about["sha256"], export.url is not None and "key" in about
    for record in export.records:
        if record.shard is None:
            for role, path in record.files.items():
                yield path, record.sha256[role], False


def _find_copies(damages: list[Damage], exports: list[Export]) -> dict[Damage, Path]:
    """Of each damaged file whose bytes are still somewhere, the place."""
    wanted = {damage.sha256 for damage in damages}
    places: dict[str, list[Path]] = {}
    for export in exports:
        for path, sha256, at_url in _digests(export):
            if sha256 in wanted and not at_url:
                places.setdefault(sha256, []).append(export.root / path)
    copies = {}
    for damage in damages:
        for place in places.get(damage.sha256, ()):
            if place.is_file() and file_sha256(place) == damage.sha256:
                copies[damage] = place
                break
    return copies
