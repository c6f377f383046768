"""GitHub for all hosts: one machine asks, with one token; a host without gh verifies by what it is told."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from fleetscripts.adapters.system.steady_clock import steady_seconds
from fleetscripts.practice.install import install
from tests.conftest import RunScript
from tests.fake_github.hub import Branches, Work, branches
from tests.hosts import central
from tests.hosts.linked import LinkedHost
from tests.places import TmuxServer
from tests.waiting import wait_until

pytestmark = pytest.mark.skipif(shutil.which("gh") is None, reason="gh is not installed")

MakeLinked = Callable[..., LinkedHost]
GREEN: dict[int, dict[str, object]] = {11: {}, 12: {}, 13: {}}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Branches:
    return branches(tmp_path_factory.mktemp("hub") / "git", 3)


@pytest.fixture
def work(built: Branches, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Work:
    """Three agents, whose GitHub only this machine's gh reaches."""
    made = built.work(home, tmp_path / "gh.sock")
    for name, value in made.environment.items():
        monkeypatch.setenv(name, str(value))
    central.configure(home / "fleet", "poll_interval_seconds = 5\n")
    return made


def _host(make_linked: MakeLinked, work: Work, name: str, number: int) -> LinkedHost:
    """A host with one of the agents, and a gh that tells on whoever calls it."""
    host = make_linked(name)
    gh = host.there.home / "bin" / "gh"
    gh.write_text(f"#!/bin/sh\necho called >> {host.there.home}/gh-was-called\nexit 1\n")
    gh.chmod(0o755)
    central.configure(host.fleet_home, "poll_interval_seconds = 5\n")
    host.put({**work.agents[number], "window": "fleet:1"}, repo="acme/widget")
    return host


def _gates(host: LinkedHost) -> tuple[int, dict[str, tuple[str, str]]]:
    """Exit code, and status and evidence of each gate, as the host itself finds them."""
    reply = host.call("verify-complete", "fleet:1", "--json", timeout=60)
    return reply.exit_code, {one["name"]: (one["status"], one["evidence"]) for one in json.loads(reply.stdout)["gates"]}


def _asked_nothing(host: LinkedHost) -> bool:
    return not (host.there.home / "gh-was-called").exists()


def test_hosts_without_gh_are_verified_by_one_request_of_the_central(
    make_linked: MakeLinked, work: Work, home: Path, run_script: RunScript, tmux_server: TmuxServer
) -> None:
    alpha, beta = _host(make_linked, work, "alpha", 0), _host(make_linked, work, "beta", 1)
    central.join(alpha, beta)
    central.fleet_here(home, repo="acme/widget")
    tmux_server.new_session()
    with work.serve(GREEN) as github, central.loop():
        with ThreadPoolExecutor(2) as pool:
            answers = list(pool.map(_gates, (alpha, beta)))
        assert [code for code, _ in answers] == [0, 0], answers
        assert github.requests <= 2  # both in one where they ask at once
    assert _asked_nothing(alpha)
    assert _asked_nothing(beta)


def test_verify_and_evaluate_by_name_work_with_no_loop_at_the_central(
    make_linked: MakeLinked, work: Work, home: Path, run_script: RunScript
) -> None:
    alpha = _host(make_linked, work, "alpha", 0)
    central.join(alpha)
    central.fleet_here(home)
    red = {11: {"checks": [{"name": "ci", "conclusion": "FAILURE"}]}}
    with work.serve(red):
        done = run_script("verify-complete", "alpha/fleet:1")
        assert (done.returncode, "fail    checks" in done.stdout) == (3, True), (done.stdout, done.stderr)
    with work.serve(GREEN):
        done = run_script("verify-complete", "alpha/fleet:1")
        assert done.returncode == 0, (done.stdout, done.stderr)
        passed = run_script("evaluate", "alpha/fleet:1", "--pass", "It is good.")
        assert passed.returncode == 0, passed.stderr
    wait_until(lambda: [str(one.state) for one in alpha.view().fleet.agents] == ["done"])
    assert _asked_nothing(alpha)


