"""Conditions over named scores, such as `psnr > 18 and hole_fraction < 0.6`, parsed here and never given to Python.

condition  = and_chain {"or" and_chain}
and_chain  = negation {"and" negation}
negation   = "not" negation | comparison
comparison = sum [("<" | "<=" | ">" | ">=" | "==" | "!=") sum]...     as in Python, 0.1 < x < 0.6 is both
sum        = product {("+" | "-") product}
product    = factor {("*" | "/") factor}
factor     = ("+" | "-") factor | number | name | "(" condition ")"
"""

from __future__ import annotations

import difflib
import math
import operator
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

MAX_CHARACTERS = 2000
"""Of a condition."""

SHOWN_CHARACTERS = 200
"""Of a condition, in errors."""

MAX_NESTING = 10
"""Parentheses, `not` and signs inside one another, of a condition."""

Scores = Mapping[str, Any]
"""Score by name; what is absent, None or NaN is not known."""


@dataclass(frozen=True)
class Expression:
    """A condition over named scores.

    A score that is absent, None or NaN is not known, and so is what is computed from it or divided by zero. What is
    not known neither holds nor fails: with it `x > 1` and `not x > 1` are both not known, `or` holds if its other side
    does, `and` fails if its other side does. A condition that is not known as a whole does not hold.

    Attributes:
        text: as it was given, each run of blanks as one.
        parts: what has to hold, all of it: the conditions that `and` joins at the top.
    """

    text: str
    parts: tuple[Condition, ...]

    @classmethod
    def parse(cls, text: str, *, names: Collection[str]) -> Expression:
        """A condition from its text.

        Args:
            names: of the scores it may speak of.

        Raises:
            ValueError: it is not a condition over these scores; says where, and what is known.
        """
        return cls(" ".join(text.split()), _Parser(text, names).whole())

    def evaluate(self, scores: Scores) -> bool:
        """Whether it holds for these scores."""
        return not self.failing(scores)

    def failing(self, scores: Scores) -> tuple[str, ...]:
        """The texts of those of its parts that do not hold; none where it holds as a whole."""
        return tuple(part.text for part in self.parts if part.value(scores) is not True)


class Condition(NamedTuple):
    """One of the conditions that have to hold, and its text."""

    text: str
    value: Callable[[Scores], bool | None]


@dataclass(frozen=True)
class _Number:
    value: float

    is_number = True

    def __call__(self, scores: Scores) -> float | None:
        return self.value


@dataclass(frozen=True)
class _Score:
    name: str

    is_number = True

    def __call__(self, scores: Scores) -> float | None:
        return _known(scores.get(self.name))


@dataclass(frozen=True)
class _Arithmetic:
    first: Callable[[Scores], float | None]
    rest: tuple[tuple[str, Callable[[Scores], float | None]], ...]

    is_number = True

    def __call__(self, scores: Scores) -> float | None:
        value = self.first(scores)
        for sign, part in self.rest:
            other = part(scores)
            if value is None or other is None or (sign == "/" and other == 0):
                return None
            value = _known(ARITHMETIC[sign](value, other))
        return value


@dataclass(frozen=True)
class _Comparison:
    first: Callable[[Scores], float | None]
    rest: tuple[tuple[str, Callable[[Scores], float | None]], ...]

    is_number = False

    def __call__(self, scores: Scores) -> bool | None:
        held: list[bool | None] = []
        left = self.first(scores)
        for sign, part in self.rest:
            right = part(scores)
            held.append(None if left is None or right is None else COMPARISONS[sign](left, right))
            left = right
        return _all(held)


@dataclass(frozen=True)
class _Not:
    part: Any

    is_number = False

    def __call__(self, scores: Scores) -> bool | None:
        held = self.part(scores)
        return None if held is None else not held


@dataclass(frozen=True)
class _And:
    parts: tuple[Condition, ...]

    is_number = False

    def __call__(self, scores: Scores) -> bool | None:
        return _all([part.value(scores) for part in self.parts])


@dataclass(frozen=True)
class _Or:
    parts: tuple[Any, ...]

    is_number = False

    def __call__(self, scores: Scores) -> bool | None:
        held = [part(scores) for part in self.parts]
        return True if True in held else None if None in held else False


ARITHMETIC = {"+": operator.add, "-": operator.sub, "*": operator.mul, "/": operator.truediv}
COMPARISONS = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}
INSTEAD = {"=": "==", "&&": "and", "&": "and", "||": "or", "|": "or", "!": "not", "<>": "!=", "≤": "<=", "≥": ">="}
"""Signs of other languages -> what stands for them here."""

TOKEN = re.compile(
    r"(?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)|(?P<name>[A-Za-z_]\w*)|(?P<sign><=|>=|==|!=|[-+*/<>()])"
    r"|(?P<other><>|&&|\|\||\S)",
    re.ASCII,
)
WORDS = ("and", "or", "not")


class _Token(NamedTuple):
    kind: str
    text: str
    start: int


