"""The pictures of a sample, wherever its layout put them."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from jaxtyping import UInt8
from torch import Tensor

from warpdata.errors import ViewError
from warpdata.files.paths import resolve_inside
from warpdata.formats.manifest import Record
from warpdata.sources.decode import load_image
from warpdata.writers.layouts.layout import LayoutRow
from warpdata.writers.layouts.table import LAYOUTS


class SampleFiles:
    """Reads the files of an export's samples: lying in its folder, or packed in shards that can be unpacked.

    Args:
        root: the export's folder.
        layout: its name.
    """

    def __init__(self, root: Path, layout: str):
        self._root = root.resolve()
        self._layout = layout

    @property
    def _row(self) -> LayoutRow | None:
        return LAYOUTS[self._layout] if self._layout in LAYOUTS else None

    @contextmanager
    def open(self, record: Record, role: str) -> Iterator[Path]:
        """Path of a sample's file, good inside the block.

        Raises:
            ViewError: the sample has no such file, it leads out of the export, or it cannot be taken out of its shard.
        """
        if role not in record.files:
            raise ViewError(f"{record.id} has no {role}")
        if record.shard is None:
            yield resolve_inside(self._root, record.files[role])
            return
        with tempfile.TemporaryDirectory(prefix="warpdata-") as folder:
            path = Path(folder) / f"{role}{PurePosixPath(record.files[role]).suffix}"
            self._take_out(record, role, path)
            yield path

    def _take_out(self, record: Record, role: str, path: Path) -> None:
        row, shard = self._row, resolve_inside(self._root, record.shard)
        if row is not None and row.extract is not None:
            if not row.extract(shard, record.files[role], path):
                raise ViewError(f"{record.shard} cannot be read; its export may be damaged: run `warpdata verify`")
        elif row is not None and row.picture is not None:
            path.write_bytes(row.picture(shard, record, role))
        else:
            raise ViewError(f"the layout {self._layout} packs its pictures so that they cannot be taken out here")

    def picture(self, record: Record, role: str) -> UInt8[Tensor, "3 H W"]:
        """A sample's picture or mask as sRGB bytes.

        Raises:
            ViewError: it is not there, damaged, or too large.
        """
        with self.open(record, role) as path:
            return load_image(path)
