"""Words for tmux: quoted for its command lines and formats, so that nothing hostile is interpreted; session names."""

from __future__ import annotations

import re

from fleetscripts.pattern import pattern

_PLAIN = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./-")
# tmux reads "#[" (and any run of # before a "[") as a style and leaves it as it is; every other # is doubled.
_LIVE_HASHES = pattern(r"#+(?![#\[])")


def quoted(text: str) -> str:
    """One word of a tmux command line: every byte with a possible meaning is written in octal."""
    raw = text.encode("utf-8", "surrogateescape")
    if b"\0" in raw:
        raise ValueError("a NUL byte cannot be part of a tmux command")
    if not raw:
        return "''"
    return "".join(chr(byte) if byte in _PLAIN else f"\\{byte:03o}" for byte in raw)


def line(*words: str) -> str:
    """One tmux command, each word quoted."""
    return " ".join(quoted(word) for word in words)


def literal(text: str) -> str:
    """A format that expands to ``text`` itself."""
    return _LIVE_HASHES.sub(lambda run: run[0] * 2, text)


def is_session_name(name: str) -> bool:
    """Whether tmux accepts this session name unchanged."""
    return not (not name or re.search(r"[.:;\x00-\x1f\x7f]", name) or name.startswith(("=", "$", "@", "%")))


def name_given(name: str) -> str:
    """The name that tmux would give a session asked for by this one."""
    return re.sub(r"[.:]", "_", name)
