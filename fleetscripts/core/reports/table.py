"""Formats rows of text as an aligned table."""

from __future__ import annotations

from collections.abc import Sequence

from fleetscripts.core.records.sanitize import fit, sanitize, width

GAP = "  "
NARROWEST = 8
"""Width that even the widest cell keeps on a small terminal."""


def table(rows: Sequence[Sequence[str]], columns: int | None = None) -> list[str]:
    """Lines with aligned cells; ``columns``: shorten the widest cells until a line fits."""
    cells = [[sanitize(cell) for cell in row] for row in rows]
    widths = [max(width(row[n]) for row in cells) for n in range(len(cells[0]))] if cells else []
    spare = None if columns is None else columns - len(GAP) * (len(widths) - 1)
    while spare is not None and sum(widths) > spare and max(widths) > NARROWEST:
        widths[widths.index(max(widths))] -= 1
    return [GAP.join(_padded(cell, wanted) for cell, wanted in zip(row, widths, strict=True)).rstrip() for row in cells]


def _padded(cell: str, columns: int) -> str:
    shown = fit(cell, columns)
    return shown + " " * (columns - width(shown))
