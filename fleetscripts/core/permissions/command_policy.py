"""Whether a shell line may run without a person: yes only when every word of it is understood and harmless."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from fleetscripts.core.permissions.command_rules import CommandRule, CommandRules, is_pattern
from fleetscripts.core.permissions.shell_syntax import NotPlain, SimpleCommand, simple_commands

REVISION = re.compile(r"[A-Za-z0-9_./@^~:{}-]+")
BRANCH = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_./-]*")
NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?[a-zA-Z]?")


@dataclass(frozen=True, slots=True)
class PathUse:
    """A path the line would touch, relative to the worktree or absolute; the caller resolves links and judges it."""

    path: str
    write: bool


@dataclass(frozen=True, slots=True)
class Judgement:
    """``reason`` None: harmless, as long as every one of ``paths`` is. Else what stands in the way."""

    reason: str | None
    paths: tuple[PathUse, ...] = ()


class _Refusal(Exception):
    pass


@dataclass(slots=True)
class _Reading:
    """What was seen so far in one line. ``bases``: every folder the shell may stand in by now."""

    rules: CommandRules
    bases: tuple[str, ...] = ("",)
    paths: list[PathUse] = field(default_factory=list)

    def use(self, word: str, write: bool) -> None:
        for base in self.bases:
            self.paths.append(PathUse(posixpath.join(base, word), write))


def judge_command(line: str, rules: CommandRules) -> Judgement:
    """Judge one line for a shell that stands in the worktree's root."""
    reading = _Reading(rules)
    try:
        for command in simple_commands(line):
            _judge(command, reading)
    except (NotPlain, _Refusal) as refusal:
        return Judgement(str(refusal))
    return Judgement(None, tuple(dict.fromkeys(reading.paths)))


def _judge(command: SimpleCommand, reading: _Reading) -> None:
    for name, _ in command.assignments:
        if name not in reading.rules.environment:
            raise _Refusal(f"it sets {name} for the command")
    if not command.words:
        raise _Refusal("it names no command")
    for redirect in command.redirects:
        reading.use(redirect.path, redirect.write)
    rule, label, arguments = _find_rule(command.words, reading.rules)
    operands = _options(rule, label, arguments, reading)
    if rule.wraps:
        _judge_wrapped(rule, label, operands, command, reading)
        return
    _operands(rule, label, operands, reading)
    if label == "cd":
        moved = tuple(posixpath.join(base, operands[0]) for base in reading.bases)
        reading.bases = moved if command.certain else tuple(dict.fromkeys(reading.bases + moved))


def _judge_wrapped(
    rule: CommandRule, label: str, operands: Sequence[str], command: SimpleCommand, reading: _Reading
) -> None:
    if len(operands) < 2:
        raise _Refusal(f"{label} names no command")
    _fits(rule.operands[0], operands[0], label, reading)
    if operands[1] in ("cd", label):
        raise _Refusal(f"{label} {operands[1]} is not judged")
    _judge(replace(command, words=tuple(operands[1:]), assignments=(), redirects=()), reading)


def _find_rule(words: Sequence[str], rules: CommandRules) -> tuple[CommandRule, str, list[str]]:
    rule = rules.commands.get(words[0])
    if rule is None:
        raise _Refusal(f"{_shown(words[0])} is not on the safe list")
    label, rest = words[0], list(words[1:])
    while True:
        if rule.like:
            target = rules.find(rule.like)
            if target is None:
                raise _Refusal(f"{label} is judged as {rule.like}, which is not on the safe list")
            rule = target
        elif rule.module and rest[:1] == ["-m"]:
            rule, label, rest = _step(rule.module, label + " -m", rest[1:])
        elif rule.sub and (subcommand := [word for word in rest if word not in rule.flags]):
            rule, label, rest = _step(rule.sub, label, subcommand)
        else:
            return rule, label, rest


def _step(choices: object, label: str, rest: list[str]) -> tuple[CommandRule, str, list[str]]:
    assert isinstance(choices, dict)
    chosen = choices.get(rest[0]) if rest else None
    if chosen is None:
        raise _Refusal(f"{label} {_shown(rest[0]) if rest else ''}".strip() + " is not on the safe list")
    return chosen, f"{label} {rest[0]}", rest[1:]


