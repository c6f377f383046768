"""How GitHub is asked: together, one at a time, on the right host, and not at all while a limit is on."""

from __future__ import annotations

import itertools
import json
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from fleetscripts.adapters.github.github_problems import LIMITS as ASKED_LATER
from fleetscripts.adapters.github.github_problems import GitHubProblem, ProblemKind
from fleetscripts.errors import FleetError
from fleetscripts.fleet import Agent, Fleet
from fleetscripts.models import Action, ActionKind
from fleetscripts.pull_request import PullKey, PullRequest
from fleetscripts.services.actions.case import Case
from fleetscripts.services.actions.verify_done import verify_again, verify_agent
from fleetscripts.services.context import load_fleet
from fleetscripts.services.pulls.pull_reading import CyclePulls, github, keys_of, pull_key
from tests.conftest import RunScript
from tests.fake_github.hub import Branches, Work, branches
from tests.places import BUNDLE, GitRepo, environment

pytestmark = pytest.mark.skipif(shutil.which("gh") is None, reason="gh is not installed")

ABUSE = {"http": {"status": 403, "body": {"code": "abuse"}}}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Branches:
    return branches(tmp_path_factory.mktemp("hub") / "git", 10)


@pytest.fixture
def ten(built: Branches, home: Path, tmp_path: Path) -> Work:
    """Ten agents that say they have finished, each with a pull request."""
    (home / "fleet").mkdir()
    (home / "fleet" / "config.toml").write_text("notify_desktop = false\ngithub_timeout_seconds = 30\n")
    return built.work(home, tmp_path / "gh.sock")


def verify_all_at_once(work: Work) -> list[tuple[int, str]]:
    """Ten processes, started together; exit code and output of each."""
    main = [sys.executable, "-I", str(BUNDLE / "fleetscripts" / "__main__.py"), "verify-complete"]
    started = [
        subprocess.Popen(
            [*main, agent["window"]], env=environment(dict(work.environment)), stdout=subprocess.PIPE, text=True
        )
        for agent in work.agents
    ]
    return [(process.wait(timeout=180), process.communicate()[0]) for process in started]


def test_ten_processes_at_a_secondary_limit_make_one_request(ten: Work) -> None:
    with ten.serve({11: {}}) as hub:
        hub.situation.update(ABUSE)
        ended = verify_all_at_once(ten)
    assert hub.requests == 1
    assert {code for code, _ in ended} == {1}
    assert all("secondary rate limit is reached; asked again after" in said for _, said in ended)


def test_ten_processes_without_a_limit_all_get_their_answer(ten: Work) -> None:
    with ten.serve({11 + number: {} for number in range(10)}) as hub:
        ended = verify_all_at_once(ten)
    assert ({code for code, _ in ended}, hub.requests) == ({0}, 10)


def test_ten_processes_at_a_silent_github_wait_for_it_once(ten: Work, home: Path) -> None:
    (home / "fleet" / "config.toml").write_text("notify_desktop = false\ngithub_timeout_seconds = 8\n")
    with ten.serve({11: {}}) as hub:
        hub.situation.update({"http": {"hang": True}})
        ended = verify_all_at_once(ten)
    assert (hub.requests, {code for code, _ in ended}) == (1, {1})
    assert all("GitHub did not answer within 8 seconds; asked again after" in said for _, said in ended)


def cycle(work: Work, monkeypatch: pytest.MonkeyPatch) -> tuple[Any, Fleet]:
    for name, value in work.environment.items():
        monkeypatch.setenv(name, str(value))
    return load_fleet(os.environ)


