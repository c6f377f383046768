"""Every test gets a home of its own, and may start tmux servers and repositories that end with it."""

from __future__ import annotations

import os
import pwd
import re
import shutil
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Generator, Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol

import hypothesis
import pytest

from tests.case_ids import case_id
from tests.places import BUNDLE, GitRepo, TmuxProcesses, TmuxServer, environment

hypothesis.settings.register_profile("fleet", database=None, deadline=None)
hypothesis.settings.load_profile("fleet")

_OUTER = ("FLEET_", "ORCHESTRATOR_", "CLAUDE", "CODEX", "ANTHROPIC", "OPENAI", "TMUX", "GH_", "GITHUB_", "GIT_", "XDG_")
_OUTER_NAMES = {"DISCORD_WEBHOOK_URL", "POLL_INTERVAL", "POLL_IDLE_MAX", "STY", "ENV", "BASH_ENV", "ZDOTDIR"}
_REAL_HOME = Path(pwd.getpwuid(os.getuid()).pw_dir)
_FORBIDDEN = tuple(
    str(_REAL_HOME / name)
    for name in (".claude", ".claude.json", ".codex", ".config/gh", ".config/git", ".gitconfig", ".tmux.conf")
)
_TOUCHING = {"open", "os.mkdir", "os.remove", "os.rename", "os.rmdir", "os.listdir", "os.scandir", "os.symlink"}
_guarding = False


def _guard_real_home(event: str, args: tuple[Any, ...]) -> None:
    if not _guarding or event not in _TOUCHING:
        return
    for arg in args[:2]:
        if isinstance(arg, (str, os.PathLike)) and os.fspath(arg) in _FORBIDDEN:
            raise AssertionError(f"a test touched the real home: {event} {os.fspath(arg)!r}")
        if isinstance(arg, str) and arg.startswith(tuple(f"{path}/" for path in _FORBIDDEN)):
            raise AssertionError(f"a test touched the real home: {event} {arg!r}")


sys.addaudithook(_guard_real_home)


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """An id that says what the case is, where pytest would number it."""
    return case_id(val, argname)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """In CI a skipped test has failed: everything is installed there, and only "only on …" or "only for …" excuse."""
    report = yield
    excused = re.search(r"only (on|for) ", str(report.longrepr)) or hasattr(report, "wasxfail")
    if report.skipped and os.environ.get("CI") and not excused:
        report.outcome = "failed"
        report.longrepr = f"skipped in CI: {report.longrepr}"
    return report


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty HOME, and an environment in which nothing points at the machine's own fleet, clients or git set-up."""
    global _guarding
    place = tmp_path / "home"
    place.mkdir()
    for name in list(os.environ):
        if name.startswith(_OUTER) or name in _OUTER_NAMES:
            monkeypatch.delenv(name)
    (place / ".gitconfig").write_text(
        "[user]\nname = Tester\nemail = tester@localhost\n[init]\ndefaultBranch = main\n[commit]\ngpgsign = false\n",
        encoding="utf-8",
    )
    changes = {
        "HOME": str(place),
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "LC_ALL": "C.UTF-8" if sys.platform == "linux" else "en_US.UTF-8",
        "TERM": "xterm-256color",
        "FLEET_HOME": str(place / "fleet"),
        "ORCHESTRATOR_STATE_FILE": str(place / "state.json"),
        "SHELL": "/bin/sh",
    }
    for name, value in changes.items():
        monkeypatch.setenv(name, value)
    _guarding = not str(tmp_path).startswith(_FORBIDDEN)
    yield place
    _guarding = False


@pytest.fixture
def tmux_server(monkeypatch: pytest.MonkeyPatch) -> Iterator[TmuxServer]:
    """A tmux server on a private socket in a short folder; FLEET_TMUX_SOCKET names it."""
    folder = tempfile.mkdtemp(prefix="ft", dir="/tmp")
    monkeypatch.setenv("TMUX_TMPDIR", folder)
    server = TmuxServer(f"t{uuid.uuid4().hex[:8]}")
    monkeypatch.setenv("FLEET_TMUX_SOCKET", server.socket)
    yield server
    server.kill()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def tmux_processes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> TmuxProcesses:
    """The tmux processes that a test starts."""
    made = TmuxProcesses(tmp_path / "counted")
    monkeypatch.setenv("PATH", f"{made.folder}:{os.environ['PATH']}")
    return made


@pytest.fixture
def git_repo(tmp_path: Path) -> GitRepo:
    """A bare origin and a clone; ``git_repo.add_spares(n)`` adds worktrees."""
    return GitRepo(tmp_path / "git").create()


class RunScript(Protocol):
    """Runs a command as a user would, in a process of its own."""

    def __call__(
        self,
        name: str,
        *args: str | Path,
        env: Mapping[str, str | None] | None = None,
        input: str | None = None,
        cwd: Path | None = None,
        timeout: float = 60,
    ) -> subprocess.CompletedProcess[str]: ...


@pytest.fixture
def run_script() -> RunScript:
    """``run_script("find-spare", *args, env={...}, input=..., cwd=...)``: exit code, stdout, stderr; raises on none."""

    def run(
        name: str,
        *args: str | Path,
        env: Mapping[str, str | None] | None = None,
        input: str | None = None,
        cwd: Path | None = None,
        timeout: float = 60,
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-I", str(BUNDLE / "fleetscripts" / "__main__.py"), name, *map(str, args)],
            check=False,
            capture_output=True,
            text=True,
            timeout=timeout,
            cwd=cwd,
            env=environment(dict(env or {})),
            input=input,
        )

    return run
