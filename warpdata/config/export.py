"""In which layouts triplets are written."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class ExportOptions:
    """In which layouts triplets are written, and what their trainer is told."""

    layout: tuple[str, ...] = ("folder",)
    """Layouts of the triplets. One goes into the output folder itself; several go into a sub-folder each, made from one
    rendering."""
    prompt: str | None = None
    """Text that goes with every triplet."""
    prompt_file: Path | None = None
    """Texts by scene or by sample: JSON {"<scene>": "...", "<scene>/<name>": "..."}, or lines of id, tab, text (.tsv).
    A sample's own text goes before its scene's, and that before --prompt."""
    shard_samples: int = 1000
    """Most samples in a shard, in layouts that pack samples into shards."""
    shard_bytes: int = 1_000_000_000
    """Most bytes in a shard; a single larger sample still gets one."""
    shard_url: str | None = None
    """Write shards there instead of into the output folder, in layouts that can: any fsspec URL, such as
    s3://bucket/folder."""
    shard_alias: tuple[str, ...] = ()
    """Extra members in shards for readers with fixed names, such as jpg=target."""
    worker: tuple[int, int] = (0, 1)
    """This process's number and how many processes share the output; scene i is made by process i mod N, and the
    last process to finish completes the output."""

    def __post_init__(self) -> None:
        if not self.layout or len(set(self.layout)) != len(self.layout):
            raise ValueError(f"`layout` is {' '.join(self.layout) or 'empty'}; name each layout once, at least one")
        if self.shard_samples < 1 or self.shard_bytes < 1:
            raise ValueError(
                f"`shard_samples` {self.shard_samples} and `shard_bytes` {self.shard_bytes} must be at least 1"
            )
        number, count = self.worker
        if not 0 <= number < count:
            raise ValueError(f"`worker` is {number} {count}; it must be two numbers with 0 <= number < count")
