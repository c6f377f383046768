"""A module's regular expressions, compiled on first use: a command imports many and uses a few."""

from __future__ import annotations

import re
from typing import Any, AnyStr, cast

METHODS = ("search", "match", "fullmatch", "sub", "split", "findall", "finditer")


class _LazyPattern:
    """A placeholder for a compiled expression, with its methods."""

    def __init__(self, pattern: str | bytes, flags: int) -> None:
        self.pattern, self.flags = pattern, flags

    def __getattr__(self, name: str) -> Any:
        if name not in METHODS:
            raise AttributeError(name)
        compiled = re.compile(self.pattern, self.flags)
        self.__dict__.update({method: getattr(compiled, method) for method in METHODS})
        return self.__dict__[name]


def pattern(text: AnyStr, flags: int = 0) -> re.Pattern[AnyStr]:
    """The expression; an error in it shows on first use."""
    return cast("re.Pattern[AnyStr]", _LazyPattern(text, flags))
