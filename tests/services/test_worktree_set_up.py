"""A worktree is ready before its agent starts, or no agent is started and the worktree is spare again."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from fleetscripts.adapters.system.processes import environment as environment_of
from fleetscripts.adapters.system.processes import read_processes
from fleetscripts.commands import capacity, interrupt_agent, recycle_agent, send_agent, spawn_agent, verify_complete
from fleetscripts.config import load_settings
from fleetscripts.errors import UsageProblem
from fleetscripts.practice.install import install
from fleetscripts.services.worktrees.worktree_settings import WorktreeSettings, worktree_settings
from tests.places import BUNDLE, GitRepo, TmuxServer, environment
from tests.projects import NPM_CI, UV_SYNC, newer_package, node_project, python_project
from tests.waiting import wait_until


class Fleet:
    """A repository with spares, a configuration, and the calls that a user makes."""

    def __init__(self, repo: GitRepo, home: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.repo, self.home, self.capsys = repo, home, capsys
        self.said = ""

    def configure(self, text: str) -> None:
        (self.home / "fleet").mkdir(mode=0o700, exist_ok=True)
        (self.home / "fleet" / "config.toml").write_text(text)

    def publish(self, message: str = "More") -> None:
        """What stands in the main worktree, committed and pushed."""
        self.repo.commit(message)
        self.repo.git("push", "-q", "origin", "HEAD:main")

    def spawn(self, branch: str, *options: str) -> int:
        words = ["--session", "fleet", "--repo", str(self.repo.path), "--agent", "practice", "--branch", branch]
        code = spawn_agent.main([*words, "--objective", "Do it. [[think 60]]", *options])
        self.said = self.capsys.readouterr().err
        return code

    def recycle(self, worktree: str = "spare-1") -> str:
        assert recycle_agent.main([worktree, "--force"]) == 0
        self.said = self.capsys.readouterr().err
        return self.said

    def worktree(self, name: str = "spare-1") -> dict[str, Any]:
        """What ``capacity`` says of it."""
        self.capsys.readouterr()
        assert capacity.main([str(self.repo.path), "--json"]) == 0
        listed: Mapping[str, list[dict[str, Any]]] = json.loads(self.capsys.readouterr().out)
        return next(place for places in listed.values() for place in places if place["worktree"] == name)

    def set_up(self, name: str = "spare-1") -> str:
        state: str = self.worktree(name)["set_up"]["state"]
        return state

    def agents(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads((self.home / "state.json").read_text())["agents"]
        return found

    def is_spare(self, number: int = 1) -> bool:
        place = self.repo.spares[number - 1]
        return self.repo.git("status", "--porcelain", "--branch", cwd=place) == f"## spare/{number}"


@pytest.fixture
def fleet(
    git_repo: GitRepo,
    tmux_server: TmuxServer,
    home: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Fleet:
    (git_repo.path / ".gitignore").write_text(".env\n*.local\ndata/\ntarget/\n")
    git_repo.commit("What is ignored")
    git_repo.git("push", "-q", "origin", "HEAD:main")
    git_repo.add_spares(2)
    monkeypatch.setenv("PATH", f"{install(tmp_path / 'bin').parent}:{os.environ['PATH']}")
    monkeypatch.setenv("CLAUDE_CONFIG_DIR", str(tmp_path / "claude"))
    (tmp_path / "claude").mkdir()
    tmux_server.new_session("fleet", ["sleep", "900"])
    return Fleet(git_repo, home, capsys)


@pytest.mark.parametrize("kind", ["node", "python"])
def test_a_cold_spare_is_set_up_and_a_warm_one_costs_nothing_until_its_lock_file_changes(
    fleet: Fleet, kind: str
) -> None:
    make, command, cache = {
        "node": (node_project, NPM_CI, "node_modules"),
        "python": (python_project, UV_SYNC, ".venv"),
    }[kind]
    make(fleet.repo.path)
    fleet.publish()
    fleet.configure(f'[worktree]\nsetup = "{command}"\ncache = ["{cache}"]\n')
    assert fleet.set_up() == "stale"
    assert fleet.spawn("feat/cold") == 0
    assert "spare-1 was set up in " in fleet.said
    kept = fleet.repo.spares[0] / cache
    (kept / "witness").write_text("from the first set-up")
    assert fleet.repo.git("status", "--porcelain", cwd=fleet.repo.spares[0]) == ""
    fleet.recycle()
    assert (fleet.is_spare(), fleet.set_up()) == (True, "ready")
    assert fleet.spawn("feat/warm") == 0
    assert "was set up" not in fleet.said
    assert (kept / "witness").exists()
    fleet.recycle()
    if kind == "node":
        newer_package(fleet.repo.path)
        fleet.publish("Another lock file")
        assert fleet.spawn("feat/changed") == 0
        assert "was set up" in fleet.said
        assert not (kept / "witness").exists()
        assert json.loads((kept / "greeting" / "package.json").read_text())["version"] == "2.0.0"


def test_what_an_agent_installed_for_a_lock_file_of_its_own_is_not_taken_for_the_spares(fleet: Fleet) -> None:
    (fleet.repo.path / "uv.lock").write_text("one")
    fleet.publish()
    fleet.configure('[worktree]\nsetup = "echo run >> data/runs"\ncache = ["data"]\n')
    (fleet.repo.spares[0] / "data").mkdir()
    assert fleet.spawn("feat/x") == 0
    (fleet.repo.spares[0] / "uv.lock").write_text("two")
    fleet.recycle()
    assert fleet.worktree()["set_up"] == {"state": "stale", "why": "its agent changed lock files"}
    assert fleet.spawn("feat/y") == 0
    assert (fleet.repo.spares[0] / "data" / "runs").read_text() == "run\nrun\n"


def test_a_folder_that_is_kept_and_was_removed_makes_the_worktree_stale(fleet: Fleet) -> None:
    fleet.configure('[worktree]\nsetup = "mkdir -p data"\ncache = ["data"]\n')
    assert fleet.spawn("feat/x") == 0
    fleet.recycle()
    assert fleet.set_up() == "ready"
    (fleet.repo.spares[0] / "data").rmdir()
    assert fleet.worktree()["set_up"] == {"state": "stale", "why": "data is gone"}


@pytest.mark.parametrize(
    ("command", "says"),
    [
        ("echo one; echo two >&2; exit 7", r"exited with 7: one / two"),
        ("echo before; sleep 600", r"did not end in 1.5 s: before"),
        pytest.param(
            "trap '' TERM; sleep 600 & sleep 600", r"did not end in 1.5 s: it printed nothing", marks=pytest.mark.stress
        ),
        ("yes ｆｌｏｏｄ | head -c 5000000; exit 3", r"exited with 3: (ｆｌｏｏｄ / ){5}ｆｌｏｏｄ"),
        pytest.param(
            "(while :; do sleep 600 & sleep 0.01; done) & sleep 0.3; exit 5", r"exited with 5", marks=pytest.mark.stress
        ),
        pytest.param(
            "read answer || { echo no answer; exit 6; }", r"exited with 6: no answer", marks=pytest.mark.stress
        ),
        ("exec 3<>/dev/tty || exit 9", r"exited with (2|9)"),
        ("echo half > README.md; mkdir new; echo half > new/file; echo x > .env; exit 1", r"exited with 1"),
        ("printf 'token=sk-ant-api03-%s' $NAMED; exit 1", r"exited with 1: token=\[masked\]"),
        pytest.param("no-such-program-here", r"exited with 127: .*not found", marks=pytest.mark.stress),
    ],
)
def test_a_set_up_that_fails_is_a_failed_spawn_and_leaves_a_spare_and_nothing_running(
    fleet: Fleet, command: str, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NAMED", "aVerySecretValue0123456789")
    seconds = 1.5 if "did not end" in says else 60
    fleet.configure(
        f"[worktree]\nsetup = {json.dumps(command)}\ntimeout_seconds = {seconds}\nenvironment = ['NAMED', 'UNSET']\n"
    )
    assert fleet.spawn("feat/x") == 1
    assert re.search(rf"^spawn-agent: set-up: setup \(.*\) {says}", fleet.said), fleet.said
    assert fleet.said.count("\n") == 1
    assert fleet.is_spare()
    assert fleet.agents() == []
    assert fleet.repo.git("branch", "--list", "feat/x") == "" or "kept under refs/fleet/rescue/" in fleet.said
    assert fleet.worktree()["set_up"]["state"] == "failed"
    (log,) = (fleet.home / "fleet" / "set-up").glob("spare-1-*-setup.log")
    assert log.stat().st_mode & 0o777 == 0o600
    assert log.stat().st_size <= 2_100_000
    assert "aVerySecretValue0123456789" not in log.read_text()
    assert not [p for p in read_processes().by_pid.values() if in_worktree(p.pid, fleet.repo.spares[0])]


@pytest.mark.parametrize(
    ("command", "says"),
    [
        ("git switch -q -c elsewhere", r"left the worktree on elsewhere, expected feat/x"),
        pytest.param("git checkout -q --detach", r"left the worktree on no branch", marks=pytest.mark.stress),
    ],
)
def test_a_set_up_that_leaves_the_branch_is_a_failed_spawn_and_leaves_a_spare(
    fleet: Fleet, command: str, says: str
) -> None:
    fleet.configure(f"[worktree]\nsetup = {json.dumps(command)}\n")
    assert fleet.spawn("feat/x") == 1
    assert re.search(rf"^spawn-agent: set-up: setup \(.*\) {says}", fleet.said), fleet.said
    assert fleet.is_spare()
    assert (fleet.agents(), fleet.worktree()["set_up"]["state"]) == ([], "failed")


@pytest.mark.stress
def test_a_set_up_that_removes_its_worktree_is_one_clear_line_and_the_next_spare_serves(fleet: Fleet) -> None:
    fleet.configure("[worktree]\nsetup = 'cd .. && rm -rf spare-1'\n")
    assert fleet.spawn("feat/x") == 1
    assert "removed the worktree" in fleet.said.splitlines()[0], fleet.said
    assert "Traceback" not in fleet.said
    assert fleet.agents() == []
    fleet.configure("[worktree]\nsetup = 'true'\n")
    assert fleet.spawn("feat/y") == 0
    assert fleet.agents()[0]["worktree"] == "spare-2"


@pytest.mark.stress
def test_what_a_set_up_leaves_running_ends_with_it_and_a_daemon_with_a_session_of_its_own_at_recycling(
    fleet: Fleet,
) -> None:
    fleet.configure("[worktree]\nsetup = 'nohup sleep 603 & setsid sleep 604 & exit 0'\n")

    def daemons() -> list[int]:
        return [p.pid for p in running() if p.command == "sleep" and in_worktree(p.pid, fleet.repo.spares[0])]

    assert fleet.spawn("feat/x") == 0
    assert len(daemons()) == 1
    fleet.recycle()
    wait_until(lambda: not daemons(), what="the end of the daemon")


def in_worktree(pid: int, folder: Path) -> bool:
    return environment_of(pid, frozenset({"FLEET_WORKTREE"})).get("FLEET_WORKTREE") == str(folder)


def test_the_environment_of_a_set_up_holds_what_is_named_and_the_slot(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-secret")
    monkeypatch.setenv("NAMED", "given")
    fleet.configure("[worktree]\nsetup = 'env > .env'\nenvironment = ['NAMED']\n")
    assert fleet.spawn("feat/x") == 0
    said = dict(line.split("=", 1) for line in (fleet.repo.spares[0] / ".env").read_text().splitlines())
    assert {"NAMED", "PATH", "HOME", "FLEET_SLOT", "FLEET_PORT_BASE", "FLEET_WORKTREE"} <= set(said)
    assert not {"ANTHROPIC_API_KEY", "CLAUDE_CONFIG_DIR", "TMUX", "FLEET_HOME"} & set(said)
    assert (said["FLEET_SLOT"], said["FLEET_PORT_BASE"]) == ("1", "20100")


def test_a_spawn_that_is_killed_during_its_set_up_leaves_a_spare_and_nothing_running(fleet: Fleet) -> None:
    fleet.configure("[worktree]\nsetup = 'touch .env; exec sleep 601'\n")
    words = ["--session", "fleet", "--repo", str(fleet.repo.path), "--agent", "practice", "--branch", "feat/x"]
    program = [sys.executable, "-I", str(BUNDLE / "fleetscripts" / "__main__.py"), "spawn-agent", *words]
    with subprocess.Popen([*program, "--objective", "Do it."], env=environment(), stderr=subprocess.DEVNULL) as killed:
        wait_until((fleet.repo.spares[0] / ".env").exists)
        wait_until(lambda: any(p.command == "sleep" and in_worktree(p.pid, fleet.repo.spares[0]) for p in running()))
        killed.send_signal(signal.SIGKILL)
    fleet.configure("[worktree]\nsetup = 'true'\n")
    assert fleet.spawn("feat/x") == 0
    assert fleet.agents()[0]["worktree"] == "spare-1"
    assert not [p for p in running() if p.command == "sleep" and in_worktree(p.pid, fleet.repo.spares[0])]


def running() -> list[Any]:
    return list(read_processes().by_pid.values())


class TestIgnoredFiles:
    """Brought from the main worktree, and only these."""

    @pytest.mark.parametrize("how", ["copy", "link", "clone"])
    def test_are_brought_as_the_configuration_says(self, fleet: Fleet, how: str) -> None:
        main, there = fleet.repo.path, fleet.repo.spares[0]
        (main / "data" / "deep").mkdir(parents=True)
        for name in (".env", "data/deep/a.local", "data/other", "not.ignored"):
            (main / name).write_text(name)
        (main / ".env").chmod(0o640)
        (main / "data" / "link").symlink_to("/nowhere/at/all")
        fleet.configure(
            "[worktree]\ninclude = ['.env', 'data/**', '!data/other', 'not.ignored', 'README.md']\n"
            f"include_by = '{how}'\n"
        )
        assert fleet.spawn("feat/x") == 0
        assert (there / ".env").read_text() == ".env"
        assert (there / ".env").is_symlink() == (how == "link")
        assert (there / ".env").stat().st_mode & 0o777 == 0o640
        assert (there / "data" / "deep" / "a.local").read_text() == "data/deep/a.local"
        assert not (there / "data" / "other").exists()
        assert (there / "data" / "link").readlink() == Path("/nowhere/at/all")
        assert not (there / "not.ignored").exists()
        assert fleet.repo.git("status", "--porcelain", cwd=there) == ""

    def test_of_an_earlier_agent_are_replaced(self, fleet: Fleet) -> None:
        (fleet.repo.path / ".env").write_text("right")
        outside = fleet.home / "outside"
        outside.write_text("mine")
        (fleet.repo.spares[0] / ".env").symlink_to(outside)
        fleet.configure("[worktree]\ninclude = ['.env']\n")
        assert fleet.spawn("feat/x") == 0
        assert (fleet.repo.spares[0] / ".env").read_text() == "right"
        assert outside.read_text() == "mine"

    def test_are_left_where_they_would_be_committed_replace_a_tracked_one_or_leave_the_worktree(
        self, fleet: Fleet, tmp_path: Path
    ) -> None:
        repo, outside = fleet.repo, tmp_path / "outside"
        outside.mkdir()
        (repo.path / "data").mkdir()
        for name in (".env", "x.local", "data/key"):
            (repo.path / name).write_text("main's")
        fleet.repo.git("worktree", "add", "-q", "-b", "feat/odd", str(tmp_path / "odd"), "main")
        odd = tmp_path / "odd"
        (odd / ".gitignore").write_text("/data\n*.local\n")
        (odd / "x.local").write_text("tracked")
        (odd / "data").symlink_to(outside)
        repo.git("add", "-f", ".", cwd=odd)
        repo.git("commit", "-q", "-m", "Odd", cwd=odd)
        repo.git("worktree", "remove", "--force", str(odd))
        fleet.configure("[worktree]\ninclude = ['.env', '*.local', 'data/']\n")
        assert fleet.spawn("feat/odd") == 0
        assert ".env was not brought: not ignored there" in fleet.said
        assert "x.local was not brought: tracked there" in fleet.said
        assert "data/key was not brought: " in fleet.said
        assert list(outside.iterdir()) == []
        assert (repo.spares[0] / "x.local").read_text() == "tracked"

    def test_that_do_not_fit_on_the_disk_are_a_failed_spawn_and_gone_again(self, fleet: Fleet) -> None:
        main, place = fleet.repo.path, fleet.repo.spares[0] / "data"
        (main / "data").mkdir()
        (main / "data" / "a-small").write_text("small")
        (main / "data" / "big").write_bytes(os.urandom(400_000))
        place.mkdir()
        fleet.configure("[worktree]\ninclude = ['data/']\n")
        words = ["--session", "fleet", "--repo", str(main), "--agent", "practice", "--branch", "feat/x"]
        script = f'mount -t tmpfs -o size=100k none "{place}" || exit 77; "$@"; code=$?; ls -A "{place}"; exit $code'
        program = [sys.executable, "-I", str(BUNDLE / "fleetscripts" / "__main__.py"), "spawn-agent", *words]
        done = subprocess.run(
            ["unshare", "-rm", "sh", "-c", script, "sh", *program, "--objective", "Do it."],
            check=False, capture_output=True, text=True, env=environment(), timeout=60,
        )  # fmt: skip
        if done.returncode == 77 or "unshare" in done.stderr:
            pytest.skip("only for systems that let a user mount a folder of their own")
        assert done.returncode == 1
        assert "set-up: cannot bring data/big from " in done.stderr
        assert "No space left on device" in done.stderr
        assert done.stdout == ""
        assert fleet.is_spare()

    def test_outside_of_the_repository_are_refused(self, fleet: Fleet) -> None:
        fleet.configure('[worktree]\ninclude = ["../secret"]\n')
        assert fleet.spawn("feat/x") == 2
        assert "worktree.include in config.toml: expected patterns below the repository's top, found" in fleet.said
        assert fleet.said.count("\n") == 1
        assert fleet.is_spare()


@pytest.mark.parametrize(
    "pattern", ["../secret", "/etc/passwd", "~/.ssh/id", "a/../../b", "!../x", "a\nb", ".git/config", "x/.GIT/y", "!"]
)
@pytest.mark.parametrize("name", ["include", "cache", "clean"])
def test_patterns_that_leave_the_repository_are_refused(home: Path, name: str, pattern: str) -> None:
    with pytest.raises(UsageProblem, match=rf"^worktree\.{name} in config\.toml: "):
        read(f"[worktree]\n{name} = [{json.dumps(pattern)}]\n", home)


def read(text: str, home: Path) -> WorktreeSettings | None:
    """The table as it is in force anywhere."""
    (home / "fleet").mkdir(mode=0o700, exist_ok=True)
    (home / "fleet" / "config.toml").write_text(f"{text}\n")
    return worktree_settings(load_settings(os.environ), "/nowhere")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("worktree = 5", "worktree in config.toml: expected a table, found the number 5"),
        ("[worktree]\nsetup = 5", "worktree.setup in config.toml: expected text"),
        ("[worktree]\nset_up = 'x'", "[worktree] in config.toml: no setting is called 'set_up'"),
        ("[worktree]\ninclude_by = 'move'", "worktree.include_by in config.toml: expected one of copy, link, clone"),
        ("[worktree]\ntimeout_seconds = 0", "worktree.timeout_seconds in config.toml: expected a positive number"),
        ("[worktree]\ntimeout_seconds = nan", "worktree.timeout_seconds in config.toml: expected a positive number"),
        ("[worktree]\nport_step = 0", "worktree.port_step in config.toml: expected a whole number from 1 to 10000"),
        ("[worktree]\nlock_files = ['a/b.lock']", "worktree.lock_files in config.toml: expected a file's name"),
        ("[worktree.repositories.here]\nsetup = 'x'", "expected an absolute path, found text 'here'"),
        ("[worktree.repositories]\n'/x' = 5", "worktree.repositories./x in config.toml: expected a table"),
        ("[worktree.repositories.'/x']\nsetup = 5", "worktree.repositories./x.setup in config.toml: expected text"),
    ],
)
def test_a_setting_that_cannot_be_used_is_one_clear_line(home: Path, text: str, says: str) -> None:
    with pytest.raises(UsageProblem) as problem:
        read(text, home)
    assert says in str(problem.value)
    assert "\n" not in str(problem.value)


def test_a_slot_whose_ports_do_not_exist_is_refused() -> None:
    with pytest.raises(UsageProblem, match="slot 1 would need ports from 65600, above 65535"):
        WorktreeSettings(port_base=65_500).port_of(1)


def test_a_repository_has_settings_of_its_own_over_the_common_ones(fleet: Fleet) -> None:
    fleet.configure(
        "[worktree]\nsetup = 'echo common > .env'\nport_base = 30000\n"
        f"[worktree.repositories.'{fleet.repo.spares[1]}']\nsetup = 'echo \"$FLEET_PORT_BASE\" > .env'\n"
        "[worktree.repositories.'/no/such/place']\nsetup = 'false'\n"
    )
    assert fleet.spawn("feat/x") == 0
    assert (fleet.repo.spares[0] / ".env").read_text() == "30100\n"


def test_a_slot_stays_with_its_worktree_and_reaches_agent_and_verify_command(
    fleet: Fleet, tmux_server: TmuxServer
) -> None:
    fleet.configure("[worktree]\nport_step = 10\n")
    checks = f'echo "$FLEET_SLOT $FLEET_PORT_BASE" >> {fleet.home}/checked'
    for branch in ("feat/one", "feat/two"):
        assert fleet.spawn(branch, "--verify-command", checks) == 0
    first, second = fleet.agents()
    assert [slot_of(tmux_server, agent["pane_id"]) for agent in (first, second)] == [("1", "20010"), ("2", "20020")]
    verify_complete.main(["spare-2"])
    assert (fleet.home / "checked").read_text() == "2 20020\n"
    fleet.recycle("spare-1")
    fleet.recycle("spare-2")
    fleet.repo.git("worktree", "move", str(fleet.repo.spares[1]), str(fleet.repo.root / "elsewhere"))
    words = ["fleet", str(fleet.repo.root / "elsewhere"), "spare/2", "feat/moved", "Do it.", "--agent", "practice"]
    assert spawn_agent.main(words) == 0
    assert slot_of(tmux_server, fleet.agents()[-1]["pane_id"]) == ("2", "20020")
    fleet.recycle("elsewhere")
    fleet.repo.git("worktree", "remove", str(fleet.repo.spares[0]))
    fleet.repo.add_spares(1)
    assert spawn_agent.main([*words[:1], str(fleet.repo.spares[-1]), "spare/3", "feat/new", *words[4:]]) == 0
    assert slot_of(tmux_server, fleet.agents()[-1]["pane_id"]) == ("1", "20010")


def slot_of(server: TmuxServer, pane: str) -> tuple[str, str]:
    found = environment_of(int(server.show(pane, "#{pane_pid}")), frozenset({"FLEET_SLOT", "FLEET_PORT_BASE"}))
    return found["FLEET_SLOT"], found["FLEET_PORT_BASE"]


def test_without_a_configuration_nothing_is_told_of_slots_and_set_ups(fleet: Fleet, tmux_server: TmuxServer) -> None:
    assert fleet.spawn("feat/x") == 0
    pid = int(tmux_server.show(fleet.agents()[0]["pane_id"], "#{pane_pid}"))
    assert environment_of(pid, frozenset({"FLEET_SLOT"})) == {}
    assert "set_up" not in fleet.worktree()
    before = fleet.worktree()["disk_bytes"]
    (fleet.repo.spares[0] / "big").write_bytes(os.urandom(300_000))
    (fleet.repo.spares[0] / "again").hardlink_to(fleet.repo.spares[0] / "big")
    assert 300_000 <= fleet.worktree()["disk_bytes"] - before < 320_000
    assert capacity.main([str(fleet.repo.path)]) == 0
    assert "SET-UP" not in fleet.capsys.readouterr().out


def test_recycling_tears_down_and_cleans_and_tells_what_failed_of_it(fleet: Fleet) -> None:
    there, kept = fleet.repo.spares[0], fleet.home / "torn"
    fleet.configure(
        f"[worktree]\nsetup = 'mkdir -p target/deep data'\nteardown = 'echo slot $FLEET_SLOT > {kept}; exit 3'\n"
        "clean = ['target', 'data/*.tmp']\n"
    )
    assert fleet.spawn("feat/x") == 0
    (there / "target" / "deep" / "built").write_text("x")
    (there / "data" / "a.tmp").write_text("x")
    (there / "data" / "kept").write_text("x")
    assert "teardown (echo slot $FLEET_SLOT" in fleet.recycle()
    assert kept.read_text() == "slot 1\n"
    assert sorted(path.name for path in there.iterdir()) == [".git", ".gitignore", "README.md", "data"]
    assert [path.name for path in (there / "data").iterdir()] == ["kept"]
    assert (fleet.is_spare(), fleet.worktree()["set_up"]) == (True, {"state": "stale", "why": "its tear-down failed"})


@pytest.mark.stress
@pytest.mark.parametrize("apart", [True, False])
def test_eight_agents_take_ports_and_write_databases_at_once_without_a_clash_only_by_their_slots(
    fleet: Fleet, apart: bool
) -> None:
    node_project(fleet.repo.path)
    python_project(fleet.repo.path)
    fleet.publish()
    fleet.repo.add_spares(6)
    fleet.configure(f'[worktree]\nsetup = "{NPM_CI} && {UV_SYNC}"\ncache = ["node_modules", ".venv"]\n')
    place = fleet.home / "databases"
    place.mkdir()
    port, name = ("$FLEET_PORT_BASE", "$FLEET_SLOT") if apart else ("20100", "1")
    checks = (
        f"export PORT={port} DATABASE={place}/{name}.json && node check.js && export PORT=$(({port} + 1)) "
        f"DATABASE={place}/{name}.sqlite && .venv/bin/python check.py"
    )
    program = [sys.executable, "-I", str(BUNDLE / "fleetscripts" / "__main__.py")]
    words = [
        "--session",
        "fleet",
        "--repo",
        str(fleet.repo.path),
        "--agent",
        "practice",
        "--objective",
        "[[think 300]]",
    ]
    spawned = [
        subprocess.Popen(
            [*program, "spawn-agent", *words, "--branch", f"feat/{number}", "--verify-command", checks],
            env=environment(),
        )
        for number in range(8)
    ]
    assert [process.wait(240) for process in spawned] == [0] * 8
    assert len({agent["worktree"] for agent in fleet.agents()}) == 8
    judged = [
        subprocess.Popen(
            [*program, "verify-complete", f"spare-{number}", "--json"], env=environment(), stdout=subprocess.PIPE
        )
        for number in range(1, 9)
    ]
    said = [json.loads(process.communicate(timeout=240)[0]) for process in judged]
    passed = [gate["status"] for one in said for gate in one["gates"] if gate["name"] == "verify_command"]
    assert len(passed) == 8
    assert (set(passed) == {"pass"}) is apart, said


def test_a_new_task_on_a_branch_with_another_lock_file_is_set_up_again_or_not_begun(fleet: Fleet) -> None:
    fleet.configure(
        "[worktree]\nsetup = 'cat uv.lock 2>/dev/null >> data/runs; grep -qv bad uv.lock'\ncache = ['data']\n"
    )
    (fleet.repo.spares[0] / "data").mkdir()
    (fleet.repo.path / "uv.lock").write_text("one\n")
    fleet.publish()
    assert fleet.spawn("feat/one") == 0
    runs = fleet.repo.spares[0] / "data" / "runs"
    for lock in ("two", "bad"):
        fleet.repo.git("checkout", "-q", "-b", f"feat/{lock}", "main")
        (fleet.repo.path / "uv.lock").write_text(f"{lock}\n")
        fleet.repo.commit(lock)
    fleet.repo.git("checkout", "-q", "main")
    (agent,) = fleet.agents()
    assert interrupt_agent.main([agent["window"]]) == 0
    wait_until(lambda: give(agent, "feat/two") == 0, what="it to take a task")
    assert runs.read_text() == "one\ntwo\n"
    assert interrupt_agent.main([agent["window"]]) == 0
    fleet.capsys.readouterr()
    wait_until(lambda: give(agent, "feat/bad") == 1, what="the set-up to fail")
    assert re.search(r"set-up: setup \(.*\) exited with 1", fleet.capsys.readouterr().err)
    (after,) = fleet.agents()
    assert (after["branch"], after["objective"]) == ("feat/two", "More. [[think 60]]")
    assert fleet.repo.git("branch", "--show-current", cwd=fleet.repo.spares[0]) == "feat/two"


def give(agent: Mapping[str, Any], branch: str) -> int:
    return send_agent.main([agent["window"], "--task", "More. [[think 60]]", "--branch", branch])
