"""Makes text from a screen or a transcript fit to store: secrets masked, reports of remaining context removed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache

from fleetscripts.core.records.token_forms import GENERAL_FORMS, TOKEN_FORMS
from fleetscripts.pattern import pattern

MASK = "[masked]"
SHORTEST = 12
"""Shortest word checked, in characters: no token form is shorter."""

_STYLE = pattern(r"\x1b\[[0-9;:]*m")
_UNSEEN = pattern(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f"
    "\u3164\ufe00-\ufe0f\ufeff\uffa0\U000e0000-\U000e0fff]"
)
"""Characters without width: a token is read without them."""
_LONG_WORD = pattern(rf"\S{{{SHORTEST}}}")
_SERVICES = "|".join(f"(?:{form})" for form in TOKEN_FORMS.values())
_OF_SERVICES = pattern(f"(?<![A-Za-z0-9])(?:{_SERVICES})")
_TOKENS = pattern(f"(?<![A-Za-z0-9])(?:{_SERVICES}|{'|'.join(GENERAL_FORMS)})")
_NAMED = pattern(
    r"(?i)\b([a-z0-9_.-]{0,40}(?:(?:api|access|account|private|secret|signing|encryption)[_-]?key|token|secret|passwd"
    r"|password|passphrase|credentials?|authorization|auth|cookie|_pw|_pass|_pat|dsn)(?:_?\d{1,3})?[\"']?"
    r"[ ]?(?:[:=]|=>)[ ]?(?:bearer |basic |token )?[\"']?)[^\s\"'(){}<>\[\],;]{6,}"
)
_OPTION = pattern(
    r"(?i)(?<![\w-])((?:--[a-z-]{0,30}(?:token|password|passwd|passphrase|secret|api-?key) |(?:-u|--user) [^\s:]{1,60}:"
    r"|sshpass -p ?|mysql\w* [^\n]{0,80}-p|login \S{1,60} password )[\"']?)[^\s\"'-][^\s\"']{5,}"
)
"""Words of a command line, and of a ``.netrc``."""
_SPOKEN = pattern(r"(?i)\b((?:bearer|basic) )[A-Za-z0-9+/=._~-]{12,}")
_IN_URL = pattern(r"(?<=://)[^\s/@:]{0,200}:[^\s/@]{1,200}(?=@)")
_VALUES = (_NAMED, _OPTION, _SPOKEN, _IN_URL)
"""Values that a line's end may cut too, on a line long enough to have been cut."""
_CONTEXT = pattern(
    r"(?i)\bcontext (?:left|low|remaining)\b[^│|·\n]{0,60}?\d{1,3} ?%[^│|·\n]{0,30}"
    r"|\b\d{1,3} ?% (?:of )?(?:the )?(?:context|until auto-?compact)[a-z -]{0,30}"
    r"|\bcontext(?: window)?(?: used)?[: ]{1,3}\d{1,3} ?%(?: (?:used|left|full))?"
    r"|\bcontext (?:left|remaining)\b[^│|·\n]{0,60}"
)
_KEY_BEGINS = pattern(r"-{4,5} ?BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)? ?-{4,5}")
_KEY_ENDS = pattern(r"-{4,5} ?END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)? ?-{4,5}")
_KEY_BODY = pattern(r"[A-Za-z0-9+/]{1,200}={0,3}|(?:Proc-Type|DEK-Info|Version|Comment): .{1,120}|")
_BODY_ALONE = pattern(r"[A-Za-z0-9+/]{56,}={0,3}")
"""A line of a key's body whose head and foot are off the screen."""

_BEFORE = pattern(r"[ \t\xa0│┃|║⎿❯›>•●⏺∙·]{0,200}(?:\d{1,6}[ \t\xa0])?[ \t\xa0│┃|║]{0,40}(?:[+-][ \t\xa0]{1,40})?")
"""What is drawn before a line's text: borders, marks, a line number, the sign of a change."""
_AFTER = " \t\xa0│┃|║"


def redact(text: str) -> str:
    """The text with secrets masked and every report of remaining context removed."""
    return "\n".join(redact_lines(text.split("\n")))


def redact_lines(lines: Iterable[str]) -> list[str]:
    """The lines with secrets masked, also those wrapped into the next line, and the bodies of private keys. A line with
    a secret loses its colours, which may be inside it."""
    return list(_redacted(tuple(lines)))


