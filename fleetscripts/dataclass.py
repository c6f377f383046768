"""``dataclass`` as of the standard library, for frozen classes whose methods are written at their first use.

The standard library compiles six functions for each frozen class while its module is imported: half a millisecond a
class, most of them never used by the command that runs. Here a class costs a twentieth of that. ``fields``,
``replace`` and ``asdict`` of ``dataclasses`` work as ever. A class that is not frozen with slots is left to it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from operator import attrgetter
from reprlib import recursive_repr
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dataclasses import dataclass as dataclass
else:

    def dataclass(cls=None, /, *, frozen=False, slots=False):
        """The decorator; with or without keywords."""

        def decorate(kind):
            return _frozen(kind) if frozen and slots else dataclasses.dataclass(frozen=frozen, slots=slots)(kind)

        return decorate if cls is None else decorate(cls)


def _frozen(body: type) -> type:
    body.__doc__ = body.__doc__ or body.__name__  # else the standard library writes one, by way of its tokenizer
    made: type = dataclasses.dataclass(init=False, repr=False, eq=False, slots=True)(body)
    compared = tuple(field.name for field in dataclasses.fields(made) if field.compare)
    values: Callable[[object], object] = attrgetter(*compared) if compared else lambda _: ()

    def __init__(self: Any, *args: object, **named: object) -> None:
        written = _written_init(made)
        setattr(made, "__init__", written)  # noqa: B010 - so that mypy takes it
        written(self, *args, **named)

    def __eq__(self: object, other: object) -> bool:
        return values(self) == values(other) if other.__class__ is self.__class__ else NotImplemented

    def __hash__(self: object) -> int:
        return hash(values(self))

    for name, method in {"__init__": __init__, "__eq__": __eq__, "__hash__": __hash__, **METHODS}.items():
        if name not in vars(body):
            setattr(made, name, method)
    return made


def _written_init(made: type) -> Callable[..., None]:
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
    written: Callable[..., None] = scope["__init__"]
    written.__qualname__ = f"{made.__qualname__}.__init__"
    return written


@recursive_repr()
def _repr(self: Any) -> str:
    shown = (field.name for field in dataclasses.fields(self) if field.repr)
    return f"{type(self).__qualname__}({', '.join(f'{name}={getattr(self, name)!r}' for name in shown)})"


def _setattr(self: object, name: str, value: object) -> None:
    raise dataclasses.FrozenInstanceError(f"cannot assign to field {name!r}")


def _delattr(self: object, name: str) -> None:
    raise dataclasses.FrozenInstanceError(f"cannot delete field {name!r}")


def _getstate(self: Any) -> list[object]:
    return [getattr(self, field.name) for field in dataclasses.fields(self)]


def _setstate(self: Any, state: list[object]) -> None:
    for field, value in zip(dataclasses.fields(self), state, strict=True):
        object.__setattr__(self, field.name, value)


METHODS = {
    "__repr__": _repr,
    "__setattr__": _setattr,
    "__delattr__": _delattr,
    "__getstate__": _getstate,
    "__setstate__": _setstate,
}
