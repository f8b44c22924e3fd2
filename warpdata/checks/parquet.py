"""Checks of Parquet files with pictures inside, as Hugging Face `datasets` reads them."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from warpdata.checks.finding import Finding
from warpdata.checks.manifest import has_references
from warpdata.checks.pictures import check_picture
from warpdata.checks.samples import check_names
from warpdata.errors import OutputError
from warpdata.formats.manifest import IMAGE_ROLES, MASK_ROLES

ROWS_AT_ONCE = 16
"""Rows whose pictures are in memory together."""

NUMBERED = re.compile(r"(.+-)(\d{5})-of-(\d{5})\.parquet")


def check_parquet(root: Path, multiple: int) -> Iterator[Finding]:
    """Every Parquet file of `data/`: all of them there, readable, with the same columns and whole pictures.

    Raises:
        OutputError: the package pyarrow, which reads them, is not installed.
    """
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise OutputError("Parquet files are checked with the package pyarrow: pip install datasets") from error
    paths = sorted((root / "data").glob("*.parquet"))
    if not paths:
        yield Finding(str(root), "WD101", "no Parquet file was found in data/")
        return
    yield from _check_numbers(paths)
    pictures = [role for role in IMAGE_ROLES if role != "reference" or has_references(root)]
    columns: list[str] | None = None
    names: list[str] = []
    prompts: dict[str, str] = {}
    for path in paths:
        try:
            with pyarrow.parquet.ParquetFile(path) as file:
                columns = columns or file.schema_arrow.names
                if file.schema_arrow.names != columns:
                    found = ", ".join(file.schema_arrow.names)
                    yield Finding(str(path), "WD703", f"has {found}; the first has {', '.join(columns)}")
                for rows in file.iter_batches(ROWS_AT_ONCE):
                    for row in rows.to_pylist():
                        name = str(row.get("id") or f"{path.stem}[{len(names)}]")
                        names.append(name)
                        prompts[f"{path}/{name}"] = str(row.get("prompt") or "")
                        yield from _check_row(f"{path}/{name}", row, pictures, multiple)
        except (OSError, ValueError, pyarrow.ArrowException) as error:
            yield Finding(str(path), "WD603", f"cannot be read to its end: {error}")
    if any(prompts.values()):
        for where, prompt in prompts.items():
            if not prompt.strip():
                yield Finding(where, "WD502", "prompt is empty, and others are not")
    yield from check_names(root, names)


def _check_numbers(paths: list[Path]) -> Iterator[Finding]:
    """Files called `-of-N` of which one is missing."""
    promised: dict[tuple[str, str], set[int]] = {}
    for path in paths:
        if (match := NUMBERED.fullmatch(path.name)) is not None:
            promised.setdefault((match[1], match[3]), set()).add(int(match[2]))
    for (stem, count), found in promised.items():
        for number in sorted(set(range(int(count))) - found):
            missing = paths[0].with_name(f"{stem}{number:05d}-of-{count}.parquet")
            yield Finding(str(missing), "WD602", "is missing; the names of the others promise it")


def _check_row(where: str, row: dict[str, Any], pictures: list[str], multiple: int) -> Iterator[Finding]:
    sizes = {}
    for role in (*pictures, *MASK_ROLES):
        if role not in row:
            if role in pictures:
                yield Finding(where, "WD702" if role == "target" else "WD201", f"has no column {role}")
            continue
        data = (row[role] or {}).get("bytes") if row[role] is None or isinstance(row[role], dict) else None
        if not isinstance(data, bytes):
            yield Finding(f"{where}.{role}", "WD303", "has no picture inside")
            continue
        picture = check_picture(f"{where}.{role}", io.BytesIO(data), multiple=multiple, rgb=role in IMAGE_ROLES)
        yield from picture.findings
        if picture.size is not None:
            sizes[role] = picture.size
    if len({sizes[role] for role in IMAGE_ROLES if role in sizes}) > 1:
        yield Finding(where, "WD301", f"sizes differ: {sizes}")
