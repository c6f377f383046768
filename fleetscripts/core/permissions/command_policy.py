"""Whether a shell line may run without a person: only if every word of it is understood and harmless."""

from __future__ import annotations

import posixpath
from collections.abc import Sequence
from dataclasses import field, replace

from fleetscripts.core.permissions.command_rules import CommandRule, CommandRules
from fleetscripts.core.permissions.shell_syntax import SimpleCommand, simple_commands
from fleetscripts.core.permissions.shell_words import NotPlain, Word
from fleetscripts.core.permissions.word_kinds import UnsafeCommand, is_harmless_test, put_into, shown, why_unfit
from fleetscripts.dataclass import dataclass
from fleetscripts.pattern import pattern

ENVIRONMENT_PROGRAM = pattern(r"(?:\./)?((?:\.venv|venv)/bin)/([a-z0-9]+)")
DOTTED = pattern(r"\.{0,2}(?:/|\Z)")
"""A folder for which ``cd`` does not use CDPATH."""
MAX_BASES = 16


@dataclass(frozen=True, slots=True)
class PathUse:
    """A path the line would touch, relative to the worktree or absolute; the caller resolves links and judges it.

    ``use``: "read", "file" (as read, and no folder), "write", "rewrite" (a formatter, in files that end in
    ``suffixes``), "enter" (``cd``), "git" (git is run in this folder) or "node" (a program that must be in
    ``node_modules/.bin``). ``wild``: places of wildcards; ``bare``: the word begins with one, and a file's name must
    not be taken for an option.
    """

    path: str
    use: str
    wild: tuple[int, ...] = ()
    bare: bool = False
    suffixes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Judgement:
    """``reason`` None: harmless, provided that every one of ``paths`` is, with ``own_branch`` that the current branch
    may be pushed to, and with ``searched`` that CDPATH is not set. Else ``reason`` is the objection."""

    reason: str | None
    paths: tuple[PathUse, ...] = ()
    own_branch: bool = False
    searched: bool = False


@dataclass(slots=True)
class _LineScan:
    """The scan of one line so far. ``bases``: every folder that the shell may be in."""

    rules: CommandRules
    bases: tuple[str, ...] = ("",)
    paths: list[PathUse] = field(default_factory=list)
    own_branch: bool = False
    searched: bool = False
    changed: bool = False
    moved: bool = False

    def use(self, word: Word, use: str, rule: CommandRule) -> None:
        if self.moved:
            raise UnsafeCommand("it uses files after it moved some, and links may then lead elsewhere")
        bare = bool(word.wild) and word.wild[0] == 0
        if bare and self.changed:
            raise UnsafeCommand("it uses a wildcard after it made files, whose names may be options")
        for base in self.bases:
            path = posixpath.join(base, word.text)
            wild = tuple(at + len(path) - len(word.text) for at in word.wild)
            self.paths.append(PathUse(path, use, wild, bare, rule.rewrites if use == "rewrite" else ()))


def judge_command(line: str, rules: CommandRules) -> Judgement:
    """Judge one line for a shell, bash or zsh, in the worktree's root."""
    reading = _LineScan(rules)
    try:
        for command in simple_commands(line):
            _judge(command, reading)
    except (NotPlain, UnsafeCommand) as refusal:
        return Judgement(str(refusal))
    return Judgement(None, tuple(dict.fromkeys(reading.paths)), reading.own_branch, reading.searched)


def _judge(command: SimpleCommand, reading: _LineScan) -> None:
    if not command.words:
        raise UnsafeCommand("it names no command")
    for name, value in command.assignments:
        if name not in reading.rules.environment:
            raise UnsafeCommand(f"it sets {name} for the command")
        _fits(reading.rules.environment[name], Word(value), name, reading, CommandRule())
    for redirect in command.redirects:
        reading.use(Word(redirect.path), "write" if redirect.write else "read", CommandRule())
    rule, label, arguments = _find_rule(command.words, reading)
    if rule.operands[0] == "test":
        _test(label, arguments, reading, rule)
        return
    operands, options = _options(rule, label, arguments, reading)
    if rule.wraps:
        _judge_wrapped(rule, label, operands, command, reading)
    else:
        rule = _as_given(rule, options)
        _operands(rule, label, operands, reading)
        _after(rule, label, operands, command, reading)