def test_the_agents_of_a_cycle_share_one_request(ten: Work, monkeypatch: pytest.MonkeyPatch) -> None:
    settings, fleet = cycle(ten, monkeypatch)
    reading, found = CyclePulls(), {}

    def verify(key: PullKey) -> None:
        found[key] = reading.reader(fleet, settings)(key)

    with ten.serve({11 + number: {} for number in range(10)}) as hub:
        threads = [threading.Thread(target=verify, args=(key,)) for key in keys_of(fleet.agents, fleet)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert hub.requests == 1
        assert sorted(key.number for key in found) == list(range(11, 21))
        assert all(isinstance(pull, PullRequest) for pull in found.values())
        reading.reader(fleet, settings)(keys_of(fleet.agents, fleet)[0])
        assert hub.requests == 2, "what was read serves each of them once"


def test_what_was_read_too_long_ago_is_read_anew(ten: Work, monkeypatch: pytest.MonkeyPatch) -> None:
    settings, fleet = cycle(ten, monkeypatch)
    first, second, *_ = keys_of(fleet.agents, fleet)
    now = [100.0]
    reading = CyclePulls(clock=lambda: now[0])
    with ten.serve({11 + number: {} for number in range(10)}) as hub:
        reading.reader(fleet, settings)(first)
        now[0] += 11
        reading.reader(fleet, settings)(second)
        assert hub.requests == 2
        reading.reader(replace(fleet, last_poll_at=5), settings)(first)
        assert hub.requests == 3, "another cycle reads anew"


def test_one_broken_pull_request_spoils_no_other(ten: Work, monkeypatch: pytest.MonkeyPatch) -> None:
    settings, fleet = cycle(ten, monkeypatch)
    wanted = keys_of(fleet.agents, fleet)
    reading = CyclePulls()
    with ten.serve({11 + number: {} for number in range(10) if number != 4}) as hub:
        found = {key.number: reading.reader(fleet, settings)(key) for key in wanted}
        assert hub.requests == 1
    broken = found.pop(15)
    assert isinstance(broken, GitHubProblem)
    assert "Could not resolve to a PullRequest" in str(broken)
    assert all(isinstance(pull, PullRequest) for pull in found.values())


@pytest.mark.parametrize(
    ("instead", "requests", "read"),
    [
        ({"to_request": 1, "status": 502}, 11, 10),
        ({"to_request": 1, "body": {"errors": [{"type": "MAX_NODE_LIMIT_EXCEEDED", "message": "Too much."}]}}, 11, 10),
        ({"status": 502}, 2, 0),
        ({"body": "no JSON, whatever its type says"}, 2, 0),
        ({"status": 401}, 1, 0),
    ],
)
def test_what_is_too_much_at_once_is_asked_singly(
    ten: Work, monkeypatch: pytest.MonkeyPatch, instead: dict[str, Any], requests: int, read: int
) -> None:
    settings, fleet = cycle(ten, monkeypatch)
    with ten.serve({11 + number: {} for number in range(10)}) as hub:
        hub.situation.update({"http": instead})
        found = github(settings).pull_requests(keys_of(fleet.agents, fleet))
    assert hub.requests == requests
    assert [isinstance(pull, PullRequest) for pull in found.values()].count(True) == read
    assert len(found) == 10


SLOW_DOWN = "You have exceeded a secondary rate limit. Please wait a few minutes before you try again."
EXCEEDED = "API rate limit exceeded for user ID 1."


def graphql(**error: Any) -> dict[str, Any]:
    return {"errors": [error]}


LIMITS: Mapping[str, dict[str, Any]] = {
    "type RATE_LIMIT": {"body": graphql(type="RATE_LIMIT", code="graphql_rate_limit", message=EXCEEDED)},
    "type RATE_LIMITED": {"body": graphql(type="RATE_LIMITED", message="wait")},
    "code graphql_rate_limit": {"body": graphql(code="graphql_rate_limit", message="wait")},
    "code in the extensions": {"body": graphql(extensions={"code": "RATE_LIMITED"}, message="wait")},
    "code at the top": {"body": {"code": "graphql_rate_limit", "message": "wait"}},
    "status 200 with the secondary limit's words as an error": {"body": graphql(message=SLOW_DOWN)},
    "status 200 with the secondary limit's words at the top": {"body": {"message": SLOW_DOWN}},
    "status 200 with the primary limit's words": {"body": graphql(message=EXCEEDED)},
    "status 200 with words that are no JSON": {"headers": {"content-type": "text/plain"}, "body": SLOW_DOWN},
    "status 200 with a page": {"body": f"<html>{SLOW_DOWN}</html>"},
    "too quickly": {"body": graphql(type="UNPROCESSABLE", message="was submitted too quickly")},
    "a limit among other errors": {"body": {"errors": [{"message": "x"}, {"type": "RATE_LIMIT", "message": "y"}]}},
    "a single error": {"body": {"errors": {"type": "RATE_LIMIT", "message": "y"}}},
    "a limit beside the data of one part": {
        "body": {"data": {"p0": None}, "errors": [{"type": "RATE_LIMITED", "path": ["p0"], "message": "y"}]}
    },
    "nothing remains, beside an error": {
        "headers": {"x-ratelimit-remaining": "0"}, "reset_in": 600, "body": graphql(message="Something went wrong.")
    },
    "nothing remains, 403": {
        "status": 403, "headers": {"x-ratelimit-remaining": "0"}, "reset_in": 600, "body": {"message": "no"}
    },
    "403 in words": {"status": 403, "body": {"message": EXCEEDED}},
    "403 with the abuse code": {"status": 403, "body": {"code": "abuse"}},
    "403 with retry-after": {"status": 403, "headers": {"retry-after": "60"}, "body": {"message": "no"}},
    "403 with retry-after as a date": {
        "status": 403, "headers": {"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}, "body": {"message": "no"}
    },
    "403 with a page": {"status": 403, "body": f"<html>{SLOW_DOWN}</html>"},
    "429 without a word": {"status": 429},
    "429 in words": {"status": 429, "body": {"message": "Too Many Requests"}},
    "503 with retry-after": {"status": 503, "headers": {"retry-after": "120"}},
    "502 with the words": {"status": 502, "body": {"message": SLOW_DOWN}},
    "400 with the words": {"status": 400, "body": {"message": SLOW_DOWN}},
}  # fmt: skip


@pytest.mark.parametrize("instead", LIMITS.values(), ids=LIMITS)
def test_a_limit_in_any_spelling_is_met_by_one_request(
    ten: Work, monkeypatch: pytest.MonkeyPatch, instead: dict[str, Any]
) -> None:
    settings, fleet = cycle(ten, monkeypatch)
    wanted = keys_of(fleet.agents, fleet)
    with ten.serve({11 + number: {} for number in range(10)}) as hub:
        hub.situation.update({"http": instead})
        said = [*github(settings).pull_requests(wanted).values(), *github(settings).pull_requests(wanted).values()]
    assert hub.requests == 1
    assert all(isinstance(one, GitHubProblem) and one.kind in ASKED_LATER for one in said), said
    until = json.loads((settings.fleet_home / "github-budget.json").read_text())["github.com"][0]
    assert 60 <= until - time.time() + 5 <= 7205


NO_LIMITS: Mapping[str, dict[str, Any]] = {
    "a repository of that name": {"body": graphql(type="NOT_FOUND", message=f"no '{SLOW_DOWN}'")},
    "another error": {"headers": {"x-ratelimit-remaining": "4999"}, "body": graphql(message="Something went wrong.")},
    "too heavy a query": {
        "body": graphql(type="RESOURCE_LIMITS_EXCEEDED", message="Resource limits for this query exceeded.")
    },
    "no permission": {"status": 403, "body": {"message": "Resource not accessible by integration"}},
}


@pytest.mark.parametrize("instead", NO_LIMITS.values(), ids=NO_LIMITS)
def test_what_only_resembles_a_limit_is_none(
    ten: Work, monkeypatch: pytest.MonkeyPatch, instead: dict[str, Any]
) -> None:
    settings, fleet = cycle(ten, monkeypatch)
    wanted = keys_of(fleet.agents, fleet)[:1]
    with ten.serve({11: {}}) as hub:
        hub.situation.update({"http": instead})
        for _ in range(2):
            (found,) = github(settings).pull_requests(wanted).values()
            assert isinstance(found, GitHubProblem)
            assert found.kind not in ASKED_LATER
    assert hub.requests == 2


def test_a_pull_request_that_speaks_of_limits_is_read(ten: Work, monkeypatch: pytest.MonkeyPatch) -> None:
    settings, fleet = cycle(ten, monkeypatch)
    with ten.serve({11: {"pull": {"title": SLOW_DOWN, "body": EXCEEDED}}}):
        (found,) = github(settings).pull_requests(keys_of(fleet.agents, fleet)[:1]).values()
    assert isinstance(found, PullRequest)


def test_the_last_answer_of_an_hour_counts_and_is_the_last(ten: Work, monkeypatch: pytest.MonkeyPatch) -> None:
    settings, fleet = cycle(ten, monkeypatch)
    wanted = keys_of(fleet.agents, fleet)[:1]
    with ten.serve({11: {}}) as hub:
        hub.headers.update({"x-ratelimit-remaining": "0", "x-ratelimit-reset": str(int(time.time()) + 600)})
        (first,) = github(settings).pull_requests(wanted).values()
        (second,) = github(settings).pull_requests(wanted).values()
    assert isinstance(first, PullRequest)
    assert isinstance(second, GitHubProblem)
    assert (second.kind, hub.requests) == (ProblemKind.PRIMARY_LIMIT, 1)


def test_a_long_reading_ends_in_time(ten: Work, monkeypatch: pytest.MonkeyPatch) -> None:
    settings, fleet = cycle(ten, monkeypatch)
    (key, *_) = keys_of(fleet.agents, fleet)
    hub = github(settings)
    hub.clock = itertools.count(0, 120).__next__
    with ten.serve({11: {"many_threads": {"count": 1000}}}) as world:
        found = hub.pull_requests([key])[key]
    assert isinstance(found, GitHubProblem)
    assert "was not read within 300 seconds" in str(found)
    assert world.requests < 5


def test_of_long_comments_only_so_much_is_kept(ten: Work, monkeypatch: pytest.MonkeyPatch) -> None:
    settings, fleet = cycle(ten, monkeypatch)
    (key, *_) = keys_of(fleet.agents, fleet)
    with ten.serve({11: {"threads": [{"words": ["x" * 65536, "y" * 65536]}]}}):
        found = github(settings).pull_requests([key])[key]
    assert isinstance(found, PullRequest)
    assert [len(comment.body) for comment in found.threads[0].comments] == [4000, 4000]


def test_a_run_of_the_loop_asks_once_for_the_whole_fleet(
    ten: Work, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Verification as the loop calls it, one case after the other."""
    settings, fleet = cycle(ten, monkeypatch)
    action = Action("", "", "verify", ActionKind.RECOVERY, "it says that it has finished", {})
    with ten.serve({11 + number: {} for number in range(10)}) as hub:
        said = [verify_agent(Case(agent, action, fleet, settings, {"HOME": str(home)})) for agent in fleet.agents]
    assert hub.requests == 1
    assert all(line.startswith("every gate holds: pending_evaluation") for line in said), said
    assert {agent["state"] for agent in json.loads((home / "state.json").read_text())["agents"]} == {
        "pending_evaluation"
    }


VERIFY = Action("", "", "verify", ActionKind.RECOVERY, "it says that it has finished", {})
APPROVAL = {"checks": [], "suites": [{"status": "COMPLETED", "conclusion": "ACTION_REQUIRED"}]}


def test_what_only_a_person_can_do_is_told_at_once_and_once(
    ten: Work, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ten.serve({11: APPROVAL}):
        settings, fleet = cycle(ten, monkeypatch)
        first = verify_agent(Case(fleet.agents[0], VERIFY, fleet, settings, {"HOME": str(home)}))
        settings, fleet = load_fleet(os.environ)
        second = verify_agent(Case(fleet.agents[0], VERIFY, fleet, settings, {"HOME": str(home)}))
    assert first.startswith("pending: checks pending: 1 of 1 wait until a person approves them: workflow CI")
    assert ("told of it" in first, "told of it" in second) == (True, False)
    assert "told:" not in first + second, "the agent is not re-briefed"
    assert ten.agent()["state"] == "complete"


AGAIN: Mapping[str, tuple[dict[str, Any], str, str]] = {
    "nothing has changed": ({}, "pending_evaluation", "every gate still holds"),
    "a check was begun": (
        {"suites": [{"created": "now"}]}, "complete", "pending: no longer pending_evaluation: checks pending"
    ),
    "a check failed": ({"checks": [{"name": "ci", "conclusion": "FAILURE"}]}, "complete", "no longer pending_eval"),
    "a thread was opened": ({"threads": [{"resolved": False}]}, "complete", "1 of 1 unresolved"),
    "a conflict came up": ({"pull": {"mergeable": "CONFLICTING"}}, "complete", "conflicts with main"),
    "it was closed": ({"pull": {"state": "CLOSED"}}, "complete", "closed without a merge"),
    "somebody pushed": ({"pull": {"head": "feat/2"}}, "complete", "the worktree is at"),
    "it was merged": ({"pull": {"state": "MERGED", "merged": 900}}, "pending_evaluation", "every gate still holds"),
    "GitHub does not know yet": ({"pull": {"mergeable": "UNKNOWN"}}, "pending_evaluation", "cannot be determined now"),
    "GitHub limits": ({"http": ABUSE["http"]}, "pending_evaluation", "cannot be determined now"),
}  # fmt: skip


@pytest.mark.parametrize(("later", "state", "says"), AGAIN.values(), ids=AGAIN)
def test_what_waits_for_evaluation_is_verified_again(
    ten: Work,
    home: Path,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    later: dict[str, Any],
    state: str,
    says: str,
) -> None:
    runs = tmp_path / "runs"
    ten.record(verify_command=f"echo run >>{runs}")
    settings, fleet = cycle(ten, monkeypatch)
    with ten.serve({11: {}}):
        assert verify_agent(Case(fleet.agents[0], VERIFY, fleet, settings, {"HOME": str(home)})).startswith("every")
    settings, fleet = load_fleet(os.environ)
    with ten.serve({11: later}) as hub:
        hub.situation.update({"http": later["http"]} if "http" in later else {})
        said = verify_again(Case(fleet.agents[0], VERIFY, fleet, settings, {"HOME": str(home)}))
        assert hub.requests == 1
    assert says in said
    assert ten.agent()["state"] == state
    assert runs.read_text() == "run\n", "the verify command runs once for a commit"


REMOTES = [
    ("https://github.com/acme/widget", "acme/widget"),
    ("https://github.com/acme/widget.git", "acme/widget"),
    ("https://user:secret@github.com/acme/widget.git", "acme/widget"),
    ("http://github.com/acme/widget/", "acme/widget"),
    ("git@github.com:acme/widget.git", "acme/widget"),
    ("ssh://git@github.com/acme/widget.git", "acme/widget"),
    ("ssh://git@ssh.github.com:443/acme/widget.git", "acme/widget"),
    ("git://github.com/acme/widget.git", "acme/widget"),
    ("https://www.github.com/acme/widget", "acme/widget"),
    ("https://GitHub.com/Acme/Widget.js.git", "Acme/Widget.js"),
    ("git@ghe.example.com:acme/widget.git", "ghe.example.com/acme/widget"),
    ("ssh://git@ghe.example.com:2222/acme/widget.git", "ghe.example.com/acme/widget"),
    ("https://ghe.example.com/acme/widget", "ghe.example.com/acme/widget"),
    ("gh:acme/widget", "acme/widget"),
    ("work:widget.git", "ghe.example.com/acme/widget"),
]
REWRITTEN = {"gh:": "https://github.com/", "work:": "git@ghe.example.com:acme/"}
"""``insteadOf``, as people shorten addresses."""


@pytest.mark.parametrize(("address", "repository"), REMOTES, ids=[address for address, _ in REMOTES])
def test_the_repository_is_that_of_the_remote(git_repo: GitRepo, home: Path, address: str, repository: str) -> None:
    for short, long in REWRITTEN.items():
        git_repo.git("config", "--global", f"url.{long}.insteadOf", short)
    git_repo.git("remote", "set-url", "origin", address)
    key = pull_key(Agent("s:1", worktree_path=str(git_repo.path), branch="main", pr_number="7"), Fleet())
    assert str(key) == f"{repository}#7"


@pytest.mark.parametrize("address", ["/srv/git/widget.git", "file:///srv/widget.git", "https://github.com/acme", "x"])
def test_a_remote_that_is_no_github_address_is_said_so(git_repo: GitRepo, home: Path, address: str) -> None:
    git_repo.git("remote", "set-url", "origin", address)
    with pytest.raises(FleetError, match="no GitHub repository is known"):
        pull_key(Agent("s:1", worktree_path=str(git_repo.path), branch="main", pr_number="7"), Fleet())


def test_the_branchs_own_remote_comes_before_origin(git_repo: GitRepo, home: Path) -> None:
    git_repo.git("remote", "add", "fork", "git@github.com:me/widget.git")
    git_repo.git("config", "branch.main.remote", "fork")
    agent = Agent("s:1", worktree_path=str(git_repo.path), branch="main", pr_number="7")
    assert str(pull_key(agent, Fleet())) == "me/widget#7"
    assert str(pull_key(agent, Fleet(repo="acme/widget"))) == "acme/widget#7"
    assert str(pull_key(agent, Fleet(repo="ghe.example.com/acme/widget"))) == "ghe.example.com/acme/widget#7"


def test_of_a_fork_the_repository_is_the_one_that_gh_would_ask(git_repo: GitRepo, home: Path) -> None:
    agent = Agent("s:1", worktree_path=str(git_repo.path), branch="main", pr_number="7")
    git_repo.git("remote", "set-url", "origin", "git@github.com:me/widget.git")
    git_repo.git("remote", "add", "upstream", "https://github.com/acme/widget")
    git_repo.git("remote", "add", "other", "https://github.com/other/widget")
    assert str(pull_key(agent, Fleet())) == "acme/widget#7"
    git_repo.git("config", "remote.other.gh-resolved", "base")
    assert str(pull_key(agent, Fleet())) == "other/widget#7"


TOKENS: Mapping[str, Mapping[str, str | None]] = {
    "github.com": {},
    "ghe.example.com": {"GH_TOKEN": None, "GH_ENTERPRISE_TOKEN": "x"},
}


@pytest.mark.parametrize("host", TOKENS)
def test_the_host_is_asked_that_the_repository_is_on(ten: Work, run_script: RunScript, host: str) -> None:
    ten.record({"repo": f"{host}/acme/widget"})
    with ten.serve({11: {}}) as hub:
        done = run_script("verify-complete", "fleet:1", env={**ten.environment, **TOKENS[host]})
    assert done.returncode == 0, done.stdout
    assert hub.asked == [("api.github.com", "/graphql") if host == "github.com" else (host, "/api/graphql")]


def test_a_host_without_a_login_is_unknown(ten: Work, run_script: RunScript) -> None:
    ten.record({"repo": "ghe.example.com/acme/widget"})
    with ten.serve({11: {}}) as hub:
        done = run_script("verify-complete", "fleet:1", env=ten.environment)
    assert (done.returncode, hub.requests) == (1, 1)
    assert "unknown github: ghe.example.com/acme/widget#11: GitHub refuses gh's login" in done.stdout
