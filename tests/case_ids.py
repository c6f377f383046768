"""Ids of parametrized cases: ``words=[--all]`` and ``panes=3`` in place of pytest's ``words0`` and ``3``."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from enum import Enum

LONGEST = 60
PLAIN_TEXT = re.compile(r"(?=.*[A-Za-z]{2}).{3,}", re.DOTALL)
"""Shorter texts, and those without a word, say nothing by themselves."""


def case_id(value: object, argument: str) -> str | None:
    """The part of a test's id for one value; None for pytest's own."""
    if callable(value) and getattr(value, "__name__", "<lambda>") != "<lambda>":
        return None
    if isinstance(value, Enum):
        return value.name if isinstance(value, int) else None
    if isinstance(value, str) and len(value) <= LONGEST and PLAIN_TEXT.fullmatch(value):
        return None
    text = shown(value)
    return f"{argument}={text if len(text) <= LONGEST else text[: LONGEST - 1] + '…'}"


def shown(value: object) -> str:
    """A short description that is the same in every process: no addresses, sets in order."""
    if isinstance(value, str):
        return value if PLAIN_TEXT.fullmatch(value) and value.isprintable() else repr(value)
    if isinstance(value, bytes):
        return repr(value)
    if isinstance(value, (set, frozenset)):
        return "{" + ", ".join(sorted(map(shown, value))) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(shown, value)) + "]"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{shown(key)}: {shown(one)}" for key, one in value.items()) + "}"
    if isinstance(value, Enum):
        return str(value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        members = ((field, getattr(value, field.name)) for field in dataclasses.fields(value))
        changed = (f"{field.name}={shown(one)}" for field, one in members if one != field.default)
        return f"{type(value).__name__}({', '.join(changed)})"
    if callable(value):
        return str(getattr(value, "__name__", type(value).__name__))
    return re.sub(r" at 0x[0-9a-f]+", "", f"{value:.6g}" if isinstance(value, float) else repr(value))
