"""Text from a screen or a transcript made fit to keep: secrets masked, and how much context is left taken out."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

MASK = "[masked]"

_STYLE = re.compile(r"\x1b\[[0-9;:]*m")

_SECRETS = re.compile(
    r"\bsk-[A-Za-z0-9_-]{16,}"
    r"|\bgh[pousr]_[A-Za-z0-9]{20,}|\bgithub_pat_[A-Za-z0-9_]{20,}|\bglpat-[A-Za-z0-9_-]{16,}"
    r"|\bxox[abprs]-[A-Za-z0-9-]{10,}|\bAKIA[A-Z0-9]{16}\b|\bAIza[A-Za-z0-9_-]{30,}|\bnpm_[A-Za-z0-9]{30,}"
    r"|\beyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]+"
    r"|https://(?:[a-z]+\.)?discord(?:app)?\.com/api/webhooks/\S+|https://hooks\.slack\.com/\S+"
    r"|-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----"
)
_NAMED = re.compile(
    r"(?i)\b([a-z0-9_]{0,40}(?:api_?key|token|secret|passwd|password|authorization)[\"']?"
    r"[ ]?[:=][ ]?(?:bearer )?[\"']?)[^\s\"']{6,}"
)
_IN_URL = re.compile(r"(?<=://)[^\s/@:]{1,200}:[^\s/@]{1,200}(?=@)")
_CONTEXT = re.compile(
    r"(?i)\bcontext (?:left|low|remaining)\b[^│|·\n]{0,60}?\d{1,3} ?%[^│|·\n]{0,30}"
    r"|\b\d{1,3} ?% (?:of )?(?:the )?(?:context|until auto-?compact)[a-z -]{0,30}"
    r"|\bcontext(?: window)?(?: used)?[: ]{1,3}\d{1,3} ?%(?: (?:used|left|full))?"
    r"|\bcontext (?:left|remaining)\b[^│|·\n]{0,60}"
)


def redact(text: str) -> str:
    """The text with secrets masked and every report of remaining context removed."""
    text = _SECRETS.sub(MASK, text)
    text = _NAMED.sub(rf"\1{MASK}", text)
    return _CONTEXT.sub("", _IN_URL.sub(MASK, text))


def redact_lines(lines: Iterable[str]) -> list[str]:
    """Each line redacted by itself. A line with something to hide loses its colours: they may stand in its midst."""
    return [_redact_line(line) for line in lines]


@lru_cache(maxsize=16384)
def _redact_line(line: str) -> str:
    plain = _STYLE.sub("", line)
    hidden = redact(plain)
    return line if hidden == plain else hidden
