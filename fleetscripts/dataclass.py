"""``dataclass`` as of the standard library, for frozen classes whose methods are written when that pays.

The standard library compiles six functions for each frozen class while its module is imported: half a millisecond a
class, most of them never used by the command that runs. Here a class costs a fiftieth of that, its first instances are
made field by field, and an ``__init__`` is compiled for a class of which there are many. ``fields``, ``replace`` and
``asdict`` of ``dataclasses`` work as ever; the ``replace`` here is for what is changed at each look. A class whose base
is one too, or that is not frozen with slots, is left to the standard library.
"""

from __future__ import annotations

import dataclasses
from functools import cache
from operator import attrgetter
from reprlib import recursive_repr
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dataclasses import dataclass as dataclass
    from dataclasses import replace as replace
else:

    def replace(known, /, **changes):
        """``replace`` of the standard library for these classes, at a third of its price: one look at 200 agents makes
        thousands of changed records."""
        made = _copy_of(type(known))(known)
        for name, value in changes.items():
            if name not in known._as_written.names:
                raise TypeError(f"{type(known).__qualname__} has no field {name!r}")
            object.__setattr__(made, name, value)
        return made

    def dataclass(cls=None, /, *, frozen=False, slots=False):
        """The decorator; with or without keywords."""

        def decorate(kind):
            ours = frozen and slots and not dataclasses.is_dataclass(kind)
            return _frozen(kind) if ours else dataclasses.dataclass(frozen=frozen, slots=slots)(kind)

        return decorate if cls is None else decorate(cls)


COMPILED_AFTER = 40
"""Instances; to compile ``__init__`` takes as long as to make so many field by field."""

Fields = dict[str, dataclasses.Field[Any]]

_ORDINARY: Any = vars(dataclasses)["_FIELD"]
"""The standard library's mark on a field that is neither of the class nor for ``__init__`` alone."""


class _AsWritten:
    """A class's members as its author wrote them. ``names``: of its fields. ``made``: its instances so far."""

    __slots__ = ("defaults", "factories", "made", "members", "names")

    def __init__(self, body: type) -> None:
        self.members = {name: value for name, value in vars(body).items() if name not in ("__dict__", "__weakref__")}
        annotations = self.members.get("__annotations__", {})
        self.names = tuple(name for name, kind in annotations.items() if not kind.startswith("ClassVar["))
        self.defaults, self.factories, self.made = {}, {}, 0
        for name in self.members.keys() & self.names:
            given = self.members[name]
            if given.__class__ is not dataclasses.Field:
                self.defaults[name] = given
            elif given.default is not dataclasses.MISSING:
                self.defaults[name] = given.default
            elif given.default_factory is not dataclasses.MISSING:
                self.factories[name] = given.default_factory

    def field(self, name: str) -> dataclasses.Field[Any]:
        """A field as the standard library describes it: an ordinary one, which only it can mark as such."""
        given = self.members.get(name, dataclasses.MISSING)
        described: Any = given if isinstance(given, dataclasses.Field) else dataclasses.field(default=given)
        described.name, described.type, described.kw_only = name, self.members["__annotations__"][name], False
        described._field_type = _ORDINARY
        return described  # type: ignore[no-any-return]


class _FieldsWhenAsked:
    """Stands where the standard library looks for a class's fields, and describes them then."""

    def __get__(self, instance: object, owner: Any) -> Fields:
        written: _AsWritten = owner._as_written
        found = {name: written.field(name) for name in written.names}
        type.__setattr__(owner, "__dataclass_fields__", found)
        return found


def _frozen(body: type) -> type:
    written = _AsWritten(body)
    members = MEMBERS | {name: value for name, value in written.members.items() if name not in written.names}
    members |= {
        "__doc__": body.__doc__ or body.__name__,  # else the standard library writes one, by way of its tokenizer
        "__qualname__": body.__qualname__,
        "__slots__": written.names,
        "__match_args__": written.names,
        "_as_written": written,
    }
    return type(body)(body.__name__, body.__bases__, members)


