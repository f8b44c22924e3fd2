"""Every file of an export against its digest, and what is damaged made again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from warpdata.config.saved import from_json
from warpdata.display import Display
from warpdata.errors import OutputError
from warpdata.files.atomic import place_file
from warpdata.files.bounded_json import read_json
from warpdata.files.digests import file_sha256
from warpdata.formats.manifest import DATASET, MANIFEST, read_manifest
from warpdata.run.export import export_again
from warpdata.run.materialize import materialize
from warpdata.run.options import MaterializeOptions
from warpdata.run.report import REPORT
from warpdata.writers.output.existing import Export, find_datasets, find_exports, remove_files
from warpdata.writers.output.remote import Remote


@dataclass(frozen=True, order=True)
class Damage:
    """A file of an export that is not as it was written.

    Attributes:
        root: the export's folder.
        path: below it.
        sha256: what the file's digest should be.
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
    damages: list[Damage] = []
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
    was made from, or by rendering with the options of `report.json`.

    Args:
        triplets: the triplet folder that the export was made from with `warpdata.export`.
        input_dir: where the scenes are now, if not where `report.json` says.

    Returns:
        What is still not as it was written.

    Raises:
        OutputError: it is not known how to make what is missing.
    """
    damages = verify(root)
    overwrite = any(damage.path == MANIFEST for damage in damages)
    if overwrite and triplets is not None:
        raise OutputError(f"{root} has a damaged {MANIFEST}; run the command that exported it again, with --overwrite")
    for damage in damages:
        # Without its manifest an export is none: all of it is made again.
        remove_files(damage.root, [damage.path, DATASET] if damage.path == MANIFEST else [damage.path])
    sources = [*find_exports(root), *(find_exports(triplets) if triplets else [])]
    left = _heal_from_copies([damage for damage in damages if damage.path != MANIFEST], sources)
    if left or overwrite:
        if triplets is not None:
            export_again(triplets, root)
        else:
            _render_again(root, input_dir, overwrite=overwrite)
    return verify(root)


def _render_again(root: Path, input_dir: Path | None, *, overwrite: bool) -> None:
    try:
        saved = read_json(root / REPORT)["options"]
        options = from_json(MaterializeOptions, saved)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise OutputError(
            f"{root} has no {REPORT} with the options it was made with ({error}); run the command that made it again, "
            "or give the triplet folder that it was exported from with --triplets"
        ) from error
    options = replace(options, output=replace(options.output, output_dir=root, overwrite=overwrite))
    if input_dir is not None:
        options = replace(options, source=replace(options.source, input_dir=input_dir))
    with Display(quiet=True) as display:
        materialize(options, display)


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


def _heal_from_copies(damages: list[Damage], exports: list[Export]) -> list[Damage]:
    """Copy files whose bytes are still somewhere; gives those whose bytes are not."""
    wanted = {damage.sha256 for damage in damages}
    copies: dict[str, list[Path]] = {}
    for export in exports:
        for path, sha256, at_url in _digests(export):
            if sha256 in wanted and not at_url:
                copies.setdefault(sha256, []).append(export.root / path)
    left = []
    for damage in damages:
        for copy in copies.get(damage.sha256, ()):
            if copy.is_file() and file_sha256(copy) == damage.sha256:
                place_file(copy, damage.root / damage.path, link=False)
                break
        else:
            left.append(damage)
    return left
