"""Rewrites the special forms that a call of our own scripts may have as plain commands.

``~/``, ``$HOME/``, ``NAME=$(call)``, ``"$NAME"`` and ``&`` only; the result is read by ``shell_syntax``."""

from __future__ import annotations

import re
from dataclasses import field

from fleetscripts.core.permissions.shell_words import BLANKS, ENDS, NotPlain, read_word
from fleetscripts.dataclass import dataclass
from fleetscripts.pattern import pattern

UNKNOWN = "value-known-when-it-runs"
"""Placeholder for a variable's value: any text, possibly an option."""

_HOME_WORD = pattern(r'(?:"\$(?:HOME|\{HOME\})"|("?)(?:\$HOME|\$\{HOME\}|(?<!")~))(?=/)')
_PLAIN_PATH = pattern(r"/[A-Za-z0-9_./@+-]*")
_CAPTURE = pattern(r"([A-Za-z][A-Za-z0-9_]*)=(\"?)\$\(")
_VALUE = pattern(r"\"\$(?:([A-Za-z][A-Za-z0-9_]*)|\{([A-Za-z][A-Za-z0-9_]*)\})\"(?=[ \t\n;|&]|\Z)")
_HEREDOC = pattern(r"""<<(['"])([A-Za-z_][A-Za-z0-9_]*)\1""")
_OPERATOR = pattern(r"[12]?>&[12]|&>>?|&&|\|\||[12]?>>?|[;|<]")
_NAMES = pattern(
    r"(?:W|WIN|WINDOW|OUT|OUTPUT|RESULT|EVENTS?|AGENTS?|TREE|PANE|SPARE|NAME|ID|ANSWER|w|win|window|out|output|result"
    r"|events?|agents?|tree|pane|spare|name|id|answer)_?[0-9]{0,2}"
)
"""Variables without meaning to a shell or a program: setting PATH or IFS would change what runs next."""


@dataclass(frozen=True, slots=True)
class OwnLine:
    """``line``: plain commands. ``captured``: lines whose output becomes a variable's value."""

    line: str
    captured: tuple[str, ...]


@dataclass(slots=True)
class _Rewriter:
    line: str
    home: str
    at: int = 0
    out: list[str] = field(default_factory=list)
    captured: list[str] = field(default_factory=list)
    assigned: set[str] = field(default_factory=set)
    heredoc: str = ""
    command_begins: bool = True


def rewritten(line: str, home: str) -> OwnLine:
    """The line with those forms replaced. Raises ``NotPlain`` if one of them is malformed."""
    state = _Rewriter(line, home if _PLAIN_PATH.fullmatch(home) else "")
    while state.at < len(line):
        _step(state)
    return OwnLine("".join(state.out), tuple(state.captured))


def _step(state: _Rewriter) -> None:
    char = state.line[state.at]
    if char in BLANKS:
        _copy(state, 1)
    elif char == "\n":
        _newline(state)
    elif state.line.startswith("\\\n", state.at):
        _copy(state, 2)
    elif char == "#":
        end = state.line.find("\n", state.at)
        _copy(state, (len(state.line) if end < 0 else end) - state.at)
    elif heredoc := _HEREDOC.match(state.line, state.at):
        state.heredoc = heredoc[2]
        _copy(state, len(heredoc[0]))
    elif operator := _OPERATOR.match(state.line, state.at):
        _copy(state, len(operator[0]))
        state.command_begins = operator[0] in (";", "|", "&&", "||")
    elif char == "&":
        state.out.append(";")
        state.at += 1
        state.command_begins = True
    else:
        _word(state)


def _copy(state: _Rewriter, length: int) -> None:
    state.out.append(state.line[state.at : state.at + length])
    state.at += length


def _newline(state: _Rewriter) -> None:
    _copy(state, 1)
    state.command_begins = True
    if not state.heredoc:
        return
    end = re.compile(rf"^{state.heredoc}(?:\n|\Z)", re.MULTILINE).search(state.line, state.at)
    if end is None:
        raise NotPlain("a here-document has no end")
    _copy(state, end.end() - state.at)
    state.heredoc = ""


def _word(state: _Rewriter) -> None:
    if state.command_begins and (capture := _CAPTURE.match(state.line, state.at)):
        _capture(state, capture)
        return
    state.command_begins = False
    if value := _VALUE.match(state.line, state.at):
        if (value[1] or value[2]) not in state.assigned:
            raise NotPlain("it holds a variable that the line does not set")
        state.out.append(UNKNOWN)
        state.at = value.end()
        return
    if home := _HOME_WORD.match(state.line, state.at):
        if not state.home:
            raise NotPlain("the home folder's name is not plain")
        quoted = home[1] or ""
        end = _word_end(state.line, home.end(), quoted)
        state.out += [quoted, state.home, state.line[home.end() : end]]
        state.at = end
        return
    _, end = read_word(state.line, state.at)
    if end == state.at:
        raise NotPlain("it holds a character that is not judged")
    _copy(state, end - state.at)


def _word_end(line: str, at: int, quoted: str) -> int:
    """The end of a word read up to ``at``; ``quoted`` is the quote that is still open."""
    _, end = read_word(quoted + line[at:], 0)
    return at + end - len(quoted)


def _capture(state: _Rewriter, opening: re.Match[str]) -> None:
    name, quote = opening[1], opening[2]
    if not _NAMES.fullmatch(name):
        raise NotPlain(f"it sets {name}")
    end = _closing(state.line, opening.end())
    after = end + 1 + len(quote)
    if state.line[end + 1 : after] != quote or state.line[after : after + 1] not in (*ENDS, ""):
        raise NotPlain("it assigns in a way that is not judged")
    state.captured.append(state.line[opening.end() : end])
    state.assigned.add(name)
    state.out.append(f"{name}={UNKNOWN}")
    state.at = after


def _closing(line: str, at: int) -> int:
    """The position of the parenthesis that closes a substitution of plain words on one line."""
    while at < len(line):
        char = line[at]
        if char == ")":
            return at
        if char in "(`#\\\n" or line.startswith("<<", at):
            break
        if char in "'\"":
            end = line.find(char, at + 1)
            if end < 0 or (char == '"' and set("\\`$") & set(line[at:end].replace("$HOME/", ""))):
                break
            at = end
        at += 1
    raise NotPlain("it captures something that is not judged")
