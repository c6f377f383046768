"""Screen rules as data: rows of TOML, checked when they are read."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import field
from functools import cache, lru_cache
from typing import Any

from fleetscripts.core.screen.rule_pattern import problem_of
from fleetscripts.core.screen.screen import REGIONS, STATELESS, ClientScreens, Region
from fleetscripts.dataclass import dataclass
from fleetscripts.errors import FleetError
from fleetscripts.models import ANSWERED_ALONE, DialogKind, ErrorKind, PaneState

FIELDS = (
    "name", "region", "all", "line", "ending", "not", "state", "dialog", "error", "background", "spends", "seen",
    "note",
)  # fmt: skip
BINARY_TEXT = "binary text"
"""``seen`` for a rule that is taken from the client's program texts and has no recording."""


class RuleError(FleetError):
    """A rules file or a row that cannot be used; the message names both."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One row. ``all``: patterns for the region's running text, every one must match. ``line``: one for a single line.
    ``ending``: one for the rows and keys at the end of a dialog, which only the client writes. ``unless``: none of
    these may match the running text. ``state`` None: the row only names a text."""

    name: str
    region: str
    all: tuple[str, ...]
    line: str
    unless: tuple[str, ...]
    state: PaneState | None
    dialog: DialogKind | None
    error: ErrorKind | None
    background: bool
    spends: bool
    seen: str
    note: str
    file: str = ""
    ending: str = ""

    def matches(self, region: Region) -> bool:
        return bool(region) and all(self._conditions(region))

    def _conditions(self, region: Region) -> Iterator[bool]:
        """Lazily: after the first failure the others are not evaluated."""
        if self.ending:
            yield bool(_compiled(self.ending).search(region.ending))
        for pattern in self.all:
            yield bool(_compiled(pattern).search(region.flat))
        if self.line:
            search = _compiled(self.line).search
            yield any(search(line) for line in region.lines)
        for pattern in self.unless:
            yield not _compiled(pattern).search(region.flat)


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)


@dataclass(frozen=True, slots=True)
class RuleSet:
    """The rules of one agent kind, in the order in which they are asked: the user's before the shipped ones.
    ``screens``: how that client's screens are cut into the regions that the rules name; None for the shells'."""

    agent: str
    rules: tuple[Rule, ...] = ()
    by_region: Mapping[str, tuple[Rule, ...]] = field(default_factory=dict)
    screens: ClientScreens | None = None

    @classmethod
    def of(cls, agent: str, rules: Iterable[Rule], screens: ClientScreens | None) -> RuleSet:
        kept = tuple(rules)
        regions = {name: tuple(rule for rule in kept if rule.region == name) for name in REGIONS}
        return cls(agent, kept, regions, screens)

    def first(self, name: str, region: Region) -> Rule | None:
        """The first rule of a region that matches."""
        return next((rule for rule in self.by_region.get(name, ()) if rule.matches(region)), None)

    def first_of(self, regions: Mapping[str, Region]) -> Rule | None:
        """The first rule, in the order of the file, that matches the region it is for."""
        return next((rule for rule in self.rules if rule.matches(regions.get(rule.region, Region()))), None)

    def finds(self, name: str, text: str) -> bool:
        """Whether any rule of a region matches one line."""
        return bool(text.strip()) and self.first(name, Region((text,), text.strip())) is not None

    def overridden(self, own: Sequence[Rule]) -> RuleSet:
        """These rules with a user's: one of the same name is replaced, the others are asked first."""
        by_name = {rule.name: rule for rule in own}
        kept = [by_name.get(rule.name, rule) for rule in self.rules]
        known = {rule.name for rule in self.rules}
        return RuleSet.of(self.agent, [*(rule for rule in own if rule.name not in known), *kept], self.screens)


@lru_cache(maxsize=32)
def parse_rules(text: str, file: str) -> tuple[Rule, ...]:
    import tomllib

    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise RuleError(f"{file}: expected TOML, found {error}") from error
    return rules_of(table, file)


