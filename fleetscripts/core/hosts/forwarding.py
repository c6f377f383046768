"""A call that names an agent on another host, as it is made there."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence

from fleetscripts.dataclass import dataclass
from fleetscripts.errors import UsageProblem

OWN_PLACES = ("--state-file", "--tmux-socket", "--fleet-home", "--host")
"""Options that say where our own things lie, or which host is meant: they mean nothing there."""

TEXT_FILES = ("--file", "--task-file", "--objective-file")
"""Options that name a file of text here: its content goes there as standard input."""

LOCAL_FILES = ("--image",)
"""Options that name a file which a client there is to open."""

STANDARD_INPUT = "-"


@dataclass(frozen=True, slots=True)
class ForwardedCall:
    """The command's arguments there. ``source``: the file whose text is its standard input, ``-`` for our own."""

    arguments: tuple[str, ...]
    source: str = ""


def forwarded(arguments: Sequence[str], targets: Mapping[str, str]) -> ForwardedCall:
    """The call without what belongs here. ``targets``: each name as it was given, and the agent's name there.

    Raises UsageProblem for an option whose file is here and would have to be there.
    """
    kept: list[str] = []
    source = ""
    left = list(arguments)
    while left:
        word = left.pop(0)
        option, joined, value = word.partition("=")
        if option in OWN_PLACES:
            if not joined and left:
                left.pop(0)
        elif option in LOCAL_FILES:
            raise UsageProblem(f"{option}: expected no file of this machine for an agent on another")
        elif option in TEXT_FILES:
            source = value if joined else (left.pop(0) if left else "")
            kept += [option, STANDARD_INPUT]
        else:
            source = STANDARD_INPUT if word == STANDARD_INPUT else source
            kept.append(targets.get(word, word))
    return ForwardedCall(tuple(kept), source)


def prefixed(text: str, host: str, windows: Collection[str]) -> str:
    """What was printed there, its windows as they are called from here: ``fleet:1`` as ``HOST/fleet:1``."""
    if not windows:
        return text
    longest_first = sorted(windows, key=len, reverse=True)
    known = "|".join(re.escape(window) for window in longest_first)
    return re.sub(rf"(?<![\w/:.%@-])(?:{known})(?![\w/-]|[:.]\w)", lambda found: f"{host}/{found[0]}", text)
