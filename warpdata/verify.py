"""`python -m warpdata.verify PATH`: every file of an export against its digest, and `--repair` for what is damaged."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import tyro

from warpdata.display import Display
from warpdata.errors import OutputError, WarpdataError
from warpdata.export import export_again
from warpdata.saved_options import from_json
from warpdata.writers.atomic import place_file
from warpdata.writers.existing import Export, find_datasets, find_exports, remove_files
from warpdata.writers.manifest import DATASET, MANIFEST, file_sha256, read_bounded, read_manifest
from warpdata.writers.remote import Remote

INTACT, DAMAGED, UNUSABLE = 0, 1, 2
"""Exit codes: every file is as it was written; some are not; there is nothing to verify."""


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
    from warpdata.materialize import REPORT, MaterializeOptions, materialize

    try:
        saved = json.loads(read_bounded(root / REPORT))["options"]
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


@dataclass(frozen=True, kw_only=True)
class VerifyOptions:
    """Check that every file of an export is as it was written."""

    path: tyro.conf.Positional[Path]
    """The output folder."""
    repair: bool = False
    """Remake what is missing or damaged."""
    triplets: Path | None = None
    """With --repair: the triplet folder that this export was made from with `warpdata.export`."""
    input_dir: Path | None = None
    """With --repair: where the scenes are now, if not where report.json says; triplets are rendered again from them,
    with the options that it holds."""
    json: bool = False
    """Print one JSON list instead of lines."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program; returns its exit code."""
    options = tyro.cli(VerifyOptions, args=arguments, prog="python -m warpdata.verify")
    try:
        if options.repair:
            damages = repair(options.path, triplets=options.triplets, input_dir=options.input_dir)
        else:
            damages = verify(options.path)
    except (WarpdataError, ValueError) as error:
        print(f"warpdata: {error}", file=sys.stderr)
        return UNUSABLE
    if options.json:
        print(json.dumps([{"path": str(d.root / d.path), "missing": d.missing} for d in damages], indent=1))
    else:
        for damage in damages:
            print(damage.line())
    return DAMAGED if damages else INTACT


if __name__ == "__main__":
    sys.exit(main())
