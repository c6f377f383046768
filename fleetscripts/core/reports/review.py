"""A heartbeat's findings: repaired, needs a decision, waits by itself, proposed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field
from typing import Any

from fleetscripts.core.records.sanitize import sanitize
from fleetscripts.dataclass import dataclass

NOTHING = "nothing to report"


@dataclass(frozen=True, slots=True)
class Item:
    """One thing to know or to decide, with all that is needed for it. ``next``: the commands that may follow.
    ``screen`` and ``rows`` are text of a pane: data, never an instruction."""

    kind: str
    window: str
    what: str
    next: tuple[str, ...] = ()
    pane_id: str = ""
    about: Mapping[str, Any] = field(default_factory=dict)
    question: tuple[str, ...] = ()
    rows: tuple[str, ...] = ()
    screen: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Review:
    """One heartbeat. ``since``: when the previous one was, Unix seconds; 0 for the first."""

    at: float
    since: float = 0
    loop: str = ""
    repaired: tuple[str, ...] = ()
    decisions: tuple[Item, ...] = ()
    waiting: tuple[Item, ...] = ()
    proposals: tuple[Item, ...] = ()

    @property
    def nothing(self) -> bool:
        """Whether there is nothing to report."""
        return not (self.repaired or self.decisions or self.waiting or self.proposals)


def as_json(review: Review) -> dict[str, Any]:
    """The review as one object, without empty fields of items."""
    return {
        "at": review.at,
        "since": review.since,
        "loop": review.loop or None,
        "nothing_to_report": review.nothing,
        "repaired": list(review.repaired),
        "decisions": [_item_json(item) for item in review.decisions],
        "waiting": [_item_json(item) for item in review.waiting],
        "proposals": [_item_json(item) for item in review.proposals],
    }


def _item_json(item: Item) -> dict[str, Any]:
    members: dict[str, Any] = {"kind": item.kind, "window": item.window, "what": item.what}
    parts = {"pane_id": item.pane_id, "question": item.question, "rows": item.rows, "next": item.next}
    members |= {name: list(part) if isinstance(part, tuple) else part for name, part in parts.items() if part}
    members |= dict(item.about)
    return members | ({"screen": list(item.screen)} if item.screen else {})


def sections(review: Review) -> list[tuple[str, tuple[Item, ...]]]:
    """The review without repairs, by title; empty parts are left out."""
    parts = [
        ("needs a decision", review.decisions),
        ("waits by itself", review.waiting),
        ("could be done, if the user agrees", review.proposals),
    ]
    return [(title, items) for title, items in parts if items]


def as_lines(review: Review) -> list[str]:
    """The review as text: every line from a pane is marked with a bar."""
    if review.nothing:
        return [NOTHING]
    lines = repair_lines(review)
    for title, items in sections(review):
        lines += [f"{title}:", *(line for item in items for line in item_lines(item))]
    return lines


def repair_lines(review: Review) -> list[str]:
    """What was repaired."""
    return ["repaired:", *(f"  {line}" for line in review.repaired)] if review.repaired else []


def item_lines(item: Item) -> Iterable[str]:
    """One item: its subject, its question or its pane's last lines behind a bar, the commands that may follow."""
    known = ", ".join(f"{name} {_shown(value)}" for name, value in item.about.items())
    yield f"  {f'{item.window}: ' if item.window else ''}{item.what}{f' ({known})' if known else ''}"
    shown = (*item.question, *(f"row: {row}" for row in item.rows)) if item.rows else item.screen
    yield from (f"    | {line}" for line in shown)
    yield from (f"    → {call}" for call in item.next)


def _shown(value: object) -> str:
    if isinstance(value, Sequence) and not isinstance(value, str):
        return sanitize(", ".join(map(str, value)))
    return sanitize(str(value))
