"""Typed access to the fields of GitHub's answers; raises WrongAnswer with the field's name. Times are Unix seconds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any


class WrongAnswer(Exception):
    """The answer has the wrong shape; the message names the place."""


def nodes(connection: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """The items of a connection."""
    items = connection.get("nodes")
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise WrongAnswer("a list in it holds something that could not be read")
    return items


def members(node: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = node.get(name)
    if not isinstance(value, dict):
        raise WrongAnswer(f"{name} is missing")
    return value


def text(node: Mapping[str, Any], name: str) -> str:
    value = node.get(name)
    if not isinstance(value, str):
        raise WrongAnswer(f"{name} is missing")
    return value


def flag(node: Mapping[str, Any], name: str) -> bool:
    value = node.get(name)
    if not isinstance(value, bool):
        raise WrongAnswer(f"{name} is missing")
    return value


def number(node: Mapping[str, Any], name: str) -> float:
    value = node.get(name)
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise WrongAnswer(f"{name} is missing")
    return value


def maybe_number(node: Mapping[str, Any], name: str) -> int:
    """A whole number; 0 if there is none."""
    return int(number(node, name)) if node.get(name) is not None else 0


def time(node: Mapping[str, Any], name: str) -> float:
    found = maybe_time(node.get(name))
    if found is None:
        raise WrongAnswer(f"{name} is missing")
    return found


def maybe_time(value: object) -> float | None:
    if value is None:
        return None
    try:
        return datetime.fromisoformat(str(value)).timestamp()
    except ValueError:
        raise WrongAnswer(f"{value!a} is no time") from None
