"""Numbers written as expressions, such as `pi/2 - math.radians(10)`: parsed, never run."""

from __future__ import annotations

import ast
import math
import operator
import re

MAX_CHARACTERS, MAX_PARENTHESES = 256, 32

CONSTANTS = {"pi": math.pi, "tau": math.tau, "e": math.e}
"""With `math.` before them; `pi` without, too."""

FUNCTIONS = {name: getattr(math, name) for name in "sqrt radians degrees sin cos tan asin acos atan".split()}
"""With or without `math.` before them."""

_BINARY = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: operator.pow,
}
_SIGNS = {ast.UAdd: operator.pos, ast.USub: operator.neg}
_ALLOWED = re.compile(r"[A-Za-z0-9.+\-*/() ]*")
_NUMBER = re.compile(r"(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")


def evaluate(expression: str) -> float:
    """The value of an expression of + - * / **, parentheses, `pi` and functions of one argument; finite.

    Raises:
        ValueError: it is too long or too deep, holds anything else (with the position), or has no finite value.
    """
    text = expression.strip()
    if len(text) > MAX_CHARACTERS:
        raise ValueError(f"an expression has {len(text)} characters; {MAX_CHARACTERS} are allowed")
    if (end := _ALLOWED.match(text).end()) < len(text):
        raise _refused(text, end)
    depth = 0
    for position, character in enumerate(text):
        depth += (character == "(") - (character == ")")
        if depth > MAX_PARENTHESES:
            raise ValueError(f"{text!r}: more than {MAX_PARENTHESES} parentheses inside each other, at {position + 1}")
    try:
        tree = ast.parse(text, mode="eval").body
    except SyntaxError as error:
        raise _refused(text, (error.offset or 1) - 1) from error
    try:
        value = _value(tree, text)
    except (ArithmeticError, TypeError) as error:
        raise ValueError(f"{text!r} has no finite value ({error})") from error
    if not math.isfinite(value):
        raise ValueError(f"{text!r} has no finite value")
    return value


def _value(node: ast.expr, text: str) -> float:
    match node:
        case ast.Constant() if _NUMBER.fullmatch(text[node.col_offset : node.end_col_offset]):
            return float(node.value)
        case ast.Name(id="pi"):
            return math.pi
        case ast.Attribute(value=ast.Name(id="math"), attr=name) if name in CONSTANTS:
            return CONSTANTS[name]
        case ast.UnaryOp(op=op, operand=operand) if type(op) in _SIGNS:
            return _SIGNS[type(op)](_value(operand, text))
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _BINARY:
            value = _BINARY[type(op)](_value(left, text), _value(right, text))
            if isinstance(value, complex):
                raise ArithmeticError("it is not real")
            return value
        case ast.Call(
            func=ast.Name(id=name) | ast.Attribute(value=ast.Name(id="math"), attr=name), args=[inner], keywords=[]
        ) if name in FUNCTIONS:
            argument = _value(inner, text)
            try:
                return FUNCTIONS[name](argument)
            except ValueError as error:
                raise ArithmeticError(f"{name} of {argument:g}") from error
    raise _refused(text, node.col_offset)


def _refused(text: str, position: int) -> ValueError:
    return ValueError(
        f"{text!r} cannot be read at character {position + 1}; allowed are numbers, + - * / **, parentheses, pi, "
        f"math.tau, math.e, and {', '.join(FUNCTIONS)} of one argument"
    )
