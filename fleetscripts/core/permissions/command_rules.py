"""The table of commands that may run without asking: rows of ``rules/commands.toml``, checked at load."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import field
from typing import Any

from fleetscripts.core.permissions.path_policy import Steering
from fleetscripts.dataclass import dataclass
from fleetscripts.errors import UsageProblem

KINDS = frozenset(
    ("path", "named", "file", "folder", "write", "rewrite", "text", "number", "none", "revision", "branch")
) | {"own-branch", "test"}
STEERING = ("steering", "hidden", "root_endings", "root_known")
LISTS = ("protected_branches", *STEERING)
WORDS = {str: "a text", bool: "true or false", int: "a whole number"}


@dataclass(frozen=True, slots=True)
class CommandRule:
    """The allowed arguments of one command; anything else is a decision. Keys are explained in the table itself."""

    letters: str = ""
    flags: frozenset[str] = frozenset()
    values: Mapping[str, str] = field(default_factory=dict)
    optional: Mapping[str, str] = field(default_factory=dict)
    operands: tuple[str, ...] = ("none",)
    most: int | None = None
    least: int = 0
    needs: tuple[str, ...] = ()
    first_given_by: tuple[str, ...] = ()
    joined: bool = True
    free: bool = False
    wraps: bool = False
    tail: str = ""
    looks: bool = False
    into: bool = False
    moves: bool = False
    rewrites: tuple[str, ...] = ()
    rewrites_with: tuple[str, ...] = ()
    rewrites_without: tuple[str, ...] = ()
    ordered: bool = False
    pushes: bool = False
    git: bool = False
    in_environment: bool = False
    in_node_modules: bool = False
    like: str = ""
    sub: Mapping[str, CommandRule] = field(default_factory=dict)
    module: Mapping[str, CommandRule] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CommandRules:
    """All rows, and the names that belong to no single row."""

    commands: Mapping[str, CommandRule]
    environment: Mapping[str, str]
    protected_branches: frozenset[str]
    steering: Steering = field(default_factory=Steering)

    def find(self, words: str) -> CommandRule | None:
        """The row that ``like = "cargo test"`` names."""
        name, *rest = words.split() or [""]
        rule = self.commands.get(name)
        for word in rest:
            rule = (rule.sub.get(word) or rule.module.get(word)) if rule and word != "-m" else rule
        return rule


def parsed(source: str, text: str) -> dict[str, Any]:
    """The tables of a file that a user may have written."""
    import tomllib

    try:
        return tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise UsageProblem(f"{source} is not TOML: {error}") from error


def command_rules(tables: Mapping[str, Mapping[str, Any]]) -> CommandRules:
    """Rows of several files, by the file's name; later ones replace commands of the same name."""
    commands: dict[str, CommandRule] = {}
    environment: dict[str, str] = {}
    lists: dict[str, list[str]] = {name: [] for name in LISTS}
    for source, table in tables.items():
        unknown = set(table) - {"command", "environment", *LISTS}
        if unknown:
            raise UsageProblem(f"{source}: unknown key {sorted(unknown)[0]!r} at the top level")
        for name, kind in _table(f"{source}: environment", table.get("environment", {})).items():
            _check_kind(f"{source}: environment.{name}", kind)
            environment[name] = kind
        for name, found in lists.items():
            found += _texts(f"{source}: {name}", table.get(name, []))
        for name, row in _table(f"{source}: command", table.get("command", {})).items():
            commands[name] = _rule(f"{source}: command.{name}", row)
    steering = Steering(*(tuple(lists[name]) for name in STEERING))
    rules = CommandRules(commands, environment, frozenset(lists["protected_branches"]), steering)
    for name, rule in commands.items():
        _check_likes(name, rule, rules)
    return rules


def _rule(where: str, row: Any) -> CommandRule:
    fields = dict(_table(where, row))
    unknown = set(fields) - set(CommandRule.__slots__)
    if unknown:
        raise UsageProblem(f"{where}: unknown key {sorted(unknown)[0]!r}")
    if isinstance(fields.get("operands"), str):
        fields["operands"] = [fields["operands"]]
    for name, value in fields.items():
        fields[name] = _field(f"{where}.{name}", name, value)
    rule = CommandRule(**fields)
    for kind in (*rule.operands, *rule.values.values(), *rule.optional.values(), *([rule.tail] if rule.tail else [])):
        _check_kind(where, kind)
    if not rule.operands:
        raise UsageProblem(f'{where}: expected operands, found an empty list; "none" stands for no operand')
    return rule


def _field(where: str, name: str, value: Any) -> Any:
    """One key of a row, as its type in ``CommandRule``."""
    before = getattr(CommandRule(), name)
    if name in ("sub", "module"):
        return {inner: _rule(f"{where}.{inner}", row) for inner, row in _table(where, value).items()}
    if name in ("values", "optional"):
        return _table(where, value)
    if isinstance(before, tuple | frozenset):
        return type(before)(_texts(where, value))
    wanted = int if name in ("most", "least") else type(before)
    if type(value) is not wanted:
        raise UsageProblem(f"{where}: expected {WORDS[wanted]}, found {value!r}")
    return value


def _table(where: str, value: Any) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise UsageProblem(f"{where}: expected a table, found {value!r}")
    return value


def _texts(where: str, value: Any) -> Sequence[str]:
    if not isinstance(value, list) or not all(isinstance(text, str) for text in value):
        raise UsageProblem(f"{where}: expected a list of texts, found {value!r}")
    return value


def _check_kind(where: str, kind: Any) -> None:
    if not isinstance(kind, str):
        raise UsageProblem(f"{where}: expected a kind or /a pattern/, found {kind!r}")
    if is_pattern(kind):
        try:
            re.compile(kind[1:-1])
        except re.error as error:
            raise UsageProblem(f"{where}: {kind} is no pattern: {error}") from error
    elif kind not in KINDS:
        raise UsageProblem(f"{where}: unknown kind {kind!r}; expected one of {', '.join(sorted(KINDS))} or /a pattern/")


def is_pattern(kind: str) -> bool:
    """Whether a kind is a pattern, written between slashes."""
    return len(kind) > 1 and kind[0] == kind[-1] == "/"


def _check_likes(where: str, rule: CommandRule, rules: CommandRules) -> None:
    followed, at = [rule.like], rule
    while at.like:
        found = rules.find(at.like)
        if found is None:
            raise UsageProblem(f"command.{where}: like = {at.like!r} names no command")
        if found.like in followed:
            raise UsageProblem(f"command.{where}: like = {rule.like!r} leads back to itself")
        followed.append(found.like)
        at = found
    for nested in (rule.sub, rule.module):
        for name, inner in nested.items():
            _check_likes(f"{where}.{name}", inner, rules)