def _as_given(rule: CommandRule, options: set[str]) -> CommandRule:
    """The operands' kinds with these options."""
    if options & set(rule.first_given_by):
        return replace(rule, operands=rule.operands[-1:])
    spared = options & set(rule.rewrites_without) or (rule.rewrites_with and not options & set(rule.rewrites_with))
    return replace(rule, operands=("path",), rewrites=()) if rule.rewrites and spared else rule


def _after(rule: CommandRule, label: str, operands: Sequence[Word], command: SimpleCommand, reading: _LineScan) -> None:
    """Record the command's effect on later ones."""
    if label == "cd":
        moved = tuple(posixpath.join(base, operands[0].text) for base in reading.bases)
        reading.bases = moved if command.certain else tuple(dict.fromkeys(reading.bases + moved))
        if len(reading.bases) > MAX_BASES:
            raise UnsafeCommand("it changes the folder too often")
        return
    if rule.pushes and (not operands[1:] or any(operand.text == "HEAD" for operand in operands[1:])):
        reading.own_branch = True
    reading.moved |= rule.moves
    reading.changed |= not rule.looks


def _judge_wrapped(
    rule: CommandRule, label: str, operands: Sequence[Word], command: SimpleCommand, reading: _LineScan
) -> None:
    if len(operands) < 2:
        raise UnsafeCommand(f"{label} names no command")
    _fits(rule.operands[0], operands[0], label, reading, rule)
    if not operands[1].literal or operands[1].text in ("cd", "command", label):
        raise UnsafeCommand(f"{label} {shown(operands[1].text)} is not judged")
    _judge(replace(command, words=tuple(operands[1:]), assignments=(), redirects=()), reading)


def _find_rule(words: Sequence[Word], reading: _LineScan) -> tuple[CommandRule, str, list[Word]]:
    rules, label, rest = reading.rules, words[0].text, list(words[1:])
    rule = rules.commands.get(label)
    program = ENVIRONMENT_PROGRAM.fullmatch(label)
    if program:
        rule = rules.commands.get(program[2])
        rule = rule if rule and rule.in_environment else None
        reading.use(Word(program[1]), "read", CommandRule())
    if rule is None:
        raise UnsafeCommand(f"{shown(label)} is not on the safe list")
    if rule.git:
        _enter_git(reading)
    while True:
        if rule.like:
            target = rules.find(rule.like)
            if target is None:
                raise UnsafeCommand(f"{label} is judged as {rule.like}, which is not on the safe list")
            rule = target
        elif rule.module and rest and rest[0] == Word("-m"):
            rule, label, rest = _step(rule.module, label + " -m", rest[1:])
        elif rule.sub:
            while rest and rest[0].literal and rest[0].text in rule.flags:
                rest.pop(0)
            if not rest and not rule.needs:
                raise UnsafeCommand(f"{label} alone is not on the safe list")
            before, (rule, label, rest) = rule, _step(rule.sub, label, rest)
            if before.in_node_modules:
                reading.use(Word("node_modules/.bin/" + label.rpartition(" ")[2]), "node", CommandRule())
        else:
            return rule, label, rest


def _enter_git(reading: _LineScan) -> None:
    """git takes a folder that looks like a bare repository for one, and runs what its configuration names."""
    if reading.bases != ("",) and reading.changed:
        raise UnsafeCommand("git is run in another folder after the line changed files")
    reading.paths += [PathUse(base, "git") for base in reading.bases]


def _step(choices: object, label: str, rest: list[Word]) -> tuple[CommandRule, str, list[Word]]:
    assert isinstance(choices, dict)
    chosen = choices.get(rest[0].text) if rest and rest[0].literal else None
    if chosen is None:
        raise UnsafeCommand(f"{label} {shown(rest[0].text) if rest else ''}".strip() + " is not on the safe list")
    return chosen, f"{label} {rest[0].text}", rest[1:]


