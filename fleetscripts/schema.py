"""Reads JSON into frozen dataclasses: each field checked by its annotation, each error naming the field."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, TypeAlias, TypeVar, cast

from fleetscripts.errors import FleetError
from fleetscripts.models import AgentState, Repository, ServerId

T = TypeVar("T")
UnixSeconds: TypeAlias = float
"""An instant; 0 for none."""
Count: TypeAlias = int
"""A number of occurrences; never below 0."""
_AS_IT_IS = frozenset({str, int, float, bool, dict, type(None)})
UNKNOWN_FIELDS = "extra"
"""The dataclass field that keeps what we don't know, as it is."""


class WrongShape(FleetError):
    """A value is not what its field holds; the message is ``FIELD: expected …, found …``."""


def describe(value: object) -> str:
    """A JSON value in words, short enough for one line."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list):
        return f"a list of {len(value)}"
    kind = "text" if isinstance(value, str) else "the number"
    text = repr(value)
    return f"{kind} {text if len(text) <= 60 else text[:57] + '…'}"


def _wrong(where: str, expected: str, value: object) -> WrongShape:
    return WrongShape(f"{where}: expected {expected}, found {describe(value)}")


def _text(where: str, value: object) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        raise _wrong(where, "text", value)
    return value


def _text_or_number(where: str, value: object) -> str:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else _text(where, value)


def _optional_text(where: str, value: object) -> str | None:
    return None if value is None else _text(where, value)


def _flag(where: str, value: object) -> bool:
    if not isinstance(value, bool):
        raise _wrong(where, "true or false", value)
    return value


def _optional_flag(where: str, value: object) -> bool | None:
    return None if value is None else _flag(where, value)


def _whole(where: str, value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise _wrong(where, "a whole number", value)
    return value


def _optional_whole(where: str, value: object) -> int | None:
    return None if value is None else _whole(where, value)


def _seconds(where: str, value: object) -> float:
    if value is None:
        return 0
    if isinstance(value, bool) or not isinstance(value, int | float) or not _is_finite(value):
        raise _wrong(where, "a number of seconds", value)
    return value


def _is_finite(number: float) -> bool:
    try:
        return math.isfinite(number)
    except OverflowError:  # a whole number of hundreds of digits
        return False


def _names(where: str, value: object) -> tuple[str, ...]:
    if value is None:
        return ()
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise _wrong(where, "a list of names", value)
    return tuple(value)


def _state(where: str, value: object) -> AgentState:
    try:
        return AgentState(_text(where, value))
    except ValueError:
        raise _wrong(where, f"one of {', '.join(AgentState)}", value) from None


def _server(where: str, value: object) -> ServerId | None:
    if value is None:
        return None
    members = mapping(where, value)
    return ServerId(
        _text(f"{where}.socket", members.get("socket")),
        _whole(f"{where}.pid", members.get("pid")),
        _whole(f"{where}.start_time", members.get("start_time")),
    )


def _repository(where: str, value: object) -> Repository | None:
    if value is None:
        return None
    members = mapping(where, value)
    names = (field.name for field in dataclasses.fields(Repository))
    return Repository(**{name: _text(f"{where}.{name}", members.get(name)) for name in names})


def _optional_mapping(where: str, value: object) -> Mapping[str, Any] | None:
    return None if value is None else mapping(where, value)


READERS: dict[str, Callable[[str, object], Any]] = {
    "str": _text,
    "str | None": _optional_text,
    "PullNumber": _text_or_number,
    "bool": _flag,
    "bool | None": _optional_flag,
    "int": _whole,
    "Count": _whole,
    "int | None": _optional_whole,
    "float": _seconds,
    "UnixSeconds": _seconds,
    "tuple[str, ...]": _names,
    "AgentState": _state,
    "ServerId | None": _server,
    "Repository | None": _repository,
    "Mapping[str, Any] | None": _optional_mapping,
}
"""By annotation, as it is written in the dataclass."""


def mapping(where: str, value: object) -> Mapping[str, Any]:
    """The value as an object, or an error."""
    if not isinstance(value, dict):
        raise _wrong(where, "an object", value)
    return value


def read(kind: type[T], where: str, value: object, given: Mapping[str, Any] | None = None) -> T:
    """An instance of ``kind`` from a JSON object found at ``where``; ``given`` fields are taken as they are."""
    members = mapping(where, value)
    if not members and not given:
        return cast("T", _made(kind))  # type: ignore[arg-type] # one for all, as of most parts of most records
    values = dict(given or {})
    known = _readers(kind)  # type: ignore[arg-type]
    unknown: dict[str, Any] = {}
    for name, member in members.items():
        if name not in known or name == UNKNOWN_FIELDS:
            unknown[name] = member
        elif name not in values and (reader := known[name]) is not None:
            values[name] = reader(f"{where}.{name}" if where else name, member)
    values[UNKNOWN_FIELDS] = unknown
    return kind(**values)


@cache
def _readers(kind: type) -> dict[str, Callable[[str, object], Any] | None]:
    """By field; None for one that its caller reads."""
    return {field.name: READERS.get(str(field.type)) for field in dataclasses.fields(kind)}


def write(value: object, always: frozenset[str]) -> dict[str, Any]:
    """The JSON object of a dataclass: ``always`` fields, those that differ from their default, and unknown ones."""
    members: dict[str, Any] = {}
    for name, default in _defaults(type(value)):  # type: ignore[arg-type]
        member = getattr(value, name)
        if member != default or name in always:
            members[name] = member if type(member) in _AS_IT_IS else _plain(member)
    return members | dict(getattr(value, UNKNOWN_FIELDS))


@cache
def _defaults(kind: type) -> tuple[tuple[str, object], ...]:
    """Fields that are written, each with the value that says nothing."""
    return tuple((field.name, _default(field)) for field in dataclasses.fields(kind) if field.name != UNKNOWN_FIELDS)


def _default(field: dataclasses.Field[Any]) -> object:
    return field.default if field.default_factory is dataclasses.MISSING else _made(field.default_factory)  # type: ignore[arg-type]


@cache
def _made(factory: Callable[[], object]) -> object:
    """A frozen part as it is when nothing was written into it."""
    return factory()


def _plain(member: object) -> object:
    if isinstance(member, tuple):
        return list(member)
    if isinstance(member, ServerId | Repository):
        return {name: getattr(member, name) for name, _ in _defaults(type(member))}  # type: ignore[arg-type]
    if dataclasses.is_dataclass(member):
        return write(member, frozenset())
    return member
