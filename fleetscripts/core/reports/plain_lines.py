"""A pane's lines without decoration, and without what the reader has already seen."""

from __future__ import annotations

from collections.abc import Iterable

FRAME = "".join(map(chr, (*range(0x2500, 0x25A0), *range(0x2000, 0x200B)))) + (
    " \t\n\v\f\r\x1c\x1d\x1e\x1f\x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000"
)
"""Blanks, and box-drawing and block characters, as they frame a line."""

KNOWN_FROM = 40
"""Shortest line, in characters, that is compared with known text: a shorter one may be a question that repeats its
words."""


def plain_lines(lines: Iterable[str], known: str = "") -> list[str]:
    """The lines with content, without frames, except those that are part of ``known``."""
    text = _squeezed(known)
    plain = [line.strip(FRAME) for line in lines]
    return [line for line in plain if line and not (len(text) >= KNOWN_FROM and _is_in(line, text))]


def _is_in(line: str, text: str) -> bool:
    bare = _squeezed(line.lstrip("❯›>⎿● "))
    return len(bare) >= KNOWN_FROM and bare in text


def _squeezed(text: str) -> str:
    return " ".join(text.split())
