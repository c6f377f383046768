"""Compares branches in pairs: which are worth a trial merge, its result, and whom to notify. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

from fleetscripts.core.planning.progress import JUDGED
from fleetscripts.core.records.sanitize import fit, sanitize
from fleetscripts.dataclass import dataclass
from fleetscripts.fleet import Agent
from fleetscripts.pattern import pattern

SHOWN_PLACES = 4
_LINE = pattern(r":[0-9]+$")
LONGEST_SUMMARY = 400


@dataclass(frozen=True, slots=True)
class Change:
    """A branch's changes since it left another: paths, without renames, by kind of change."""

    changed: frozenset[str] = frozenset()
    added: frozenset[str] = frozenset()
    deleted: frozenset[str] = frozenset()

    @property
    def paths(self) -> frozenset[str]:
        return self.changed | self.added | self.deleted

    def with_more(self, other: Change) -> Change:
        """Both changes in sequence."""
        return Change(self.changed | other.changed, self.added | other.added, self.deleted | other.deleted)


@dataclass(frozen=True, slots=True)
class Pair:
    """Two branches by their agents' keys. ``files``: both change them. ``places``: where a merge conflicts, as
    ``path:line`` (a path alone if the conflict is about the whole file). ``problem``: why it could not be tried."""

    one: str
    other: str
    files: tuple[str, ...] = ()
    places: tuple[str, ...] = ()
    problem: str = ""

    @property
    def conflicts(self) -> bool:
        return bool(self.places)


def may_meet(one: Change, other: Change) -> bool:
    """Whether a merge of the two can conflict: a common path, a file where the other has a folder, or a file added to a
    folder that the other moved away."""
    if one.paths & other.paths:
        return True
    return any(_reaches(a, b) for a, b in ((one, other), (other, one)))


def _reaches(one: Change, other: Change) -> bool:
    above = {folder for path in other.added for folder in _folders(path)}
    if above & (one.added | one.changed):
        return True
    return bool(one.added and above & {folder for path in one.deleted for folder in _folders(path)})


def _folders(path: str) -> Iterable[str]:
    parts = path.split("/")
    return ("/".join(parts[:number]) for number in range(1, len(parts)))


def conflict_lines(content: str) -> list[int]:
    """Line numbers at which a conflict begins in a file with conflict markers."""
    return [number for number, line in enumerate(content.splitlines(), 1) if line.startswith("<<<<<<< ")]


def one_to_tell(one: Agent, other: Agent) -> Agent | None:
    """Of two whose branches conflict, the one to notify: the later one if both are still working; None if neither
    is."""
    turning = [agent for agent in (one, other) if not agent.finished and agent.state not in JUDGED]
    return max(turning, key=lambda agent: (agent.task.started_at or agent.spawned_at, agent.key), default=None)


@dataclass(frozen=True, slots=True)
class ReportedConflicts:
    """The conflicts noted in one agent's record: a key for each file and other agent, and the text."""

    conflicts: tuple[str, ...] = ()
    summary: str = ""


def conflicts_of(agents: Collection[Agent], pairs: Iterable[Pair]) -> dict[str, ReportedConflicts]:
    """What to report to each agent, by its key; nothing to those that have finished."""
    by_id = {agent.key: agent for agent in agents}
    found: dict[str, dict[str, list[str]]] = {}
    for pair in pairs:
        one, other = by_id.get(pair.one), by_id.get(pair.other)
        if one is None or other is None or not pair.conflicts:
            continue
        meant = one_to_tell(one, other)
        if meant is not None:
            found.setdefault(meant.key, {})[other.key if meant is one else one.key] = list(pair.places)
    return {name: _told(by_id, others) for name, others in found.items()}


def _told(by_id: Mapping[str, Agent], others: Mapping[str, Sequence[str]]) -> ReportedConflicts:
    entries, words = [], []
    for name in sorted(others):
        files = dict.fromkeys(_LINE.sub("", place) for place in others[name])
        entries += [f"{name} {file}" for file in files]
        more = f" and {len(others[name]) - SHOWN_PLACES} more" if len(others[name]) > SHOWN_PLACES else ""
        where = ", ".join(map(sanitize, others[name][:SHOWN_PLACES])) + more
        words.append(f"with {sanitize(by_id[name].branch)} ({sanitize(by_id[name].handle)}) in {where}")
    return ReportedConflicts(tuple(entries), fit("; ".join(words), LONGEST_SUMMARY))


def matrix(agents: Sequence[Agent], pairs: Iterable[Pair]) -> list[tuple[str, ...]]:
    """Rows of a table: ``x`` a conflict, a number the files that both change, ``?`` not compared, ``·`` nothing."""
    known = {frozenset((pair.one, pair.other)): pair for pair in pairs}
    heads = ("", *(str(number) for number in range(1, len(agents) + 1)))
    rows = [heads]
    for number, agent in enumerate(agents, 1):
        cells = [_cell(known.get(frozenset((agent.key, other.key)))) if other is not agent else "-" for other in agents]
        rows.append((f"{number} {sanitize(agent.handle)}", *cells))
    return rows


def _cell(pair: Pair | None) -> str:
    if pair is None:
        return "·"
    if pair.problem:
        return "?"
    return "x" if pair.conflicts else str(len(pair.files)) if pair.files else "·"