def _options(
    rule: CommandRule, label: str, arguments: Sequence[Word], reading: _LineScan
) -> tuple[list[Word], set[str]]:
    """Check every option; return the operands and the options."""
    operands: list[Word] = []
    seen: set[str] = set()
    queue = list(arguments)
    while queue:
        word = queue.pop(0)
        text = word.text
        name, equals, value = text.partition("=")
        if (rule.wraps or rule.ordered) and operands:
            operands += [word, *queue]
            break
        if text == "--" and rule.tail:
            for after in queue:
                _fits(rule.tail, after, label + " --", reading, rule)
            break
        if text == "--" and not rule.free:
            operands += queue
            break
        if rule.free or len(text) < 2 or text[0] != "-":
            operands.append(word)
        elif word.wild and word.wild[0] <= len(name) + len(equals) - 1:
            raise UnsafeCommand(f"{label} with {shown(text)} is not on the safe list")
        elif word.literal and (text in rule.flags or text in rule.optional):
            seen.add(text)
        elif word.literal and text in rule.values:
            seen.add(text)
            _value(rule.values[text], label, text, queue.pop(0) if queue else None, reading, rule)
        elif text.startswith("--") and equals and (kind := rule.values.get(name) or rule.optional.get(name)):
            seen.add(name)
            _value(kind, label, name, replace(word, text=value, wild=()), reading, rule, joined=bool(word.wild))
        elif word.literal and not text.startswith("--") and rule.joined:
            seen |= _letters(rule, label, text, queue, reading)
        else:
            raise UnsafeCommand(f"{label} with {shown(text)} is not on the safe list")
    missing = [name for name in rule.needs if name not in seen]
    if missing:
        raise UnsafeCommand(f"{label} without {missing[0]} is not on the safe list")
    return operands, seen


def _letters(rule: CommandRule, label: str, text: str, queue: list[Word], reading: _LineScan) -> set[str]:
    """One bundle of short options, the last of which may take a value: ``-rnA3``."""
    seen: set[str] = set()
    for at, letter in enumerate(text[1:], 1):
        option = "-" + letter
        seen.add(option)
        if option in rule.values:
            attached = Word(text[at + 1 :]) if text[at + 1 :] else None
            value = attached or (queue.pop(0) if queue else None)
            _value(rule.values[option], label, option, value, reading, rule)
            return seen
        if letter not in rule.letters and option not in rule.flags:
            raise UnsafeCommand(f"{label} with {shown(text)} is not on the safe list")
    return seen


def _value(
    kind: str, label: str, option: str, value: Word | None, reading: _LineScan, rule: CommandRule, joined: bool = False
) -> None:
    """``joined``: the value had a wildcard, which a shell expands only together with the option's name."""
    if value is None or value.wild or (joined and kind != "text"):
        raise UnsafeCommand(f"{label} {option} lacks its value")
    _fits(kind, value, f"{label} {option}", reading, rule)


def _operands(rule: CommandRule, label: str, operands: Sequence[Word], reading: _LineScan) -> None:
    if len(operands) < rule.least or (rule.most is not None and len(operands) > rule.most):
        raise UnsafeCommand(f"{label} with {len(operands)} operands is not on the safe list")
    for at, operand in enumerate(operands):
        if operand.wild and (at < len(rule.operands) - 1 or rule.most is not None):
            raise UnsafeCommand(f"{label} with a wildcard there is not on the safe list")
        _fits(rule.operands[min(at, len(rule.operands) - 1)], operand, label, reading, rule)
    for operand in operands[:-1] if rule.into else ():
        reading.use(put_into(operands[-1], operand), "write", rule)
    if rule.rewrites and not operands:
        _fits("rewrite", Word("."), label, reading, rule)


def _test(label: str, arguments: Sequence[Word], reading: _LineScan, rule: CommandRule) -> None:
    words = list(arguments)
    if label == "[" and (not words or words.pop() != Word("]")):
        raise UnsafeCommand("[ has no ]")
    if not is_harmless_test(words):
        raise UnsafeCommand(f"{label} is not on the safe list with these words")
    if len(words) == 2 and words[0].text not in ("-n", "-z"):
        _fits("path", words[1], label, reading, rule)


def _fits(kind: str, word: Word, label: str, reading: _LineScan, rule: CommandRule) -> None:
    """Raise unless ``word`` is of that kind; paths are collected for the caller."""
    if (word.status and kind not in ("text", "number")) or (
        word.wild and kind not in ("text", "path", "named", "file", "write")
    ):
        raise UnsafeCommand(f"{label} with {shown(word.text)} is not on the safe list")
    if why_unfit(kind, word.text, reading.rules.protected_branches):
        raise UnsafeCommand(f"{label} with {shown(word.text)} is not on the safe list")
    if kind == "text" and word.wild:
        reading.use(word, "read", rule)
    elif kind == "revision":
        text = word.text.partition(":")[2] or word.text
        reading.use(Word(text), "read", rule)
    elif kind in ("write", "rewrite") or (kind in ("path", "named", "file") and word.text != "-"):
        reading.use(word, "read" if kind in ("path", "named") else kind, rule)
    elif kind == "folder":
        reading.searched |= not DOTTED.match(word.text)
        reading.use(word, "enter", rule)