def rules_of(table: Mapping[str, Any], file: str, *, trusted: bool = False) -> tuple[Rule, ...]:
    """The rows of one parsed file. ``trusted``: a shipped file, whose patterns the tests have checked."""
    rows = table.get("rule", [])
    unknown = sorted(set(table) - {"rule"})
    if unknown or not isinstance(rows, list):
        raise RuleError(f"{file}: expected only [[rule]] rows, found {', '.join(unknown) or 'a single rule'}")
    rules = tuple(_rule(row, file, number, trusted) for number, row in enumerate(rows, 1))
    _unique(rules, file)
    return rules


def _unique(rules: Sequence[Rule], file: str) -> None:
    seen: set[str] = set()
    for rule in rules:
        if rule.name in seen:
            raise RuleError(f"{file}: rule {rule.name!r}: the name is there twice")
        seen.add(rule.name)


def _rule(row: Any, file: str, number: int, trusted: bool) -> Rule:
    where = f"{file}: row {number}"
    if not isinstance(row, dict):
        raise RuleError(f"{where}: expected a table, found {type(row).__name__}")
    name = row.get("name")
    if not isinstance(name, str) or not name:
        raise RuleError(f"{where}: the field name is missing")
    where = f"{where} ({name})"
    unknown = sorted(set(row) - set(FIELDS))
    if unknown:
        raise RuleError(f"{where}: unknown field {unknown[0]!r}; fields are {', '.join(FIELDS)}")
    if row.get("region") not in REGIONS:
        raise RuleError(f"{where}: expected a region ({', '.join(REGIONS)}), found {row.get('region')!r}")
    rule = Rule(
        name=name,
        region=row["region"],
        all=_patterns(row, "all", where, trusted),
        line="".join(_patterns(row, "line", where, trusted)),
        unless=_patterns(row, "not", where, trusted),
        state=_choice(row, "state", PaneState, where),
        dialog=_choice(row, "dialog", DialogKind, where),
        error=_choice(row, "error", ErrorKind, where),
        background=row.get("background") is True,
        spends=row.get("spends") is True,
        seen=_text(row, "seen", where),
        note=_text(row, "note", where),
        file=file,
        ending="".join(_patterns(row, "ending", where, trusted)),
    )
    _complete(rule, where)
    return rule


def _complete(rule: Rule, where: str) -> None:
    if not rule.all and not rule.line and not rule.ending:
        raise RuleError(f"{where}: the field all (or line, or ending) is missing: what the region must say")
    if rule.dialog in ANSWERED_ALONE and not (rule.ending.startswith("^(?:") and rule.ending.endswith(")$")):
        needs = "needs the field ending as ^(?:…)$, all of its rows and keys"
        raise RuleError(f"{where}: a {rule.dialog} dialog is answered without asking and {needs}")
    stateless = rule.region in STATELESS or rule.background or rule.spends
    if (rule.state is None) != stateless:
        needed = "says no state" if stateless else "needs the field state"
        raise RuleError(f"{where}: a rule of the region {rule.region} {needed}")
    if rule.state is PaneState.WAITING_APPROVAL and rule.dialog is None:
        raise RuleError(f"{where}: the field dialog is missing")
    if rule.state is PaneState.API_ERROR and rule.error is None:
        raise RuleError(f"{where}: the field error is missing")


def _patterns(row: Mapping[str, Any], key: str, where: str, trusted: bool) -> tuple[str, ...]:
    value = row.get(key, [])
    patterns = [value] if isinstance(value, str) else value
    if not isinstance(patterns, list) or not all(isinstance(pattern, str) for pattern in patterns):
        raise RuleError(f"{where}: expected a pattern or a list of patterns in {key}, found {value!r}")
    for pattern in () if trusted else patterns:
        if problem := problem_of(pattern):
            raise RuleError(f"{where}: {key} = {pattern!r}: {problem}")
    return tuple(patterns)


def _choice(row: Mapping[str, Any], key: str, kind: Any, where: str) -> Any:
    value = row.get(key)
    if value is None:
        return None
    try:
        return kind(value)
    except ValueError:
        raise RuleError(f"{where}: expected {key} to be one of {', '.join(kind)}, found {value!r}") from None


def _text(row: Mapping[str, Any], key: str, where: str) -> str:
    value = row.get(key, "")
    if not isinstance(value, str) or (key == "seen" and not value):
        raise RuleError(f"{where}: the field {key} is missing or no text")
    return value
