"""Hosts' explicit questions to GitHub, answered here: with this machine's login, each once."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from fleetscripts.adapters.github.github_problems import GitHubProblem, ProblemKind
from fleetscripts.adapters.github.open_pulls import Place
from fleetscripts.adapters.records.locks import hold
from fleetscripts.config import Settings
from fleetscripts.core.gates.repository_name import from_slug
from fleetscripts.core.hosts.packed_json import unpacked_json
from fleetscripts.core.hosts.wire import CALL_ID, unpacked
from fleetscripts.core.records.record_edit import is_branch_name
from fleetscripts.core.records.sanitize import sanitize, sanitize_lines
from fleetscripts.core.records.typed_json import typed
from fleetscripts.core.reports.pull_text import LONGEST_OBJECTIVE, MOST_OF_A_TITLE
from fleetscripts.dataclass import dataclass
from fleetscripts.errors import FleetError, Refusal
from fleetscripts.fleet import Fleet
from fleetscripts.pull_request import PullKey
from fleetscripts.schema import WrongShape
from fleetscripts.services.central.questions import WAIT_SECONDS
from fleetscripts.services.hosts.mirrors import read_mirror
from fleetscripts.services.hosts.registry import Host
from fleetscripts.services.links.facts import QUESTIONS
from fleetscripts.services.links.pulls_for_hosts import servers_asked
from fleetscripts.services.links.telling import problem_members, tell_host
from fleetscripts.services.pulls.named_questions import KINDS, MakePull, OpenPulls, Question, ReadLog, answered_for_host
from fleetscripts.services.single_instance.single_instance import loop_runs

ANSWERS = "answers.json"
MOST_REMEMBERED = 20
MOST_OPEN = 20
"""Per host and time."""

EVERY_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class HostQuestion:
    """One question of a host, as it came."""

    id: str
    told: str


def asked_by_name(facts: Mapping[str, Any]) -> list[HostQuestion]:
    """The host's questions; invalid ones are left out."""
    listed = facts.get(QUESTIONS)
    pairs = [one for one in (listed if isinstance(listed, list) else [])[:MOST_OPEN] if isinstance(one, list)]
    texts = [one for one in pairs if len(one) == 2 and all(isinstance(text, str) for text in one)]
    return [HostQuestion(*one) for one in texts if CALL_ID.fullmatch(one[0])]


def answer_host(settings: Settings, fleet: Fleet, host: Host, asked: HostQuestion) -> None:
    """Answer it and send the answer to the host. The answer is stored first: asked again, it is sent without doing
    anything."""
    files = host.files(settings)
    with hold(settings.locks / f"questions-{host.name}.lock", WAIT_SECONDS):
        known = files.read(ANSWERS)
        if asked.id not in known:
            known[asked.id] = _answered(settings, fleet, asked)
            files.write(ANSWERS, dict(list(known.items())[-MOST_REMEMBERED:]))
    tell_host(settings, host, {"answers": [{"id": asked.id, **known[asked.id]}]})


@contextmanager
def answering(settings: Settings, fleet: Fleet, host: Host, say: Callable[[str], None]) -> Iterator[None]:
    """Answer questions from there meanwhile, if no loop does."""
    ended, answered = threading.Event(), set()

    def answer() -> None:
        while not ended.wait(EVERY_SECONDS):
            try:
                for asked in asked_by_name(read_mirror(host.files(settings))[0].facts):
                    if asked.id not in answered and not loop_runs(settings):
                        answered.add(asked.id)
                        answer_host(settings, fleet, host, asked)
            except FleetError as error:
                say(sanitize(str(error)))

    thread = threading.Thread(target=answer, name="answering", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def _answered(settings: Settings, fleet: Fleet, asked: HostQuestion) -> dict[str, Any]:
    try:
        return {"answer": answered_for_host(settings, _question(settings, fleet, asked.told))}
    except GitHubProblem as problem:
        return {"problem": problem_members(problem)}
    except FleetError as error:
        return {"problem": problem_members(GitHubProblem(ProblemKind.UNEXPECTED, sanitize(str(error))))}


def _question(settings: Settings, fleet: Fleet, told: str) -> Question:
    """The allowed question; raises WrongShape or Refusal for others.

    A host decides what is asked, not whom: a server that this machine does not work with would be sent a login."""
    said = unpacked_json(unpacked(told))
    kind = next((kind for kind, one in KINDS.items() if isinstance(said, dict) and one.name == said.get("what")), None)
    if kind is None:
        raise WrongShape(f"what: expected one of {', '.join(one.name for one in KINDS.values())}")
    question: Question = typed("question", kind, {name: one for name, one in said.items() if name != "what"})
    place = question.place if isinstance(question, OpenPulls | MakePull) else question.key
    _require_known(place, servers_asked(settings, fleet))
    if isinstance(question, ReadLog) and question.job <= 0:
        raise Refusal("expected the number of a job")
    if isinstance(question, OpenPulls):
        _require_names(question.owner, question.branch)
    elif isinstance(question, MakePull):
        pull = question.pull
        _require_names(pull.head_owner, pull.branch, pull.base)
        title, body = sanitize(pull.title)[:MOST_OF_A_TITLE], sanitize_lines(pull.body)
        if not title or len(body) > 2 * LONGEST_OBJECTIVE:
            raise Refusal("expected a title and a text that GitHub takes for a pull request")
        return replace(question, pull=replace(pull, title=title, body=body))
    return question


def _require_known(place: Place | PullKey, servers: frozenset[str]) -> None:
    if place.host not in servers:
        raise Refusal(
            f"nothing is asked of {sanitize(place.host)[:100]}: name it in github_servers of config.toml there"
        )
    if from_slug(f"{place.owner}/{place.name}") is None:
        raise Refusal("expected a repository's owner and name")
    if isinstance(place, PullKey) and place.number <= 0:
        raise Refusal("expected the number of an issue or a pull request")


def _require_names(owner: str, *branches: str) -> None:
    if from_slug(f"{owner}/any") is None or not all(map(is_branch_name, branches)):
        raise Refusal("expected an owner's name and branches that git takes")
