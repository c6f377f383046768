"""The only place that types into a pane. Check and keystroke are one step inside the server: nothing comes between."""

from __future__ import annotations

from fleetscripts.adapters.tmux.guard import Guard
from fleetscripts.adapters.tmux.tmux import Tmux
from fleetscripts.adapters.tmux.tmux_listing import token
from fleetscripts.adapters.tmux.tmux_words import line
from fleetscripts.errors import FleetError
from fleetscripts.pattern import pattern

__all__ = ["Guard", "cleaned", "is_key", "paste", "press"]

_KEY = pattern(r"Enter|Escape|Up|Down|Left|Right|Tab|BTab|Space|BSpace|Home|End|PageUp|PageDown|C-[a-z]|[0-9A-Za-z]")
# C0 without TAB and LF, DEL, C1: ESC[201~ among them would end the paste and let what follows be typed.
_CONTROLS = pattern("[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def press(tmux: Tmux, guard: Guard, *keys: str) -> bool:
    """Press the named keys if the guard holds; else press nothing and return False."""
    if not keys or not all(map(is_key, keys)):
        raise ValueError(f"not names of keys: {keys!r}")
    return tmux.guarded(guard, line("send-keys", "-t", guard.pane_id, *keys))


def is_key(name: str) -> bool:
    """Whether it is a name of a key that may be pressed; tmux types any other word letter by letter."""
    return bool(_KEY.fullmatch(name))


def paste(tmux: Tmux, guard: Guard, text: str) -> bool:
    """Paste the text, bracketed, without Enter, if the guard holds; else leave nothing behind and return False."""
    if not cleaned(text):
        raise ValueError("nothing to paste")
    buffer = f"fleet-{token()}"
    loaded = tmux.client.ask("load-buffer", "-b", buffer, "-", stdin=cleaned(text).encode("utf-8", "replace"))
    if loaded.code != 0:
        raise FleetError(f"tmux took no text for pane {guard.pane_id}: {loaded.stderr}")
    discard = line("delete-buffer", "-b", buffer)
    try:
        return tmux.guarded(
            guard, line("paste-buffer", "-p", "-r", "-d", "-b", buffer, "-t", guard.pane_id), otherwise=discard
        )
    except BaseException:
        tmux.client.script(discard)
        raise


def cleaned(text: str) -> str:
    """The text without control characters; line ends of every kind become LF."""
    return _CONTROLS.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))
