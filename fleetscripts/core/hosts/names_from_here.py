"""What a host says of its agents, as it holds here: every call and every name with the host, ``HOST/NAME``."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Iterator, Sequence

from fleetscripts.core.hosts.remote_calls import CALLABLE, NAMING
from fleetscripts.core.records.sanitize import shell_word
from fleetscripts.core.reports.table import table
from fleetscripts.dataclass import dataclass
from fleetscripts.fleet import Agent
from fleetscripts.invocation import spelled
from fleetscripts.pattern import pattern

PLACEHOLDERS = frozenset({"WINDOW", "PANE"})
"""They stand in printed calls for the name of an agent that the reader chooses."""

PANE = pattern(r"[%@]\d+")
NO_NAME_AFTER = frozenset({"--branch", "--account", "--agent", "--session", "--repo"})
"""Options whose value may be spelled like an agent's name."""

OF_THE_MACHINE = pattern(
    r"add-spare|find-spare|run-loop|spawn-agent|stop-fleet|poll-cycle|repair-state|startup-recovery|wait-event"
)
"""Commands whose names are no English words, and which need no further word to be a call."""

OF_CENTRAL = pattern(r" --host\b| there\b")
"""In calls that name a machine already, as one that is to be made on a host's central."""

VERBS = pattern(r" +(?:--?[a-z]|(?:add|archive|batch|check|dispatch|done|drop|list|next|run)\b)")
"""What makes a call of a command whose name may also be a word of a sentence."""

_COMMANDS = "|".join(sorted(CALLABLE | NAMING, key=len, reverse=True))
_CALL = pattern(
    rf"(?<![\w./-])(?P<called>(?:[^\s`'\"(]{{0,200}}/)?(?:fleet[- ])?)(?P<command>{_COMMANDS})"
    r"""(?P<rest>(?![\w/.-])(?:\ +(?:"[^"\n]*"|'[^'\n]*'|[^\s;`"'→]+))*)""",
    re.VERBOSE,
)
_WORD = pattern(r"""(?P<word>"[^"\n]*"|'(?:[^'\n]|'"'"')*'|[^\s"']+?)(?P<end>[),.:]{0,3})(?=\s|$)""")
_FENCE = pattern(r"`{3,}")
_HEADINGS = pattern(r"[A-Z0-9%-]+(?: [A-Z]+)*(?:  +[A-Z0-9%-]+(?: [A-Z]+)*)+")
_GAP = pattern(r" {2,}")
_ARROW = pattern(r"\s*→ ")


@dataclass(frozen=True, slots=True)
class HostNames:
    """A host's name, and the names of its agents there. ``handles``: those by which calls name them."""

    host: str
    windows: frozenset[str] = frozenset()
    handles: frozenset[str] = frozenset()

    def from_here(self, name: str) -> str:
        """The agent's name in calls from here."""
        return f"{self.host}/{name}"

    def names(self, word: str) -> bool:
        """Whether it is a word by which a call there names an agent."""
        known = word in self.handles or word in self.windows or word in PLACEHOLDERS
        return known or bool(PANE.fullmatch(word))


def names_on(host: str, agents: Iterable[Agent]) -> HostNames:
    """The names of these agents of a host."""
    known = list(agents)
    handles = {name for agent in known for name in (agent.worktree, agent.id, agent.handle)}
    return HostNames(host, frozenset(one.window for one in known) - {""}, frozenset(handles) - {""})


def text_from_here(text: str, names: HostNames) -> str:
    """The host's own words as they hold here. Lines between fences and behind bars are data, and stay as they are."""
    shown, fence = [], ""
    for line in text.split("\n"):
        mark = _FENCE.match(line)
        if fence or mark or line.lstrip().startswith("|"):
            shown.append(line)
            if mark:
                fence = "" if fence == line.strip() else fence or line.strip()
        elif arrow := _ARROW.match(line):
            shown.append(arrow[0] + call_from_here(line[arrow.end() :], names))
        else:
            shown.append(_sentence(line, names))
    return "\n".join(_aligned(shown))


def _aligned(lines: Sequence[str]) -> Iterator[str]:
    """The lines, with tables whose cells have become longer aligned again."""
    rows: list[list[str]] = []
    for line in lines:
        cells = _GAP.split(line)
        if rows and len(cells) == len(rows[0]):
            rows.append(cells)
            continue
        yield from table(rows)
        rows = [cells] if _HEADINGS.fullmatch(line) else []
        if not rows:
            yield line
    yield from table(rows)


def call_from_here(call: str, names: HostNames) -> str:
    """A text that is a call as a whole."""
    return _CALL.sub(lambda found: _call(found, names, certain=found.start() == 0), call)


def _sentence(line: str, names: HostNames) -> str:
    with_calls = _CALL.sub(lambda found: _call(found, names, certain=False), line)
    with_windows = _replaced(with_calls, names, names.windows, r"(?<![\w/:.%@-])", r"(?![\w/-]|[:.]\w)")
    before = r"(?:^|(?<=^  )|(?<=\()|(?<=[:,;] )|(?<= of )|(?<=worktree ))"
    return _replaced(with_windows, names, names.handles, before, r"(?=[:,;)]|$)")


def _replaced(line: str, names: HostNames, known: Iterable[str], before: str, after: str) -> str:
    """The line with these names from here, where they stand between ``before`` and ``after``."""
    longest_first = sorted(known, key=len, reverse=True)
    if not any(name in line for name in longest_first):
        return line
    any_of_them = "|".join(map(re.escape, longest_first))
    return re.sub(rf"{before}(?:{any_of_them}){after}", lambda found: names.from_here(found[0]), line)


def _call(found: re.Match[str], names: HostNames, certain: bool) -> str:
    """One call from here: with its agent's name, or with ``--host``. ``certain``: it is no word of a sentence."""
    command, rest = found["command"], found["rest"]
    if command in NAMING:
        named = _with_name(rest, names, every=command == "integrate")
        if named != rest:
            return spelled(command + named)
        if names.from_here("") in rest:
            return found[0]
    if command not in CALLABLE or OF_CENTRAL.search(rest) or found.string[found.end() :].startswith(":"):
        return found[0]
    bare = bool(OF_THE_MACHINE.fullmatch(command)) and rest.startswith(" ")
    return spelled(f"{command} --host {names.host}{rest}") if certain or bare or VERBS.match(rest) else found[0]


def _with_name(rest: str, names: HostNames, every: bool) -> str:
    """A call's words with the first that names an agent as it is named from here (``every``: all of them)."""
    before, left = "", True

    def renamed(word: re.Match[str]) -> str:
        nonlocal before, left
        after, before = before, word["word"]
        plain = _unquoted(word["word"])
        if not left or after in NO_NAME_AFTER or not names.names(plain):
            return word[0]
        left = every
        return shell_word(names.from_here(plain)) + word["end"]

    return _WORD.sub(renamed, rest)


def _unquoted(word: str) -> str:
    if word[:1] not in ("'", '"'):
        return word
    try:
        return " ".join(shlex.split(word))
    except ValueError:
        return word
