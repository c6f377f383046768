"""Validates a rule's pattern: every repeat bounded, so that matching stays linear on hostile text."""

from __future__ import annotations

import re
import re._constants as constants  # type: ignore[import-not-found]  # typeshed does not know the parser of re
import re._parser as parser  # type: ignore[import-not-found]
from collections.abc import Iterable
from typing import Any

MAX_LENGTH = 400
MAX_REPEAT = 500
# The ways in which one place of the text can be tried: the product of what every variable repeat allows.
MAX_WAYS = 500_000

_REPEATS = (constants.MAX_REPEAT, constants.MIN_REPEAT, constants.POSSESSIVE_REPEAT)
_REFERENCES = (constants.GROUPREF, constants.GROUPREF_EXISTS)


def problem_of(pattern: str) -> str:
    """Why a pattern or an empty text cannot be used."""
    if not pattern:
        return "the pattern is empty"
    if len(pattern) > MAX_LENGTH:
        return f"the pattern has {len(pattern)} characters, at most {MAX_LENGTH} are allowed"
    try:
        parsed = parser.parse(pattern)
    except (re.error, OverflowError, RecursionError) as error:
        return f"not a regular expression: {error}"
    try:
        ways = _ways(parsed)
    except ValueError as error:
        return str(error)
    return f"it could take {ways} tries at each place of a hostile text; shorten its repeats" if ways > MAX_WAYS else ""


def _ways(parsed: Iterable[tuple[Any, Any]]) -> int:
    ways = 1
    for kind, argument in parsed:
        ways *= _ways_of(kind, argument)
        if ways > MAX_WAYS:
            break
    return ways


def _ways_of(kind: Any, argument: Any) -> int:
    if kind in _REFERENCES:
        raise ValueError("references to groups are not allowed")
    if kind in _REPEATS:
        low, high, inner = argument
        if high > MAX_REPEAT:
            raise ValueError(f"every repeat needs an upper bound of at most {MAX_REPEAT}: {{0,80}}, not * or +")
        inside = _ways(inner)
        return int((high - low + 1) * inside ** min(high, 4)) if inside > 1 else int(high - low + 1)
    if kind is constants.BRANCH:
        return max(_ways(branch) for branch in argument[1])
    if kind is constants.SUBPATTERN:
        return _ways(argument[-1])
    if kind in (constants.ASSERT, constants.ASSERT_NOT):
        return _ways(argument[1])
    if kind is constants.ATOMIC_GROUP:
        return _ways(argument)
    return 1
