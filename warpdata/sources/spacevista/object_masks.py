"""The objects of a frame as the mask of its view."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import torch
from jaxtyping import Bool
from torch import Tensor

from warpdata.errors import ViewError
from warpdata.files.digests import file_sha256
from warpdata.formats.spacevista.mask_arrays import read_object_mask
from warpdata.sources.picture import Sha256Of


@dataclass(frozen=True)
class ObjectMask:
    """The objects that items point at in one frame: they alone become points, or all else does.

    Attributes:
        parts: (file, objects in it) of each; all together are the mask.
        keep: whether the objects become points.
    """

    parts: tuple[tuple[Path, tuple[int, ...] | tuple[bool, ...] | None], ...]
    keep: bool

    @property
    def label(self) -> str:
        return str(self.parts[0][0])

    @property
    def files(self) -> tuple[Path, ...]:
        return tuple(dict.fromkeys(path for path, _ in self.parts))

    def digest(self, sha256_of: Sha256Of = file_sha256) -> str | None:
        digests = [sha256_of(path) for path in self.files]
        if None in digests:
            return None
        chosen = [(self.files.index(path), objects) for path, objects in self.parts]
        return hashlib.sha256(repr((digests, chosen, self.keep)).encode()).hexdigest()

    def load(self) -> Bool[Tensor, "h w"]:
        """True where the picture may become points.

        Raises:
            ViewError: a file is missing, pickled, damaged, or the masks differ in size.
        """
        found: Tensor | None = None
        for path, objects in self.parts:
            try:
                here = torch.from_numpy(read_object_mask(path, objects))
            except (OSError, ValueError) as error:
                raise ViewError(f"mask {path}: {error}") from error
            if found is not None and found.shape != here.shape:
                raise ViewError(f"masks of one frame differ in size: {path} has {tuple(here.shape)}")
            found = here if found is None else found | here
        return found if self.keep else ~found
