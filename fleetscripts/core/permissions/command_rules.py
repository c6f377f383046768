"""The table of commands that may run without asking: rows of ``rules/commands.toml``, checked at load."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import field
from typing import Any

from fleetscripts.dataclass import dataclass
from fleetscripts.errors import UsageProblem

KINDS = frozenset(
    {"path", "folder", "write", "rewrite", "text", "number", "none", "revision", "branch", "own-branch", "test"}
)


@dataclass(frozen=True, slots=True)
class CommandRule:
    """What one command may be called with; anything else is a decision. Keys are explained in the table itself."""

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
    any_option: bool = False
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
    steering: tuple[str, ...] = ()

    def find(self, words: str) -> CommandRule | None:
        """The row that ``like = "cargo test"`` names."""
        name, *rest = words.split()
        rule = self.commands.get(name)
        for word in rest:
            rule = (rule.sub.get(word) or rule.module.get(word)) if rule and word != "-m" else rule
        return rule


def load_command_rules(texts: Mapping[str, str]) -> CommandRules:
    """Rows of several files, the later ones replacing commands of the same name. ``texts``: file name → TOML."""
    commands: dict[str, CommandRule] = {}
    environment: dict[str, str] = {}
    branches: set[str] = set()
    steering: list[str] = []
    for source, text in texts.items():
        try:
            table = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            raise UsageProblem(f"{source} is not TOML: {error}") from error
        unknown = set(table) - {"command", "environment", "protected_branches", "steering"}
        if unknown:
            raise UsageProblem(f"{source}: unknown key {sorted(unknown)[0]!r} at the top level")
        for name, kind in table.get("environment", {}).items():
            _check_kind(f"{source}: environment.{name}", kind)
            environment[name] = kind
        branches |= set(table.get("protected_branches", ()))
        steering += table.get("steering", ())
        for name, row in table.get("command", {}).items():
            commands[name] = _rule(f"{source}: command.{name}", row)
    rules = CommandRules(commands, environment, frozenset(branches), tuple(steering))
    for name, rule in commands.items():
        _check_likes(name, rule, rules)
    return rules


def _rule(where: str, row: Any) -> CommandRule:
    if not isinstance(row, dict):
        raise UsageProblem(f"{where}: expected a table, found {row!r}")
    fields = dict(row)
    for nested in ("sub", "module"):
        fields[nested] = {
            name: _rule(f"{where}.{nested}.{name}", inner) for name, inner in fields.get(nested, {}).items()
        }
    unknown = set(fields) - set(CommandRule.__slots__)
    if unknown:
        raise UsageProblem(f"{where}: unknown key {sorted(unknown)[0]!r}")
    operands = fields.get("operands", "none")
    fields["operands"] = (operands,) if isinstance(operands, str) else tuple(operands)
    fields["flags"] = frozenset(fields.get("flags", ()))
    for listed in ("needs", "first_given_by", "rewrites", "rewrites_with", "rewrites_without"):
        fields[listed] = tuple(fields.get(listed, ()))
    for kind in (*fields["operands"], *fields.get("values", {}).values(), *fields.get("optional", {}).values()):
        _check_kind(where, kind)
    return CommandRule(**fields)


def _check_kind(where: str, kind: str) -> None:
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
    if rule.like and rules.find(rule.like) is None:
        raise UsageProblem(f"command.{where}: like = {rule.like!r} names no command")
    for nested in (rule.sub, rule.module):
        for name, inner in nested.items():
            _check_likes(f"{where}.{name}", inner, rules)
