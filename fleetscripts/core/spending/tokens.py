"""Token counts of a model's input and output, by the kinds that clients count separately."""

from __future__ import annotations

from typing import Any, NamedTuple

MOST = 10**15
"""Larger figures are invalid: somebody else wrote them."""


class Tokens(NamedTuple):
    """``cache_read``: repeated from an earlier request's cache, at about a tenth of the price of ``input``."""

    input: int = 0
    output: int = 0
    cache_read: int = 0
    cache_write: int = 0

    def plus(self, other: Tokens) -> Tokens:
        return Tokens(*(one + two for one, two in zip(self, other, strict=True)))

    def minus(self, other: Tokens) -> Tokens:
        """The excess over the other in each kind; 0 where it is less."""
        return Tokens(*(max(0, one - two) for one, two in zip(self, other, strict=True)))

    @property
    def counted(self) -> int:
        """What a cap counts: all but reads from a cache."""
        return self.input + self.output + self.cache_write


NONE = Tokens()


def tokens_of(value: object) -> Tokens:
    """From the stored list; none if it is invalid."""
    if not isinstance(value, list | tuple) or len(value) != len(NONE):
        return NONE
    return Tokens(*(whole(number) for number in value))


def whole(value: Any) -> int:
    """A number of tokens; 0 if invalid."""
    plain = isinstance(value, int) and not isinstance(value, bool)
    return value if plain and 0 <= value <= MOST else 0


def shown(tokens: int) -> str:
    """``950``, ``12.3k``, ``4.5M``."""
    for size, unit in ((10**9, "G"), (10**6, "M"), (10**3, "k")):
        if tokens >= size:
            return f"{tokens / size:.1f}{unit}".replace(".0", "")
    return str(tokens)
