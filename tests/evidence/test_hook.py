"""The hook command: one line in the spool, quickly, and never anything that the client could notice."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from fleetscripts.adapters.sessions.spool import hook_command, read_events, spool_folder
from tests.places import BUNDLE

HOOK = BUNDLE / "fleetscripts" / "hook.py"
SESSION = "550e8400-e29b-41d4-a716-446655440000"


def run_hook(*args: str, given: bytes, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[bytes]:
    line = [sys.executable, "-I", "-S", str(HOOK), *args]
    return subprocess.run(line, input=given, capture_output=True, check=False, timeout=20, env=env or dict(os.environ))


def silent(done: subprocess.CompletedProcess[bytes]) -> bool:
    return (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def event(name: str = "Stop", **more: object) -> bytes:
    return json.dumps({"session_id": SESSION, "hook_event_name": name, **more}).encode()


def test_an_event_comes_back_as_it_was_given(tmp_path: Path) -> None:
    spool = spool_folder(tmp_path)
    told = event("PermissionRequest", tool_input={"command": "echo 'a\nb'; ls"})
    assert silent(run_hook(str(spool), given=told, env={"TMUX_PANE": "%7"}))
    (found,) = read_events(tmp_path, SESSION)
    assert (found.name, found.pane, found.payload) == ("PermissionRequest", "%7", json.loads(told))
    assert abs(found.at - time.time()) < 60
    assert (spool / f"{SESSION}.log").stat().st_mode & 0o777 == 0o600


def test_the_settings_line_runs_it_through_a_shell(tmp_path: Path) -> None:
    spool = spool_folder(tmp_path / "a 'folder' $(with) things")
    done = subprocess.run(
        ["/bin/sh", "-c", hook_command(HOOK, spool)], input=event(), capture_output=True, check=False, timeout=20
    )
    assert silent(done)
    assert len(list(spool.iterdir())) == 1


@pytest.mark.parametrize("given", [b"", b"not json", b"{", b"[1]", b"\xff\x00", b'{"session_id":"../../evil"}'])
def test_nonsense_is_borne_in_silence(tmp_path: Path, given: bytes) -> None:
    spool = spool_folder(tmp_path)
    assert silent(run_hook(str(spool), given=given))
    assert {entry.name for entry in spool.iterdir()} <= {"unknown.log"}
    assert read_events(tmp_path, SESSION) == []


def test_a_missing_or_forbidden_spool_is_borne_in_silence(tmp_path: Path) -> None:
    assert silent(run_hook(str(tmp_path / "none"), given=event()))
    assert silent(run_hook(given=event()))
    target = tmp_path / "target"
    (spool_folder(tmp_path) / f"{SESSION}.log").symlink_to(target)
    assert silent(run_hook(str(tmp_path / "spool"), given=event()))
    assert not target.exists()


def test_a_huge_event_is_told_without_its_details(tmp_path: Path) -> None:
    spool = spool_folder(tmp_path)
    assert silent(run_hook(str(spool), given=event(tool_input={"content": "x" * 300_000})))
    (found,) = read_events(tmp_path, SESSION)
    assert (found.name, found.payload.get("shortened")) == ("Stop", True)


def test_standard_input_that_never_ends_holds_the_client_for_seconds_at_most(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-I", "-S", str(HOOK), str(tmp_path)], stdin=subprocess.PIPE) as hook:
        assert hook.wait(timeout=20) == 0


def test_the_spool_is_rotated_and_still_read(tmp_path: Path) -> None:
    spool = spool_folder(tmp_path)
    file = spool / f"{SESSION}.log"
    file.write_bytes(b"x" * 1_048_577 + b"\n" + b"%d - %s\n" % (10**18, event("SessionStart")))
    run_hook(str(spool), given=event())
    assert file.stat().st_size < 1000
    assert [found.name for found in read_events(tmp_path, SESSION)] == ["SessionStart", "Stop"]


def test_hooks_at_the_same_time_do_not_mix_their_lines(tmp_path: Path) -> None:
    spool = spool_folder(tmp_path)
    with ThreadPoolExecutor(8) as pool:
        done = list(pool.map(lambda n: run_hook(str(spool), given=event(number=n, text="y" * 20_000)), range(24)))
    assert all(silent(one) for one in done)
    lines = (spool / f"{SESSION}.log").read_bytes().splitlines()
    assert sorted(json.loads(line.split(b" ", 2)[2])["number"] for line in lines) == list(range(24))


def test_events_of_another_session_in_the_file_are_not_taken(tmp_path: Path) -> None:
    spool = spool_folder(tmp_path)
    (spool / f"{SESSION}.log").write_bytes(b'%d - {"session_id":"other","hook_event_name":"Stop"}\nrubbish\n' % 10**18)
    assert read_events(tmp_path, SESSION) == []
    assert read_events(tmp_path, "../spool/x") == []


def test_it_costs_little_beside_a_bare_interpreter(tmp_path: Path) -> None:
    """The client waits for it. Processor time, the best of several, in turns: the machine may be busy with others."""
    hook, bare = [str(HOOK), str(spool_folder(tmp_path))], ["-c", "pass"]

    def cost(line: list[str]) -> float:
        with subprocess.Popen([sys.executable, "-I", "-S", *line], stdin=subprocess.PIPE) as child:
            assert child.stdin
            child.stdin.write(event())
            child.stdin.close()
            _, status, usage = os.wait4(child.pid, 0)
            child.returncode = status
        return usage.ru_utime + usage.ru_stime

    costs = [(cost(hook), cost(bare)) for _ in range(10)]
    assert min(one for one, _ in costs) < min(other for _, other in costs) + 0.012


def test_it_imports_nothing_but_what_an_interpreter_has_already() -> None:
    source = HOOK.read_text(encoding="utf-8")
    imported = {line.split()[1] for line in source.splitlines() if line.startswith(("import ", "from "))}
    assert imported <= {"os", "sys", "time"}
