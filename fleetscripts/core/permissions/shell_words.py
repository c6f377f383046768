"""The words of a shell line, in the part of the language that bash and zsh read alike; all else raises ``NotPlain``.

Every character of a word is either taken literally, as one of the wildcards ``*`` and ``?``, as ``$?``, or refused.
"""

from __future__ import annotations

import re
from dataclasses import field

from fleetscripts.dataclass import dataclass

BLANKS = " \t"
ENDS = BLANKS + "\n;|&"
REFLOG = re.compile(r"\{(?:u|upstream|push|[0-9]{1,6})\}")
STATUS_ENDS = ENDS + '",.'
MESSAGE_OPENS = re.compile(r"""\$\(cat <<(['"])([A-Za-z_][A-Za-z0-9_]*)\1\n""")


class NotPlain(Exception):
    """The line has something whose effect its text does not show; the message names it."""


@dataclass(frozen=True, slots=True)
class Word:
    """One word as the program gets it. ``wild``: the places of wildcards in ``text``, which the shell replaces by the
    names of files. ``status``: the text has ``$?``, written here as ``0``."""

    text: str
    wild: tuple[int, ...] = ()
    status: bool = False

    @property
    def literal(self) -> bool:
        return not self.wild and not self.status


@dataclass(slots=True)
class _Parts:
    text: str = ""
    wild: list[int] = field(default_factory=list)
    status: bool = False
    quoted: bool = False


def read_word(line: str, at: int) -> tuple[Word, int]:
    """The word that begins at ``at``, and its end: a blank, a newline, one of ``;|&`` or the line's end."""
    start, parts = at, _Parts()
    while at < len(line) and line[at] not in ENDS:
        match line[at]:
            case "'":
                at = _single_quoted(line, at, parts)
            case '"':
                at = _double_quoted(line, at, parts)
            case "\\":
                at = _escaped(line, at, parts)
            case "$":
                at = _status(line, at, parts)
            case "*" | "?":
                at = _wildcard(line, at, parts)
            case "@" if reflog := REFLOG.match(line, at + 1):
                parts.text += "@" + reflog[0]
                at = reflog.end()
            case _:
                at = _plain(line, at, start, parts)
    if parts.wild and set("~^") & set(parts.text):
        raise NotPlain("it holds a wildcard pattern that shells read differently")
    return Word(parts.text, tuple(parts.wild), parts.status), at


def _plain(line: str, at: int, start: int, parts: _Parts) -> int:
    char = line[at]
    before = parts.text[-1:]
    if char in "[]":
        alone = at == start and (at + 1 == len(line) or line[at + 1] in ENDS)
        if not alone:
            raise NotPlain(f"the shell would expand {char!r} in it")
    elif char in "`(){}!<>#":
        raise NotPlain(f"it holds {char!r} outside quotes")
    elif char == "~" and before in ("", "=", ":"):
        raise NotPlain("a word begins with a home folder (~)")
    elif char == "=" and before in ("", "="):
        raise NotPlain("zsh would look up a program for '='")
    elif char == "^" and not before:
        raise NotPlain("it holds '^' outside quotes")
    elif not " " < char < "\x7f":
        raise NotPlain("a letter outside ASCII is outside quotes")
    parts.text += char
    return at + 1


def _single_quoted(line: str, at: int, parts: _Parts) -> int:
    end = line.find("'", at + 1)
    if end < 0:
        raise NotPlain("a quote is not closed")
    if line[end + 1 : end + 2] == "'":
        raise NotPlain("two single quotes meet, which shells read differently")
    parts.text += line[at + 1 : end]
    return end + 1


def _escaped(line: str, at: int, parts: _Parts) -> int:
    char = line[at + 1 : at + 2]
    if not char or char.isalnum() or char in "\n\t_" or char > "~":
        raise NotPlain("it holds a backslash that shells read differently")
    parts.text += char
    return at + 2


def _wildcard(line: str, at: int, parts: _Parts) -> int:
    if line[at : at + 2] == "**":
        raise NotPlain("it holds '**', which shells read differently")
    parts.wild.append(len(parts.text))
    parts.text += line[at]
    return at + 1


def _status(line: str, at: int, parts: _Parts) -> int:
    after = line[at + 2 : at + 3]
    if line[at + 1 : at + 2] != "?" or (after and after not in STATUS_ENDS):
        raise NotPlain("it holds a variable or a substitution")
    parts.status = True
    parts.text += "0"
    return at + 2


def _double_quoted(line: str, at: int, parts: _Parts) -> int:
    message = MESSAGE_OPENS.match(line, at + 1)
    if message:
        return _message(line, message, parts)
    at += 1
    while at < len(line):
        char, following = line[at], line[at + 1 : at + 2]
        if char == '"':
            return at + 1
        if char == "`":
            raise NotPlain("a quoted text holds a substitution")
        if char == "!" and following not in tuple(' \n"'):
            raise NotPlain("a quoted text holds '!', which recalls an earlier command in some shells")
        if char == "$" and following != '"':
            at = _status(line, at, parts)
            continue
        if char == "\\":
            if following in ("\n", "!", ""):
                raise NotPlain("a quoted text holds a backslash that shells read differently")
            parts.text += following if following in '$`"\\' else char + following
            at += 2
            continue
        parts.text += char
        at += 1
    raise NotPlain("a quote is not closed")


def _message(line: str, opening: re.Match[str], parts: _Parts) -> int:
    """``"$(cat <<'EOF' … EOF )"``: a text of several lines, as Claude Code writes commit messages.

    bash 3.2 looks for the closing parenthesis without knowing of the here-document. What it could then take for the
    end, or miss, is refused.
    """
    end = line.find("\n" + opening[2] + "\n", opening.end() - 1)
    closing = end + len(opening[2]) + 2
    if end < 0 or line[closing : closing + 2] != ')"':
        raise NotPlain("a quoted text holds a substitution")
    body, rest = line[opening.end() : end + 1], line[closing + 2 :]
    if ")" in body and set('"`$\\') & set(body):
        raise NotPlain("old shells would find another end of its quoted text")
    if set("'\"`\\") & set(body) and set("'\"`\\)") & set(rest):
        raise NotPlain("old shells would find another end of its quoted text")
    parts.text += body.rstrip("\n")
    return closing + 2