def _init(self: Any, *args: object, **named: object) -> None:
    written: _AsWritten = self._as_written
    names, written.made = written.names, written.made + 1
    values = written.defaults | dict(zip(names, args, strict=False)) | named
    for name in written.factories.keys() - values.keys():
        values[name] = written.factories[name]()
    twice = args and (len(args) > len(names) or not named.keys().isdisjoint(names[: len(args)]))
    if twice or values.keys() != {*names} or written.made > COMPILED_AFTER:
        compiled = _written_init(type(self))
        type.__setattr__(type(self), "__init__", compiled)
        compiled(self, *args, **named)  # which says what does not fit
        return
    for name in names:
        object.__setattr__(self, name, values[name])


def _written_init(made: type) -> Any:
    """The ``__init__`` of a frozen class, compiled."""
    scope: dict[str, Any] = {"_set": object.__setattr__}
    parameters, lines = ["self"], []
    for field in dataclasses.fields(made):
        name, value = field.name, field.name
        if field.default_factory is not dataclasses.MISSING:
            scope[f"_make_{name}"] = field.default_factory
            scope[f"_default_{name}"] = dataclasses.MISSING
            value = f"_make_{name}() if {name} is _default_{name} else {name}"
        elif field.default is not dataclasses.MISSING:
            scope[f"_default_{name}"] = field.default
        parameters.append(f"{name}=_default_{name}" if f"_default_{name}" in scope else name)
        lines.append(f"_set(self, {name!r}, {value})")
    exec(f"def __init__({', '.join(parameters)}):\n " + "\n ".join(lines or ["pass"]), scope)
    written = scope["__init__"]
    written.__qualname__ = f"{made.__qualname__}.__init__"
    return written


@cache
def _copy_of(kind: type) -> Any:
    """What makes another instance with the same in each field, compiled."""
    names = [field.name for field in dataclasses.fields(kind)]
    scope: dict[str, Any] = {"_new": object.__new__, "_kind": kind}
    scope |= {f"_set_{name}": getattr(kind, name).__set__ for name in names}
    lines = ["made = _new(_kind)", *(f"_set_{name}(made, self.{name})" for name in names), "return made"]
    exec("def copy(self):\n " + "\n ".join(lines), scope)
    return scope["copy"]


@cache
def _compared(kind: type) -> Any:
    """What reads the fields that make two instances equal."""
    names = [field.name for field in dataclasses.fields(kind) if field.compare]
    return attrgetter(*names) if names else lambda _: ()


def _eq(self: Any, other: object) -> Any:
    if self is other:
        return True
    kind: Any = type(self)
    values = _compared(kind)
    return values(self) == values(other) if type(other) is kind else NotImplemented


def _hash(self: Any) -> int:
    kind: Any = type(self)
    return hash(_compared(kind)(self))


@recursive_repr()
def _repr(self: Any) -> str:
    shown = (field.name for field in dataclasses.fields(self) if field.repr)
    return f"{type(self).__qualname__}({', '.join(f'{name}={getattr(self, name)!r}' for name in shown)})"


def _setattr(self: object, name: str, value: object) -> None:
    raise dataclasses.FrozenInstanceError(f"cannot assign to field {name!r}")


def _delattr(self: object, name: str) -> None:
    raise dataclasses.FrozenInstanceError(f"cannot delete field {name!r}")


def _getstate(self: Any) -> list[object]:
    return [getattr(self, name) for name in self._as_written.names]


def _setstate(self: Any, state: list[object]) -> None:
    for name, value in zip(self._as_written.names, state, strict=True):
        object.__setattr__(self, name, value)


MEMBERS: dict[str, Any] = {
    "__dataclass_fields__": _FieldsWhenAsked(),
    "__init__": _init,
    "__eq__": _eq,
    "__hash__": _hash,
    "__repr__": _repr,
    "__setattr__": _setattr,
    "__delattr__": _delattr,
    "__getstate__": _getstate,
    "__setstate__": _setstate,
}
