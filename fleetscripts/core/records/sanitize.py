"""Makes text from outside fit to print: no control characters, no direction overrides, one line, known width, or
between fences that it cannot close."""

from __future__ import annotations

import re
import shlex
import unicodedata
from functools import lru_cache

from fleetscripts.pattern import pattern

_BACK_QUOTES = pattern(r"`+")
ESCAPE_SEQUENCE = pattern(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?)|\x9b[0-?]*[ -/]*[@-~]")
"""CSI and OSC sequences are removed whole, so that no ``[31m`` is left."""

_NOT_ASCII = pattern(r"[^ -~]+")
UNPRINTABLE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
JOINER = "\u200d"
"""The one format character with a legitimate use: it joins emoji, and moves nothing."""


def sanitize(text: str) -> str:
    """``text`` on one line, with nothing that a terminal would obey."""
    if text.isprintable():
        return " ".join(text.split())
    return " ".join(_NOT_ASCII.sub(_harmless_run, ESCAPE_SEQUENCE.sub("", text)).split())


def shell_word(text: str) -> str:
    """Visible text as one word for a shell's line that a person may copy: a session may be named ``$(…)``."""
    return shlex.quote(sanitize(text))


def sanitize_lines(text: str) -> str:
    """The same for text of several lines, which stay apart."""
    return "\n".join(
        "".join(_harmless(char) for char in line).rstrip() for line in ESCAPE_SEQUENCE.sub("", text).splitlines()
    )


def _harmless_run(found: re.Match[str]) -> str:
    run = found[0]
    return run if run.isprintable() else "".join(map(_harmless, run))


@lru_cache(maxsize=4096)
def _harmless(char: str) -> str:
    if char.isspace():
        return " "
    return "" if unicodedata.category(char) in UNPRINTABLE and char != JOINER else char


def width(text: str) -> int:
    """Columns that visible text takes on a terminal, as tmux counts them."""
    if text.isascii():
        return len(text)
    return sum(_columns(char) for char, before in zip(text, " " + text, strict=False) if before != JOINER)


def _columns(char: str) -> int:
    if unicodedata.category(char) in ("Mn", "Me") or char == JOINER:
        return 0
    return 2 if unicodedata.east_asian_width(char) in ("W", "F") else 1


def fit(text: str, columns: int) -> str:
    """As much of visible ``text`` as fits, with an ellipsis for the rest."""
    if width(text) <= columns:
        return text
    kept = ""
    for char in text:
        if width(kept + char) > columns - 1:
            break
        kept += char
    return f"{kept}…"


def fenced(text: str) -> str:
    """The text between two lines of more back-quotes than it has in a row, without control characters."""
    shown = sanitize_lines(text)
    longest = max((len(run) for run in _BACK_QUOTES.findall(shown)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}\n{shown}\n{fence}"