class _Parser:
    """Recursive descent over a condition's tokens; a method a rule of the grammar."""

    def __init__(self, text: str, names: Collection[str]):
        if len(text) > MAX_CHARACTERS:
            raise ValueError(f"a condition has at most {MAX_CHARACTERS} characters, this one has {len(text)}")
        self._text = text
        self._names = names
        self._tokens = [_Token(found.lastgroup, found.group(), found.start()) for found in TOKEN.finditer(text)]
        self._tokens.append(_Token("end", "its end", len(text)))
        self._next = 0
        self._nesting = 0
        for token in self._tokens:
            if token.kind == "other":
                instead = f"; write {INSTEAD[token.text]}" if token.text in INSTEAD else ""
                raise self._error(f"{token.text!r} has no meaning here{instead}", token)

    def whole(self) -> tuple[Condition, ...]:
        start = self._peek()
        found = self._condition()
        if self._peek().kind != "end":
            raise self._unexpected("and, or, a comparison or the end")
        self._want(found, start, number=False)
        return found.parts if isinstance(found, _And) else (Condition(" ".join(self._text.split()), found),)

    def _condition(self) -> Any:
        return self._joined("or", self._and_chain, lambda parts: _Or(tuple(part.value for part in parts)))

    def _and_chain(self) -> Any:
        return self._joined("and", self._negation, lambda parts: _And(tuple(parts)))

    def _joined(self, word: str, rule: Callable[[], Any], join: Callable[[list[Condition]], Any]) -> Any:
        parts: list[Condition] = []
        while True:
            start = self._peek()
            part = rule()
            end = self._tokens[self._next - 1]
            parts.append(Condition(" ".join(self._text[start.start : end.start + len(end.text)].split()), part))
            if self._peek().text == word or parts[1:]:
                self._want(part, start, number=False)
            if not self._take(word):
                return part if len(parts) == 1 else join(parts)

    def _negation(self) -> Any:
        if not self._take("not"):
            return self._comparison()
        start = self._peek()
        part = self._nested(self._negation)
        self._want(part, start, number=False)
        return _Not(part)

    def _comparison(self) -> Any:
        first, rest = self._chain(self._sum, COMPARISONS)
        return _Comparison(first, rest) if rest else first

    def _sum(self) -> Any:
        return self._arithmetic(self._product, "+-")

    def _product(self) -> Any:
        return self._arithmetic(self._factor, "*/")

    def _arithmetic(self, rule: Callable[[], Any], signs: str) -> Any:
        first, rest = self._chain(rule, signs)
        return _Arithmetic(first, rest) if rest else first

    def _chain(self, rule: Callable[[], Any], signs: Collection[str]) -> tuple[Any, tuple[tuple[str, Any], ...]]:
        """What a rule finds, and the signs and further ones after it, which then all have to be numbers."""
        start = self._peek()
        first = rule()
        rest = []
        while self._peek().kind == "sign" and self._peek().text in signs:
            self._want(first, start, number=True)
            sign = self._take_any().text
            begin = self._peek()
            part = rule()
            self._want(part, begin, number=True)
            rest.append((sign, part))
        return first, tuple(rest)

    def _factor(self) -> Any:
        token = self._peek()
        if token.kind == "number":
            return self._number(self._take_any())
        if token.kind == "name" and token.text not in WORDS:
            return self._score(self._take_any())
        if self._take("("):
            found = self._nested(self._condition)
            if not self._take(")"):
                raise self._unexpected(f"the ) of the ( at character {token.start + 1}")
            return found
        if self._take("+") or self._take("-"):
            start = self._peek()
            part = self._nested(self._factor)
            self._want(part, start, number=True)
            return part if token.text == "+" else _Arithmetic(_Number(0.0), (("-", part),))
        raise self._unexpected("a number, a name or (")

    def _number(self, token: _Token) -> _Number:
        value = float(token.text)
        if not math.isfinite(value):
            raise self._error(f"{token.text} is too large", token)
        return _Number(value)

    def _score(self, token: _Token) -> _Score:
        if token.text not in self._names and token.text.lower() in WORDS:
            raise self._error(f"write {token.text.lower()} for {token.text}", token)
        if token.text not in self._names:
            near = difflib.get_close_matches(token.text.lower(), sorted(self._names), n=1)
            raise self._error(f"there is no {token.text}" + (f", did you mean {near[0]}" if near else ""), token)
        return _Score(token.text)

    def _nested(self, rule: Callable[[], Any]) -> Any:
        if self._nesting == MAX_NESTING:
            raise self._error(f"more than {MAX_NESTING} parentheses, signs and nots inside one another", self._peek())
        self._nesting += 1
        found = rule()
        self._nesting -= 1
        return found

    def _peek(self) -> _Token:
        return self._tokens[self._next]

    def _take_any(self) -> _Token:
        self._next += 1
        return self._tokens[self._next - 1]

    def _take(self, text: str) -> bool:
        """Whether this comes next; if so it is taken."""
        found = self._peek().kind != "end" and self._peek().text == text
        self._next += found
        return found

    def _want(self, part: Any, start: _Token, *, number: bool) -> None:
        """Refuse a number where a condition has to stand, and the other way round."""
        if part.is_number and not number:
            raise self._error("a number alone says neither yes nor no; compare it, as in psnr > 18", start)
        if number and not part.is_number:
            raise self._error("a condition is not a number and cannot be compared or reckoned with", start)

    def _unexpected(self, wanted: str) -> ValueError:
        return self._error(f"expected {wanted}, found {self._peek().text}", self._peek())

    def _error(self, what: str, token: _Token) -> ValueError:
        known = ", ".join(sorted(self._names))
        text = self._text if len(self._text) <= SHOWN_CHARACTERS else self._text[:SHOWN_CHARACTERS] + "..."
        return ValueError(f"condition {text!r}, at character {token.start + 1}: {what}; known names are {known}")


def _known(value: Any) -> float | None:
    """A score as a number, None where it is not known."""
    number = None if value is None else float(value)
    return None if number is None or math.isnan(number) else number


def _all(held: list[bool | None]) -> bool | None:
    return False if False in held else None if None in held else True
