"""JSON that another machine tells, read strictly as the dataclass that it must be."""

from __future__ import annotations

import dataclasses
import types
from collections.abc import Mapping
from enum import StrEnum
from functools import cache
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from fleetscripts.schema import WrongShape, describe

T = TypeVar("T")


def typed(where: str, kind: type[T], value: object) -> T:
    """The dataclass that ``dataclasses.asdict`` made such an object of; raises WrongShape for anything else."""
    found: T = _value(where, kind, value)
    return found


def _value(where: str, kind: Any, value: object) -> Any:
    """The value as what a field's annotation wants."""
    if get_origin(kind) is types.UnionType:
        inner = next(one for one in get_args(kind) if one is not type(None))
        return None if value is None else _value(where, inner, value)
    if get_origin(kind) is tuple:
        if not isinstance(value, list | tuple):
            raise _wrong(where, "a list", value)
        return tuple(_value(where, get_args(kind)[0], one) for one in value)
    if dataclasses.is_dataclass(kind):
        return _whole(where, kind, value)
    if issubclass(kind, StrEnum):
        if value not in [str(one) for one in kind]:
            raise _wrong(where, f"one of {', '.join(kind)}", value)
        return kind(value)
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise _wrong(where, kind.__name__, value)
    return value


def _whole(where: str, kind: Any, value: object) -> Any:
    if not isinstance(value, Mapping):
        raise _wrong(where, "an object", value)
    given = {name: _value(f"{where}.{name}", hint, value[name]) for name, hint in _hints(kind).items() if name in value}
    needed = {one.name for one in dataclasses.fields(kind) if one.default is dataclasses.MISSING}
    if missing := sorted(needed - given.keys()):
        raise WrongShape(f"{where}.{missing[0]}: expected a value, found none")
    return kind(**given)


@cache
def _hints(kind: Any) -> dict[str, Any]:
    return get_type_hints(kind)


def _wrong(where: str, expected: str, value: object) -> WrongShape:
    return WrongShape(f"{where}: expected {expected}, found {describe(value)}")
