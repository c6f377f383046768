"""Whether a resolved review thread was really answered: its last words must name a commit that did something."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import PurePosixPath

from fleetscripts.dataclass import dataclass
from fleetscripts.pattern import pattern
from fleetscripts.pull_request import GHOST, Comment, CommitFacts, Thread

_HASH = pattern(r"(?<![0-9a-zA-Z_])[0-9a-f]{7,40}(?![0-9a-zA-Z_])")
_COURTESY = pattern(
    r"\W*(?:thanks?(?: you)?(?: so much)?|thx|ty|great|perfect|nice|awesome|lgtm|looks good(?: to me)?|\+1|done!?)?\W*",
    re.IGNORECASE,
)
"""Only such words, or only signs and emoji."""
MOST_HASHES = 10
"""In one comment."""
_COURTESY_MOST = 40
_DISMISSAL = pattern(r"\W*(?:acknowledged|same as above|accepted(?: trade-?off)?|deferred|won'?t fix)\b", re.IGNORECASE)
_FIX = pattern(r"\b(?:fix|remov|address|appli|chang|mov|renam|replac|implement|correct|done|add)\w* ", re.IGNORECASE)
"""A dismissal that names a commit is still one, unless its words also say that something was done."""


@dataclass(frozen=True, slots=True)
class FakeResolution:
    """A resolved thread without evidence of a fix, with the reason in words."""

    thread_id: str
    path: str
    line: int | None
    resolved_by: str
    reason: str

    def __str__(self) -> str:
        place = f"{self.path}:{self.line}" if self.line else self.path
        return f"{place} (thread {self.thread_id}, resolved by {self.resolved_by or 'nobody known'}): {self.reason}"


def last_words(thread: Thread, author: str = "") -> Comment | None:
    """The last comment of substance: not a "thanks" after the answer, nor a bot's reply, unless the bot is the pull
    request's author. The opening comment is no answer."""
    for comment in reversed(thread.comments):
        if comment.at <= thread.opened_at and comment is thread.comments[0]:
            return None
        if comment.is_bot and not is_same_account(comment.author, author):
            continue
        if not (len(comment.body) <= _COURTESY_MOST and _COURTESY.fullmatch(comment.body)):
            return comment
    return None


def claimed_hashes(thread: Thread, author: str = "") -> tuple[str, ...]:
    """What looks like a commit's hash in the thread's last words."""
    words = last_words(thread, author)
    return tuple(dict.fromkeys(_HASH.findall(words.body)))[:MOST_HASHES] if words else ()


def is_settled(thread: Thread, author: str) -> bool:
    """Whether its opener also resolved it; the pull request's author cannot settle his own question."""
    by = thread.resolved_by
    known = thread.resolved and by not in ("", GHOST)
    return known and is_same_account(by, thread.opened_by) and not is_same_account(by, author)


def is_same_account(one: str, other: str) -> bool:
    """GitHub writes a bot's name with ``[bot]`` in some places, without in others."""
    return one.removesuffix("[bot]").lower() == other.removesuffix("[bot]").lower()


def judge_resolution(thread: Thread, facts: Mapping[str, CommitFacts], author: str = "") -> FakeResolution | None:
    """None for a thread that is unresolved, settled by its opener, or really fixed.

    ``facts``: hash as written → what git knows; a hash that git does not know on this branch is not in it. ``author``:
    the pull request's."""
    if not thread.resolved or is_settled(thread, author):
        return None
    words = last_words(thread, author)
    if words is None:
        return _fake(thread, "resolved without an answer")
    hashes = claimed_hashes(thread, author)
    known = [facts[name] for name in hashes if name in facts]
    dismissed = _DISMISSAL.match(words.body)
    if not hashes:
        return _fake(thread, "its last words dismiss it, no commit is named" if dismissed else "no commit is named")
    if dismissed and not _FIX.search(words.body[dismissed.end() :]):
        return _fake(thread, "its last words dismiss it, a commit named beside does not change that")
    if not known:
        return _fake(thread, f"{hashes[0]} is no commit on this pull request's branch")
    later = [commit for commit in known if not _too_old(thread, commit)]
    if not later:
        return _fake(thread, _too_old(thread, known[0]))
    if not any(_is_about(thread, commit, words.body) for commit in later):
        return _fake(thread, f"{later[0].oid[:10]} does not touch {thread.path}, and nothing says where the fix went")
    return None


def _too_old(thread: Thread, commit: CommitFacts) -> str:
    """Why the commit cannot be an answer; empty if it can. By what was reviewed, else by the time."""
    if commit.reviewed:
        return f"{commit.oid[:10]} was there already when the thread was opened"
    is_older = commit.reviewed is None and commit.at < thread.opened_at
    return f"{commit.oid[:10]} is older than the thread" if is_older else ""


def _is_about(thread: Thread, commit: CommitFacts, words: str) -> bool:
    """Whether the commit touches the thread's file, or one that the words name instead."""
    if thread.path in commit.paths:
        return True
    return any(path in words or _names_file(words, path) for path in commit.paths)


def _names_file(words: str, path: str) -> bool:
    name = PurePosixPath(path).name
    return "." in name and len(name) > 4 and re.search(rf"(?<![\w./-]){re.escape(name)}(?![\w-])", words) is not None


def _fake(thread: Thread, reason: str) -> FakeResolution:
    return FakeResolution(thread.id, thread.path, thread.line, thread.resolved_by, reason)