def test_what_was_told_long_ago_passes_no_gate_and_a_central_that_is_gone_is_waited_for(
    make_linked: MakeLinked, work: Work, home: Path, run_script: RunScript
) -> None:
    alpha = _host(make_linked, work, "alpha", 0)
    central.join(alpha)
    central.fleet_here(home)
    with work.serve(GREEN):
        assert run_script("verify-complete", "alpha/fleet:1").returncode == 0
    (told,) = (alpha.fleet_home / "central" / "pulls").iterdir()
    said = json.loads(told.read_text())
    told.write_text(json.dumps({**said, "age": said["age"] + 360}))
    alpha.end()
    there = {**os.environ, "HOME": str(alpha.there.home), "FLEET_HOME": str(alpha.fleet_home)}
    there |= {"ORCHESTRATOR_STATE_FILE": str(alpha.state_file), "PATH": f"{alpha.there.home}/bin:{os.environ['PATH']}"}
    os.utime(alpha.fleet_home / "central" / "central.json", (time.time() - 60, time.time() - 60))
    done = run_script("verify-complete", "fleet:1", env=there)
    assert done.returncode == 1, done.stdout
    assert "unknown github: the central has not sent the pull request acme/widget#11 for 6m" in done.stdout
    assert "pass    github" not in done.stdout
    assert _asked_nothing(alpha)
    told.unlink()
    done = run_script("verify-complete", "fleet:1", env=there)
    assert (done.returncode, "acme/widget#11 yet" in done.stdout) == (1, True), done.stdout
    left, again = (run_script("host", "--leave", env=there) for _ in range(2))
    assert (left.returncode, left.stdout.endswith(" is no longer this machine's central\n")) == (0, True), left
    assert (again.returncode, again.stdout) == (0, "this machine has no central\n")
    run_script("verify-complete", "fleet:1", env=there)
    assert not _asked_nothing(alpha)  # it answers for itself again


def test_a_host_decides_no_server_that_the_central_shows_its_login_to(
    make_linked: MakeLinked, work: Work, home: Path, tmux_server: TmuxServer
) -> None:
    alpha = _host(make_linked, work, "alpha", 0)
    alpha.put({**work.agents[0], "window": "fleet:1"}, repo="evil.example/acme/widget")
    central.join(alpha)
    central.fleet_here(home, repo="acme/widget")
    tmux_server.new_session()
    with work.serve(GREEN) as github, central.loop():
        code, gates = _gates(alpha)
        assert (code, gates["github"][0]) == (1, "unknown")
        assert "the central asks nothing of evil.example" in gates["github"][1]
        assert github.requests == 0


@pytest.mark.stress
def test_agents_here_and_on_hosts_are_verified_by_one_request_together(
    make_linked: MakeLinked, work: Work, home: Path, tmp_path: Path, run_script: RunScript, tmux_server: TmuxServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    alpha, beta = _host(make_linked, work, "alpha", 0), _host(make_linked, work, "beta", 1)
    central.join(alpha, beta)
    central.fleet_here(home, repo="acme/widget")
    monkeypatch.setenv("PATH", str(install(tmp_path / "bin").parent), prepend=":")
    tmux_server.new_session()
    words = ["--repo", work.repo.path, "--session", "fleet", "--agent", "practice", "--branch", "feat/own"]
    work.repo.add_spares(1)
    with work.serve(GREEN) as github, ThreadPoolExecutor(2) as pool:
        begun = run_script("spawn-agent", *words, "--objective", "It is there. [[done]]", "--pr", "13")
        assert begun.returncode == 0, begun.stderr
        wait_until(lambda: run_script("poll-cycle") and work.agent()["state"] == "complete", what=lambda: work.agent())
        before = github.requests
        gates = [pool.submit(_gates, host) for host in (alpha, beta)]
        wait_until(lambda: all(host.view().facts.get("pulls_asked") for host in (alpha, beta)))
        asked = alpha.fleet_home / "central" / "asked.json"
        evil = json.dumps(["evil.example", "acme", "widget", 5])
        asked.write_text(json.dumps({**json.loads(asked.read_text()), evil: steady_seconds()}))
        wait_until(lambda: "evil.example" in str(alpha.view().facts.get("pulls_asked")))
        with central.loop():
            assert [one.result()[0] for one in gates] == [0, 0]
            wait_until(lambda: work.agent().get("verdict", {}).get("outcome"), what=lambda: work.agent())
        assert github.requests - before == 1
        assert {host for host, _ in github.asked} == {"api.github.com"}
