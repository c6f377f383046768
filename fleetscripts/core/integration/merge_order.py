"""The order of trial merges of finished branches, and the first one that breaks the result. Pure.

The order also decides who is sent back: of branches that conflict, the later one."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping

from fleetscripts.dataclass import dataclass


@dataclass(frozen=True, slots=True)
class BranchRank:
    """What determines a branch's place. ``conflicts``: with how many of the others; ``lines``: the size of its change;
    ``began``: when its task did."""

    key: str
    conflicts: int
    lines: int
    began: float


def merge_order(standings: Iterable[BranchRank], below: Mapping[str, Collection[str]]) -> list[str]:
    """Keys: fewest conflicts first, then the larger change, then the earlier start. ``below``: the branches that a
    branch contains, which always come before it."""
    wanted = sorted(standings, key=lambda one: (one.conflicts, -one.lines, one.began, one.key))
    placed: dict[str, None] = {}

    def place(name: str, under: frozenset[str]) -> None:
        for other in (one.key for one in wanted if one.key in below.get(name, ()) and one.key not in under):
            place(other, under | {name})
        placed.setdefault(name)

    for one in wanted:
        place(one.key, frozenset({one.key}))
    return list(placed)


def first_red(count: int, is_red: Callable[[int], bool]) -> int:
    """The first of steps 1 to ``count`` that is red, where the last one is known to be and step 0 is known not to."""
    green, red = 0, count
    while red - green > 1:
        middle = (green + red) // 2
        green, red = (green, middle) if is_red(middle) else (middle, red)
    return red