def _options(rule: CommandRule, label: str, arguments: list[str], reading: _Reading) -> list[str]:
    """Check every option; return the operands."""
    operands: list[str] = []
    seen: set[str] = set()
    queue = list(arguments)
    while queue:
        word = queue.pop(0)
        if rule.wraps and operands:
            operands += [word, *queue]
            break
        if word == "--" and not rule.free:
            operands += queue
            break
        if rule.free or len(word) < 2 or word[0] != "-":
            operands.append(word)
        elif word in rule.flags:
            seen.add(word)
        elif word in rule.values:
            seen.add(word)
            _value(rule, label, word, queue.pop(0) if queue else None, reading)
        elif word.startswith("--") and "=" in word and word.split("=", 1)[0] in rule.values:
            name, value = word.split("=", 1)
            seen.add(name)
            _value(rule, label, name, value, reading)
        elif not word.startswith("--") and rule.joined:
            seen |= _letters(rule, label, word, queue, reading)
        else:
            raise _Refusal(f"{label} with {_shown(word)} is not on the safe list")
    missing = [name for name in rule.needs if name not in seen]
    if missing:
        raise _Refusal(f"{label} without {missing[0]} is not on the safe list")
    if seen & set(rule.first_given_by):
        reading_kind = rule.operands[-1]
        for operand in operands:
            _fits(reading_kind, operand, label, reading)
        return []
    return operands


def _letters(rule: CommandRule, label: str, word: str, queue: list[str], reading: _Reading) -> set[str]:
    """One bundle of short options, the last of which may take a value: ``-rnA3``."""
    seen: set[str] = set()
    for at, letter in enumerate(word[1:], 1):
        option = "-" + letter
        seen.add(option)
        if option in rule.values:
            attached = word[at + 1 :]
            _value(rule, label, option, attached or (queue.pop(0) if queue else None), reading)
            return seen
        if letter not in rule.letters and option not in rule.flags:
            raise _Refusal(f"{label} with {_shown(word)} is not on the safe list")
    return seen


def _value(rule: CommandRule, label: str, option: str, value: str | None, reading: _Reading) -> None:
    if value is None:
        raise _Refusal(f"{label} {option} lacks its value")
    _fits(rule.values[option], value, f"{label} {option}", reading)


def _operands(rule: CommandRule, label: str, operands: Sequence[str], reading: _Reading) -> None:
    if len(operands) < rule.least or (rule.most is not None and len(operands) > rule.most):
        raise _Refusal(f"{label} with {len(operands)} operands is not on the safe list")
    for at, operand in enumerate(operands):
        _fits(rule.operands[min(at, len(rule.operands) - 1)], operand, label, reading)


def _fits(kind: str, word: str, label: str, reading: _Reading) -> None:
    """Raise unless ``word`` is of that kind; paths are noted for the caller."""
    match kind:
        case "text":
            fits = True
        case "path" | "write":
            fits = word == "-" or not word.startswith("-")
            if word != "-":
                reading.use(word, kind == "write")
        case "folder":
            fits = not word.startswith("-")
            reading.use(word, False)
        case "number":
            fits = NUMBER.fullmatch(word) is not None
        case "revision":
            fits = not word.startswith("-") and REVISION.fullmatch(word) is not None
            reading.use(word.partition(":")[2] or word, False)
        case "branch":
            fits = BRANCH.fullmatch(word) is not None
        case "own-branch":
            plain = word.removeprefix("refs/heads/")
            fits = BRANCH.fullmatch(word) is not None and plain not in reading.rules.protected_branches
        case _:
            fits = is_pattern(kind) and re.fullmatch(kind[1:-1], word) is not None
    if not fits:
        raise _Refusal(f"{label} with {_shown(word)} is not on the safe list")


def _shown(word: str) -> str:
    return ascii(word if len(word) <= 40 else word[:39] + "…")[1:-1] or "an empty word"