@lru_cache(maxsize=1024)
def _redacted(lines: tuple[str, ...]) -> tuple[str, ...]:
    plain = [_UNSEEN.sub("", _STYLE.sub("", line)) for line in lines]
    hidden = list(plain)
    for number, spans in _wrapped(plain).items():
        hidden[number] = _masked(plain[number], spans)
    for number in _of_private_keys(plain):
        hidden[number] = MASK
    hidden = [_redact_line(line) for line in hidden]
    return tuple(line if now == before else now for line, before, now in zip(lines, plain, hidden, strict=True))


@lru_cache(maxsize=16384)
def _redact_line(line: str) -> str:
    if _LONG_WORD.search(line):
        line = _SPOKEN.sub(rf"\1{MASK}", _TOKENS.sub(MASK, line))
    line = _OPTION.sub(rf"\1{MASK}", _NAMED.sub(rf"\1{MASK}", line))
    return _CONTEXT.sub("", _IN_URL.sub(MASK, line))


def _of_private_keys(lines: Sequence[str]) -> Iterator[int]:
    """Numbers of the lines that hold part of a private key; its head or foot may be off the screen."""
    bare = [line[start:end] for line, (start, end) in zip(lines, map(_inner, lines), strict=True)]
    inside = False
    for number, line in enumerate(bare):
        begins, ends = _KEY_BEGINS.search(line), _KEY_ENDS.search(line)
        if begins or ends or (inside and _KEY_BODY.fullmatch(line)) or _is_key_body(line):
            yield number
        if ends and not begins:
            yield from _body_above(bare, number)
        inside = bool(begins) or (inside and not ends and _KEY_BODY.fullmatch(line) is not None)


def _is_key_body(line: str) -> bool:
    return bool(_BODY_ALONE.fullmatch(line)) and len({*line}) > 20 and any(char.isdigit() for char in line)


def _body_above(bare: Sequence[str], foot: int) -> Iterator[int]:
    for number in range(foot - 1, -1, -1):
        if not bare[number] or not _KEY_BODY.fullmatch(bare[number]):
            return
        yield number


def _wrapped(lines: Sequence[str]) -> dict[int, list[tuple[int, int]]]:
    """Spans to mask, by line: tokens that wrapping cuts in two or more."""
    found: dict[int, list[tuple[int, int]]] = {}
    bounds = [_inner(line) for line in lines]
    for number, line in enumerate(lines):
        start, end = bounds[number]
        word = max(line.rfind(" ", start, end), line.rfind("\xa0", start, end)) + 1 or start
        parts = [(number, max(word, start), end)]
        for later in range(number + 1, len(lines)):
            begin, stop = bounds[later]
            blank = lines[later].find(" ", begin, stop)
            parts.append((later, begin, blank if blank >= 0 else stop))
            if blank >= 0 or begin == stop:
                break
        if len(parts) > 1 and parts[0][1] < parts[0][2]:
            _note_spans(lines, parts, found)
            if all(end >= later_end for (_, _, later_end) in parts[1:]):  # as long as a line that is cut
                _note_spans(lines, parts, found, (_TOKENS,))
                _note_spans(lines, [(number, start, end), *parts[1:]], found, _VALUES)
    return found


def _note_spans(
    lines: Sequence[str],
    parts: Sequence[tuple[int, int, int]],
    found: dict[int, list[tuple[int, int]]],
    forms: Sequence[re.Pattern[str]] = (_OF_SERVICES,),
) -> None:
    """``forms``: masked is what follows their first group, or all of them without one."""
    text = "".join(lines[number][start:end] for number, start, end in parts)
    if len(text) < SHORTEST:
        return
    for match in (match for form in forms for match in form.finditer(text)):
        begin_at = match.end(1) if match.re.groups else match.start()
        offset = 0
        spans = []
        for number, start, end in parts:
            first, last = max(begin_at - offset, 0), min(match.end() - offset, end - start)
            if first < last:
                spans.append((number, start + first, start + last))
            offset += end - start
        if len(spans) > 1:
            for number, begin, stop in spans:
                found.setdefault(number, []).append((begin, stop))


def _inner(line: str) -> tuple[int, int]:
    """Where a line's text begins and ends inside its frame."""
    end = len(line.rstrip(_AFTER))
    before = _BEFORE.match(line, 0, end)
    return (before.end() if before is not None else 0), end


def _masked(line: str, spans: Sequence[tuple[int, int]]) -> str:
    kept, at = "", 0
    for start, end in sorted(spans):
        if end > at:
            kept += line[at : max(start, at)] + (MASK if start >= at else "")
            at = end
    return kept + line[at:]
