"""Whether a shell line has only calls of our own scripts that neither end nor discard anything."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Sequence
from dataclasses import field

from fleetscripts.core.permissions.own_arguments import harmless
from fleetscripts.core.permissions.own_line import UNKNOWN, rewritten
from fleetscripts.core.permissions.shell_syntax import SimpleCommand, simple_commands
from fleetscripts.core.permissions.shell_words import NotPlain, Word
from fleetscripts.dataclass import dataclass
from fleetscripts.pattern import pattern

ScriptAt = Callable[[str], str | None]
"""Our script's name, for an absolute path or a bare name; None if it is not ours."""

NOWHERE = "/dev/null"
"""The folder of a captured call: a ``cd`` may precede it, so a relative path is meaningless."""
PRINT_A_HANDLE = {"spawn-agent", "adopt-agent", "find-spare", "run-loop"}
"""Their output is never an option, so it may be a word of the next call."""
DURATION = pattern(r"[0-9]{1,6}(\.[0-9]{1,3})?[smhd]?")
NUMBER = pattern(r"[+-]?[0-9]{1,9}")
JQ_READS = pattern(r"\b(?:env|input_filename|import|include|inputs?|get_search_list)\b|\$ENV|\$__")
"""jq options that print the environment, where tokens are, or load code."""


@dataclass(frozen=True, slots=True)
class _Filter:
    """A program at the end of a pipe. ``flags``: alone; ``numbers``, ``texts``: with such a value; ``operands``: least
    and most; none of them names a file."""

    flags: str
    numbers: str = ""
    texts: str = ""
    long: frozenset[str] = frozenset()
    operands: tuple[int, int] = (0, 0)


FILTERS = {
    "head": _Filter("q", "nc"),
    "tail": _Filter("q", "nc"),
    "wc": _Filter("lcwm"),
    "grep": _Filter("ivcoEFnwxqP", "ABCm", "e", frozenset({"--line-buffered", "--color=never"}), (0, 1)),
    "jq": _Filter("rcesSMj", "", "", frozenset({"--raw-output", "--compact-output", "--slurp"}), (1, 1)),
}


def only_own_calls(line: str, home: str, cwd: str, script_at: ScriptAt) -> bool:
    """Judge one line for a shell in ``cwd``. It must have at least one call of ours."""
    try:
        return bool(_calls(line, home, cwd, script_at))
    except NotPlain:
        return False


def _calls(line: str, home: str, cwd: str, script_at: ScriptAt) -> list[str]:
    """Names of the scripts that the line calls. Raises ``NotPlain`` if it does anything else."""
    own = rewritten(line, home)
    captured = [name for inner in own.captured for name in _calls(inner, home, NOWHERE, script_at)]
    reading = _CallScan((cwd,), (cwd,), script_at, values_are_handles=set(captured) <= PRINT_A_HANDLE)
    before: SimpleCommand | None = None
    for command in simple_commands(own.line):
        reading.command(command, before)
        before = command
    return [*captured, *reading.calls]


@dataclass(slots=True)
class _CallScan:
    """The scan so far. ``stands``: folders that the shell may be in; ``ever``: all that it may have been in."""

    stands: tuple[str, ...]
    ever: tuple[str, ...]
    script_at: ScriptAt
    values_are_handles: bool
    calls: list[str] = field(default_factory=list)

    def command(self, command: SimpleCommand, before: SimpleCommand | None) -> None:
        """Take one command. Raises ``NotPlain`` unless it is a call of ours or feeds or filters one."""
        if command.redirects:
            raise NotPlain("it reads or writes a file")
        if command.joiner not in ("&&", "|"):
            self.stands = self.ever
        if _assigns_only(command):
            return
        words = _words(command)
        if command.joiner == "|" and words[0] in FILTERS:
            _filter(words, command)
            return
        if command.joiner == "|" and (before is None or before.words[:1] != (Word("echo"),)):
            raise NotPlain("only a text goes into a call of ours")
        if words[0] == "cd":
            target = _folder(words, self.stands)
            self.ever = tuple(dict.fromkeys((*self.ever, *target)))
            self.stands = target if command.certain else self.ever
        elif words[0] not in ("echo", "true"):
            self._call(_without_wrappers(words))
        elif command.heredoc is not None:
            raise NotPlain("a here-document goes nowhere")

    def _call(self, words: list[str]) -> None:
        path, arguments = words[0], words[1:]
        plain = path.removeprefix("./")
        names = {self.script_at(posixpath.join(base, plain) if "/" in path else path) for base in self.stands}
        name = next(iter(names)) if len(names) == 1 else None
        if name is None or not harmless(name, arguments) or (UNKNOWN in arguments and not self.values_are_handles):
            raise NotPlain("it is not a call of ours that needs no question")
        self.calls.append(name)


