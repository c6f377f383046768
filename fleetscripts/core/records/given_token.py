"""Whether a token given for an account may be stored on several machines."""

from __future__ import annotations

from fleetscripts.pattern import pattern

MOST_CHARACTERS = 8192
MAKE_ONE = "make a long-lived one with the client's setup-token"

_REFRESH = pattern(r"sk-ant-ort\d\d-.*|rt[_.][A-Za-z0-9_.-]{16,}")
"""A token that each use exchanges for the next one, as in clients' log-ins."""

_SHORT = pattern(r"eyJ[A-Za-z0-9_-]*\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*")
"""A JSON Web Token, which expires within hours or days."""


def token_problem(text: str) -> str:
    """What is wrong with it, without quoting it; empty if nothing is."""
    text = text.strip()
    if not text:
        return "expected a token on standard input, found nothing"
    if text[0] in "{[" or "refresh" in text.lower():
        return (
            "expected a token alone, found a credentials file: its refresh token on two machines logs both out; "
            f"{MAKE_ONE}"
        )
    if len(text) > MOST_CHARACTERS or not text.isascii() or not text.isprintable() or any(map(str.isspace, text)):
        return "expected one word as a token, found more"
    if _REFRESH.fullmatch(text):
        return f"this is a refresh token, and on two machines it logs both out: {MAKE_ONE}"
    if _SHORT.fullmatch(text):
        return f"this token ends within hours, and only its own machine can renew it: {MAKE_ONE}"
    return ""
