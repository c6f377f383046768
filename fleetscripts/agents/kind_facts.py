"""The parts of an agent kind's facts, and what no kind can mean by them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from enum import StrEnum
from typing import Any

from fleetscripts.dataclass import dataclass

UUID = r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
"""The ids of most clients' conversations."""


class Shown(StrEnum):
    """What a pane shows when a key ends its client, or leads there."""

    EMPTY_BOX = "empty box"
    LIMIT_MENU = "limit menu"


@dataclass(frozen=True, slots=True)
class EndingKey:
    """One key towards a client's exit, by tmux's name. ``shows``: what its pane must show for it."""

    shows: Shown
    key: str


@dataclass(frozen=True, slots=True)
class Home:
    """The user's folder of a client. ``setting``: ours for it. ``variable``: the client's own. ``conversations``: the
    part of it shared by all accounts; empty: it has none, and a conversation stays on its account."""

    setting: str
    variable: str
    default: str
    conversations: str


@dataclass(frozen=True, slots=True)
class AccountVariables:
    """Names of variables that give a client its account.

    ``tokens``: provider → the variable for its token. ``descriptors``: variable of a token → the one for a file
    descriptor from which the client reads it, so that neither its environment nor its tools' holds the token.
    ``switches``: provider → the variables that select it. ``own_login``: those that the user's own login may depend
    on."""

    tokens: Mapping[str, tuple[str, ...]]
    descriptors: Mapping[str, str]
    switches: Mapping[str, str]
    own_login: frozenset[str]

    @property
    def credentials(self) -> frozenset[str]:
        """What would override an account's own token, or be billed in its place."""
        return frozenset({name for names in self.tokens.values() for name in names} | set(self.descriptors.values()))


@dataclass(frozen=True, slots=True)
class ReadOnly:
    """The launch of a client that can change nothing: its permission mode, and further arguments. Neither: it has no
    such launch, and reviews nothing."""

    permission_mode: str
    words: tuple[str, ...] = ()

    @property
    def is_possible(self) -> bool:
        """Whether it can be launched so."""
        return bool(self.permission_mode or self.words)


def problem_in(kind: Any) -> str:
    """The first fact of an ``AgentKind`` that cannot be meant, with what was expected; empty if there is none.

    What takes a regular expression to find is left to the tests: this runs at every start."""
    return next(_problems(kind), "")


def _problems(kind: Any) -> Iterator[str]:
    for fact in ("title", "rules", "session_id"):
        if not getattr(kind, fact):
            yield f"{fact}: expected a text, found none"
    for fact in ("commands", "launch_words"):
        if not getattr(kind, fact) or "" in getattr(kind, fact):
            yield f"{fact}: expected names of programs, found {getattr(kind, fact)}"
    if not _are_names((kind.name, kind.home.setting, kind.home.variable)):
        yield f"name, home: expected words that a setting and a variable can have, found {kind.name!r}, {kind.home}"
    if not kind.home.default.startswith(("~/", "/")):
        yield f"home.default: expected a path that begins with ~/ or /, found {kind.home.default!r}"
    if not _are_names(_variables(kind)):
        yield f"expected names of environment variables, found {sorted(set(_variables(kind)))}"
    if kind.session_mark and kind.session_mark not in kind.outer_session:
        yield f"session_mark: expected one of outer_session, found {kind.session_mark!r}"
    if kind.resume_hint and "(?P<session>" not in kind.resume_hint:
        yield f"resume_hint: expected a pattern with the group session, found {kind.resume_hint!r}"
    if kind.queued_row and "(?P<text>" not in kind.queued_row:
        yield f"queued_row: expected a pattern with the group text, found {kind.queued_row!r}"
    if kind.queued_row and not kind.queue_key:
        yield "queue_key: expected the key that queues a text, since queued_row says how one is shown; found none"
    inside = (*kind.runs_code, *kind.steering, *kind.sub_worktrees, *kind.program_folders)
    for path in (*inside, *filter(None, (kind.home.conversations,))):
        if path in ("", ".", "./") or path.startswith("/") or ".." in path.split("/"):
            yield f"expected paths inside a worktree or a home, found {path!r}"


def _variables(kind: Any) -> tuple[str, ...]:
    accounts = kind.accounts
    return (*kind.passed_on, *kind.outer_session, *accounts.credentials, *accounts.switches.values())


def _are_names(texts: Iterable[str]) -> bool:
    return all(text.isascii() and text.isidentifier() for text in texts)