def _assigns_only(command: SimpleCommand) -> bool:
    if command.assignments and (command.words or any(value != UNKNOWN for _, value in command.assignments)):
        raise NotPlain("it sets a variable")
    return bool(command.assignments)


def _words(command: SimpleCommand) -> list[str]:
    """The words, of which only those of ``echo`` may contain ``$?``."""
    if any(word.wild or (word.status and command.words[0].text != "echo") for word in command.words):
        raise NotPlain("the shell would put something else in a word's place")
    return [word.text for word in command.words]


def _folder(words: Sequence[str], stands: Sequence[str]) -> tuple[str, ...]:
    """Where ``cd`` leads. A plain relative name is looked up along CDPATH, so it must begin with a dot."""
    if len(words) != 2 or (not words[1].startswith(("/", "./", "../")) and words[1] not in (".", "..")):
        raise NotPlain("cd leads to a folder that is not judged")
    return tuple(dict.fromkeys(posixpath.join(base, words[1]) for base in stands))


def _without_wrappers(words: list[str]) -> list[str]:
    """The words after ``timeout [-k TIME] TIME`` and ``bash`` or ``sh``."""
    rest = list(words)
    if rest[0] == "timeout":
        rest = rest[1:]
        if rest[:1] == ["-k"]:
            if len(rest) < 2 or not DURATION.fullmatch(rest[1]):
                raise NotPlain("timeout with something that is no time")
            rest = rest[2:]
        if not rest or not DURATION.fullmatch(rest[0]):
            raise NotPlain("timeout with something that is no time")
        rest = rest[1:]
    if rest[:1] in (["bash"], ["sh"]):
        rest = rest[1:]
        if "/" not in "".join(rest[:1]):
            raise NotPlain("a shell is given something other than a script of ours")
    if not rest:
        raise NotPlain("it names no script")
    return rest


def _filter(words: Sequence[str], command: SimpleCommand) -> None:
    """Check one of FILTERS: known options, and no file."""
    if command.heredoc is not None or UNKNOWN in words:
        raise NotPlain("a filter is given something else to read")
    rule, operands = FILTERS[words[0]], 0
    queue = list(words[1:])
    patterns = 0
    while queue:
        word = queue.pop(0)
        if (words[0] in ("head", "tail") and re.fullmatch(r"-[0-9]{1,6}", word)) or word in rule.long:
            continue
        if word.startswith("-") and len(word) > 1:
            patterns += _letters(rule, word, queue)
        else:
            operands += 1
            if words[0] == "jq" and JQ_READS.search(word):
                raise NotPlain("jq would read something else")
    least, most = rule.operands
    if not least <= operands <= most or (words[0] == "grep" and operands + bool(patterns) != 1):
        raise NotPlain(f"{words[0]} with {operands} operands")


def _letters(rule: _Filter, word: str, queue: list[str]) -> int:
    """One bundle of short options, the last of which may take a value. Returns how many patterns were given."""
    for at, letter in enumerate(word[1:], 1):
        if letter in rule.flags:
            continue
        if letter not in rule.numbers + rule.texts:
            raise NotPlain(f"a filter with {word}")
        value = word[at + 1 :] or (queue.pop(0) if queue else "")
        if letter in rule.numbers and not NUMBER.fullmatch(value):
            raise NotPlain(f"a filter with {word} and no number")
        return int(letter in rule.texts)
    return 0
