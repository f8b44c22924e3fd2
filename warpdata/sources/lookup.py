"""Finding the file that a path in a scene's own files means, where the disk spells it differently.

People move scenes between systems that fold case, decompose letters, drop suffixes or turn separators. What is found
always lies inside the scene's folder.
"""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

from warpdata.errors import ViewError
from warpdata.files.paths import check_inside, resolve_inside
from warpdata.files.tree import archive_around, is_file, is_folder, list_folder
from warpdata.sources.naming import natural_key
from warpdata.sources.picture_names import IMAGE_SUFFIXES

NAMES_SHOWN = 3


class Lookup:
    """Looks for files of one scene. Folders are listed once, and only where a path is not found as it is written.

    Args:
        root: the scene's folder, resolved.
        pictures: where pictures are looked for by their base name when they are not where they should be, if any
            are.
    """

    def __init__(self, root: Path, pictures: Path | None):
        self._root = root
        self._pictures = pictures
        self._names: Callable[[Path], dict[str, list[str]]] = cache(_names)

    def picture(self, written: str) -> Path:
        """The picture that is meant: where the path says, there with a suffix added, or of its name in `pictures`.

        Raises:
            ViewError: there is none, or it lies outside the scene's folder.
        """
        said = resolve_inside(self._root, written, relative_only=False)
        by_name = () if self._pictures is None else (self._pictures / said.name,)
        for place in (said, *self._reduced(said), *by_name):
            found = self._existing(place) or self._with_suffix(place)
            if found is not None:
                check_inside(self._root, found)
                return found
        raise ViewError(f"its image {said} does not exist; {self._what_is_there(said)}")

    def file(self, written: str) -> Path:
        """The file that is meant; where there is none, the path as written, for whoever opens it to say so.

        Raises:
            ViewError: it lies outside the scene's folder.
        """
        said = resolve_inside(self._root, written, relative_only=False)
        found = next((found for place in (said, *self._reduced(said)) if (found := self._existing(place))), None)
        if found is None:
            return said
        check_inside(self._root, found)
        return found

    def _reduced(self, said: Path) -> Iterator[Path]:
        """The same path in folders of reduced copies, `images_4/` for `images/`, the least reduced first.

        Data sets are handed out so, with the `transforms.json` of the full size.
        """
        top, *rest = said.relative_to(self._root).parts
        if not rest or is_folder(self._root / top):
            return
        reduced = re.compile(re.escape(_folded(top)) + r"_\d+")
        for name in _listed(self._root):
            if reduced.fullmatch(_folded(name)):
                yield self._root.joinpath(name, *rest)

    def _existing(self, path: Path) -> Path | None:
        """The file at a path, its names matched exactly, or else in any case and either Unicode form."""
        if is_file(path):
            return path
        folder = self._folder(path.parent)
        name = None if folder is None else self._only(folder, path.name)
        return folder / name if name is not None and is_file(folder / name) else None

    def _with_suffix(self, path: Path) -> Path | None:
        found = [there for suffix in sorted(IMAGE_SUFFIXES) if is_file(there := path.with_name(path.name + suffix))]
        if len({path if archive_around(path) else path.stat().st_ino for path in found}) > 1:
            raise ViewError(
                f"its image {path} may be {' or '.join(there.name for there in found)}; write the suffix, or remove one"
            )
        if found:
            return found[0]
        folder = self._folder(path.parent)
        for suffix in sorted(IMAGE_SUFFIXES) if folder is not None else ():
            name = self._only(folder, path.name + suffix)
            if name is not None and is_file(folder / name):
                return folder / name
        return None

    def _folder(self, path: Path) -> Path | None:
        """The folder at a path below the root, matched as files are."""
        if path == self._root or is_folder(path):
            return path
        if not path.is_relative_to(self._root):
            return None
        above = self._folder(path.parent)
        name = None if above is None else self._only(above, path.name)
        return above / name if name is not None and is_folder(above / name) else None

    def _only(self, folder: Path, name: str) -> str | None:
        """The one name in a folder that differs at most in case and Unicode form; None where there are none or many.

        Of many, one that differs in the form alone is meant.
        """
        there = self._names(folder).get(_folded(name), [])
        same_case = [other for other in there if _composed(other) == _composed(name)]
        candidates = same_case or there
        return candidates[0] if len(candidates) == 1 else None

    def _what_is_there(self, said: Path) -> str:
        folder = self._folder(said.parent)
        if folder is None:
            there = ", ".join(_some(_listed(self._root))) or "nothing"
            return f"{self._root} has no folder {said.parent.relative_to(self._root)}; it holds {there}"
        names = _listed(folder)
        meant = self._names(folder).get(_folded(said.name), [])
        close = sorted(meant) or difflib.get_close_matches(said.name, names, n=NAMES_SHOWN)
        listed = ", ".join(close or _some(names)) or "nothing"
        return f"{folder} holds {listed}" + ("; rename one of them to it" if len(meant) > 1 else "")


def _names(folder: Path) -> dict[str, list[str]]:
    by_folded: dict[str, list[str]] = {}
    for name in _listed(folder):
        by_folded.setdefault(_folded(name), []).append(name)
    return by_folded


def _listed(folder: Path) -> list[str]:
    try:
        inside = list_folder(folder)
    except OSError:
        return []
    return sorted((*inside.files, *inside.folders), key=natural_key)


def _some(names: list[str]) -> list[str]:
    return names[:NAMES_SHOWN] + (["..."] if len(names) > NAMES_SHOWN else [])


def _composed(name: str) -> str:
    return unicodedata.normalize("NFC", name)


def _folded(name: str) -> str:
    return _composed(_composed(name).casefold())
