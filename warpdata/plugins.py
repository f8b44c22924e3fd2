"""Tables of what can be chosen by name: sources, estimators, layouts, scene formats, backends.

A table's rows are values of one dataclass, each in a module of its own that is imported when the row is first asked
for. Other packages add rows through entry points, named by the row, whose value is the row itself:

    [project.entry-points."warpdata.layouts"]
    mine = "my_package.my_layout:ROW"

A row that cannot be loaded costs itself, with a message, not the program.
"""

from __future__ import annotations

import importlib
import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from functools import cached_property
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Generic, Protocol, TypeVar, runtime_checkable

from warpdata.errors import PluginError

logger = logging.getLogger(__name__)


@runtime_checkable
class NamedRow(Protocol):
    """What every row has.

    Attributes:
        name: what it is chosen by.
        options: a frozen dataclass of options that are its own, with defaults; None where it has none.
    """

    name: str
    options: type | None


Row = TypeVar("Row", bound=NamedRow)
Options = TypeVar("Options")


class Table(Generic[Row]):
    """Rows by name, those of warpdata in the order given, those of other packages after them.

    Args:
        what: what a row is, in the singular, for messages: "layout".
        group: name of the entry points by which other packages add rows.
        row_type: what a row is an instance of.
        rows: name -> "module:ATTRIBUTE" of warpdata's own rows.
    """

    def __init__(self, what: str, group: str, row_type: type, rows: Mapping[str, str]):
        self.what = what
        self.group = group
        self._row_type = row_type
        self._own = dict(rows)
        self._loaded: dict[str, Row] = {}
        self._failed: dict[str, PluginError] = {}

    @property
    def names(self) -> tuple[str, ...]:
        """All names; imports no row."""
        return (*self._own, *self._foreign)

    def __contains__(self, name: str) -> bool:
        return name in self._own or name in self._foreign

    def __getitem__(self, name: str) -> Row:
        """The row of a name.

        Raises:
            ValueError: there is none.
            PluginError: it is another package's, and cannot be loaded.
        """
        if name not in self:
            raise ValueError(f"there is no {self.what} {name!r}; choose from {', '.join(self.names)}")
        if name in self._failed:
            raise self._failed[name]
        if name not in self._loaded:
            try:
                self._loaded[name] = self._load(name)
            except PluginError as error:
                self._failed[name] = error
                raise
        return self._loaded[name]

    def __iter__(self) -> Iterator[Row]:
        """Every row that can be loaded; of the others a warning says why, once."""
        for name in self.names:
            known = name in self._failed
            try:
                yield self[name]
            except PluginError as error:
                if not known:
                    logger.warning("%s", error)

    def _load(self, name: str) -> Row:
        if name in self._own:
            module, _, attribute = self._own[name].partition(":")
            return getattr(importlib.import_module(module), attribute)
        point = self._foreign[name]
        who = f"the {self.what} {name} of {point.dist.name if point.dist else point.value}"
        try:
            row = point.load()
        except Exception as error:  # another package's code raises anything
            raise PluginError(
                f"{who} cannot be loaded ({type(error).__name__}: {error}); update or remove it"
            ) from error
        if not isinstance(row, self._row_type) or row.name != name:
            raise PluginError(f"{who} is {row!r:.80}, expected a {self._row_type.__name__} named {name!r}")
        return row

    @cached_property
    def _foreign(self) -> dict[str, EntryPoint]:
        points: dict[str, EntryPoint] = {}
        for point in sorted(entry_points(group=self.group), key=lambda point: (point.name, point.value)):
            if point.name in self._own or point.name in points:
                logger.warning("%s %s (%s) is passed over: the name is taken", self.what, point.name, point.value)
            else:
                points[point.name] = point
        return points


def deferred(where: str) -> Callable[..., Any]:
    """The function "module:name", imported when it is first called: a row that names it so stays light to import."""

    def call(*args: Any, **kwargs: Any) -> Any:
        module, _, name = where.partition(":")
        return getattr(importlib.import_module(module), name)(*args, **kwargs)

    return call


class OwnOptions:
    """Options that belong to single rows of the tables: at most one value of each row's dataclass.

    `of` gives what was given, or else the defaults, so that nobody has to know which rows there are.
    """

    def __init__(self, *values: Any):
        self._values = {type(value): value for value in values}

    def of(self, kind: type[Options]) -> Options:
        """The options of a row, by their dataclass."""
        return self._values.get(kind) or kind()

    def as_json(self) -> dict[str, dict[str, Any]]:
        """Name of the dataclass -> its values, of those that differ from their defaults."""
        changed = {kind.__name__: asdict(value) for kind, value in self._values.items() if value != kind()}
        return dict(sorted(changed.items()))

    def __repr__(self) -> str:
        return f"OwnOptions({', '.join(map(repr, self._values.values()))})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, OwnOptions) and self.as_json() == other.as_json()

    __hash__ = None
