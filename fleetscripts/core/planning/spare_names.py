"""Names for new spare worktrees: like the existing ones, with the next free numbers. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import PurePath

from fleetscripts.core.planning.capacity import spare_number
from fleetscripts.dataclass import dataclass
from fleetscripts.models import WorktreeFacts
from fleetscripts.pattern import pattern

_NUMBERED = pattern(r"(.*?)([0-9]{1,9})", re.DOTALL)
HIGHEST = 10**9 - 1
"""Of a spare branch's number."""


@dataclass(frozen=True, slots=True)
class NewSpare:
    """A worktree to be created."""

    path: str
    branch: str


@dataclass(frozen=True, slots=True)
class NamePattern:
    """``FOLDER/BEFORE`` and a number of at least so many digits."""

    folder: str
    before: str
    digits: int = 1

    def path(self, number: int) -> str:
        """The path of the worktree with this number."""
        return str(PurePath(self.folder) / f"{self.before}{number:0{self.digits}}")


def naming(found: Sequence[WorktreeFacts], of_agents: Collection[str]) -> NamePattern:
    """The pattern of most spare and agents' worktrees; else beside the repository, by its name. ``found``: all
    worktrees, the repository's main one first."""
    ours = [facts for facts in found[1:] if spare_number(facts.branch) is not None or facts.path in of_agents]
    known = Counter(named for facts in ours if (named := _naming_of(facts)) is not None)
    if known:
        return known.most_common(1)[0][0]
    main = PurePath(found[0].path)
    name = main.name.removesuffix(".git") if found[0].bare else main.name
    return NamePattern(str(main.parent), f"{name.strip('.') or main.parent.name}-")


def new_spares(named: NamePattern, is_free: Callable[[NewSpare], bool]) -> Iterator[NewSpare]:
    """Those whose names ``is_free``, lowest number first."""
    for number in range(1, HIGHEST + 1):
        spare = NewSpare(named.path(number), f"spare/{number}")
        if is_free(spare):
            yield spare


def _naming_of(facts: WorktreeFacts) -> NamePattern | None:
    path = PurePath(facts.path)
    match = _NUMBERED.fullmatch(path.name)
    if match is None:
        return None
    return NamePattern(str(path.parent), match[1], len(match[2]) if match[2].startswith("0") else 1)
