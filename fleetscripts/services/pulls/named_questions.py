"""Explicit questions to GitHub, for opening a pull request, reading an issue or explaining a failed check: asked by
this user's gh, or on a host by its central, with the same answer."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any, TypeVar

from fleetscripts.adapters.github.gh import Gh
from fleetscripts.adapters.github.github_problems import GitHubProblem
from fleetscripts.adapters.github.issues import Issue, read_issue
from fleetscripts.adapters.github.open_pulls import NewPull, Offer, Offers, Place, create, offers
from fleetscripts.config import Settings
from fleetscripts.core.gates.failed_log import failed_steps, printed_as
from fleetscripts.core.records.typed_json import typed
from fleetscripts.dataclass import dataclass
from fleetscripts.pull_request import PullKey
from fleetscripts.services.central.central import has_central
from fleetscripts.services.central.questions import WAIT_SECONDS, ask_central
from fleetscripts.services.pulls.pull_reading import own_github

Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class OpenPulls:
    """Which are open for this branch of that owner's?"""

    place: Place
    owner: str
    branch: str


@dataclass(frozen=True, slots=True)
class MakePull:
    """Make this one."""

    place: Place
    pull: NewPull


@dataclass(frozen=True, slots=True)
class ReadIssue:
    """What does the issue say?"""

    key: PullKey


@dataclass(frozen=True, slots=True)
class ReadLog:
    """What did the failed steps of this job print?"""

    key: PullKey
    job: int


@dataclass(frozen=True, slots=True)
class Log:
    """As gh prints it."""

    printed: str


Question = OpenPulls | MakePull | ReadIssue | ReadLog


@dataclass(frozen=True, slots=True)
class QuestionKind:
    """A kind of question. ``here``: how gh answers it; ``for_host``: the same for another machine, which may repeat a
    completed request, and is sent no more than it can use."""

    name: str
    answer: type[Any]
    here: Callable[[Gh, Any], Any]
    for_host: Callable[[Gh, Any], Any]


def _offers(gh: Gh, asked: OpenPulls) -> Offers:
    return offers(gh, asked.place, asked.owner, asked.branch)


def _make(gh: Gh, asked: MakePull) -> Offer:
    """Create one; if it was already created and the answer was lost, return that one."""
    try:
        return create(gh, asked.place, asked.pull)
    except GitHubProblem as problem:
        try:
            found = offers(gh, asked.place, asked.pull.head_owner, asked.pull.branch).open
        except GitHubProblem:
            raise problem from None
        if not found:
            raise
        return found[0]


def _find_or_make(gh: Gh, asked: MakePull) -> Offer:
    found = offers(gh, asked.place, asked.pull.head_owner, asked.pull.branch).open
    return found[0] if found else _make(gh, asked)


def _issue(gh: Gh, asked: ReadIssue) -> Issue:
    return read_issue(gh, asked.key)


def _log(gh: Gh, asked: ReadLog) -> Log:
    return Log(gh.failed_log(asked.key, asked.job))


def _end_of_log(gh: Gh, asked: ReadLog) -> Log:
    return Log(printed_as(failed_steps(_log(gh, asked).printed)))


KINDS: Mapping[type[Any], QuestionKind] = {
    OpenPulls: QuestionKind("open-pulls", Offers, _offers, _offers),
    MakePull: QuestionKind("make-pull", Offer, _make, _find_or_make),
    ReadIssue: QuestionKind("read-issue", Issue, _issue, _issue),
    ReadLog: QuestionKind("read-log", Log, _log, _end_of_log),
}


def ask_by_name(
    settings: Settings, question: Question, answer: type[Answer], most_seconds: float | None = None
) -> Answer:
    """GitHub's answer; raises GitHubProblem."""
    kind = KINDS[type(question)]
    if not has_central(settings):
        found: Answer = kind.here(own_github(settings, os.environ, most_seconds).gh, question)
        return found
    said = ask_central(settings, kind.name, asdict(question), min(WAIT_SECONDS, most_seconds or WAIT_SECONDS))
    return typed("the central's answer", answer, said)


def answered_for_host(settings: Settings, question: Question) -> dict[str, Any]:
    """GitHub's answer by this machine's gh, to be sent; raises GitHubProblem. An existing pull request is not created
    again."""
    return asdict(KINDS[type(question)].for_host(own_github(settings, os.environ).gh, question))
