"""Reads one table of config.toml value by value; each error names the setting."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import field

from fleetscripts.dataclass import dataclass
from fleetscripts.errors import UsageProblem
from fleetscripts.pattern import pattern
from fleetscripts.schema import describe

MOST_BYTES = 10**18
_SIZE = pattern(r"(?P<number>[0-9]+(?:\.[0-9]+)?) ?(?P<unit>[kMGT])B?")


@dataclass(frozen=True, slots=True)
class Table:
    """The values of one table; ``name`` is its name there."""

    name: str
    members: Mapping[str, object] = field(default_factory=dict)

    @classmethod
    def of(cls, members: Mapping[str, object], name: str, where: str = "") -> Table:
        """The table ``name`` among these members, empty if there is none. ``where``: the enclosing table."""
        value = members.get(name, {})
        called = f"{where}.{name}" if where else name
        if not isinstance(value, Mapping):
            raise UsageProblem(f"{called} in config.toml: expected a table, found {describe(value)}")
        return cls(called, value)

    def only(self, known: Collection[str]) -> Table:
        """The table, if it has no other keys: a mistyped one must not be ignored."""
        for name in sorted(set(self.members) - set(known)):
            raise UsageProblem(f"[{self.name}] in config.toml: no setting is called {name!a}")
        return self

    def text(self, name: str, usual: str = "", among: Collection[str] = ()) -> str:
        """A text, stripped; ``among``: the allowed ones."""
        value = self.members.get(name, usual)
        if not isinstance(value, str) or "\0" in value:
            raise self._wrong(name, "text", value)
        if among and value not in among:
            raise self._wrong(name, f"one of {', '.join(among)}", value)
        return value.strip()

    def texts(self, name: str, usual: tuple[str, ...] = ()) -> tuple[str, ...]:
        """A list of texts, none of them empty."""
        value = self.members.get(name, usual)
        if not isinstance(value, list | tuple) or not all(isinstance(one, str) and one for one in value):
            raise self._wrong(name, "a list of names", value)
        return tuple(value)

    def seconds(self, name: str, usual: float) -> float:
        """A positive number of seconds."""
        value = self.members.get(name, usual)
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 1e7:
            raise self._wrong(name, "a positive number of seconds", value)
        return float(value)

    def whole(self, name: str, usual: int, lowest: int, highest: int) -> int:
        """A whole number between these two, inclusive."""
        value = self.members.get(name, usual)
        if isinstance(value, bool) or not isinstance(value, int) or not lowest <= value <= highest:
            raise self._wrong(name, f"a whole number from {lowest} to {highest}", value)
        return value

    def size(self, name: str) -> int:
        """A number of bytes, as ``"2G"`` or ``"500 MB"``; 0 if absent."""
        value = self.members.get(name, 0)
        if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MOST_BYTES:
            return value
        found = _SIZE.fullmatch(value.strip()) if isinstance(value, str) else None
        size = int(float(found["number"]) * 1000 ** "kMGT".index(found["unit"]) * 1000) if found is not None else -1
        if not 0 < size <= MOST_BYTES:
            raise self._wrong(name, 'bytes, as "2G" or "500M"', value)
        return size

    def flag(self, name: str) -> bool:
        """True or false, false if absent."""
        value = self.members.get(name, False)
        if not isinstance(value, bool):
            raise self._wrong(name, "true or false", value)
        return value

    def _wrong(self, name: str, expected: str, value: object) -> UsageProblem:
        return UsageProblem(f"{self.name}.{name} in config.toml: expected {expected}, found {describe(value)}")
