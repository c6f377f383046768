"""Finds a shell's prompt: on the last line of the screen, or across what a dead client left there."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache

from fleetscripts.core.screen.screen import Layout, Screen, region_of
from fleetscripts.pattern import pattern

_PROMPT = pattern(r"(?:\S{0,100} ?)?[$%#❯➜>](?: |$)|Resume this session|To continue this session")
_RESUMING = pattern(r" (?:--resume|--continue|-r|-c|resume)\b")
_MAX_LAUNCH_LINES = 6
_READ_COLUMNS = 160

SHELL_REGIONS = frozenset({"bottom", "left_edge", "in_box"})
"""Regions for the shells' rules; no client's screen has them."""

_BEFORE_LAUNCH = r"(?:[^\s│●⎿][^│]{0,100})?[$%#❯➜>] {1,2}(?:\S{0,100}/)?"


def shell_layout(texts: Sequence[str], dialog: Sequence[str]) -> Layout:
    """The last line of a screen, and the lines at the left edge of a dead client's remnants in a dialog's place."""
    last = [text[:_READ_COLUMNS] for text in texts[-40:] if text.strip()]
    edge = [text[:_READ_COLUMNS] for text in dialog or last if text[:1].strip()]
    return Layout({"bottom": region_of(last[-1:]), "left_edge": region_of(edge[-40:] if dialog else edge[-6:])})


def launched_to_resume(texts: Sequence[str], programs: frozenset[str]) -> bool:
    """Whether the last line on the screen that starts a client resumes a conversation: what is drawn is then old."""
    launch = _launch_of(programs)
    launches = [text for text in texts if launch.match(text[:_READ_COLUMNS])]
    return bool(launches and _RESUMING.search(launches[-1]))


def launch_line_last(screen: Screen, programs: frozenset[str]) -> bool:
    """Whether the screen ends with the shell's line that starts one of these, wrapped or not."""
    launch = _launch_of(programs)
    drawn = [text[:_READ_COLUMNS] for text in screen.texts[-40:] if text.strip()]
    for back in range(1, min(_MAX_LAUNCH_LINES, len(drawn)) + 1):
        if launch.match(drawn[-back]):
            wrapped = drawn[len(drawn) - back + 1 :]
            return all(len(text) <= len(drawn[-back]) and not _PROMPT.match(text) for text in wrapped)
    return False


@cache
def _launch_of(programs: frozenset[str]) -> re.Pattern[str]:
    names = "|".join(map(re.escape, sorted(programs)))
    return re.compile(rf"{_BEFORE_LAUNCH}(?:{names})(?: |$)")
