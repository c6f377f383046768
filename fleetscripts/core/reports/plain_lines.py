"""Lines of a pane without its decoration, and without what whoever reads them has read already."""

from __future__ import annotations

from collections.abc import Iterable

from fleetscripts.pattern import pattern

FRAME = pattern(r"^[\s─-▟]+|[\s─-▟]+$")
"""Box-drawing and block characters at a line's ends."""

KNOWN_FROM = 40
"""Characters from which on a line is compared with a text: a shorter one may be a question that repeats its words."""


def plain_lines(lines: Iterable[str], known: str = "") -> list[str]:
    """The lines that say something, without frames; none that is part of ``known``, told beside them."""
    text = _squeezed(known)
    plain = [FRAME.sub("", line) for line in lines]
    return [line for line in plain if line and not _is_in(line, text)]


def _is_in(line: str, text: str) -> bool:
    bare = _squeezed(line.lstrip("❯›>⎿● "))
    return len(bare) >= KNOWN_FROM and bare in text


def _squeezed(text: str) -> str:
    return " ".join(text.split())
