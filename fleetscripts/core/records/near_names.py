"""Suggests names for one that does not exist."""

from __future__ import annotations

from collections.abc import Iterable

LIKE = 0.7
MOST = 3
MOST_LISTED = 16


def instead_of(name: str, known: Iterable[str], most: int = MOST_LISTED) -> str:
    """``did you mean …?`` if some are alike, else all of them, in the order given; of more than ``most`` the first."""
    names = list(known)
    near = _like(name, names)[:MOST]
    more = f", … ({len(names)} in all)" if len(names) > most else ""
    return f"did you mean {' or '.join(near)}?" if near else f"there are: {', '.join(names[:most])}{more}"


def _like(name: str, names: list[str]) -> list[str]:
    """Those that begin or end with it, then those spelt alike."""
    from difflib import get_close_matches

    wanted = name.lower().replace("-", "_")
    parts = {known: known.lower().replace("-", "_").replace(".", "_") for known in names}
    within = [known for known, words in parts.items() if wanted and f"_{wanted}_" in f"_{words}_"]
    spelt = {words: known for known, words in reversed(parts.items())}
    return list(dict.fromkeys([*within, *(spelt[words] for words in get_close_matches(wanted, spelt, MOST, LIKE))]))
