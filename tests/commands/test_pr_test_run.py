"""test-queue run: the configured command under a turn of its own, streamed, bounded, recorded, and safely killed."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from fleetscripts.core.pr_testing.results import PrTestResult, Scenario
from fleetscripts.services.pr_testing.output import verdicts
from tests.conftest import RunScript
from tests.fake_github.hub import Branches, Work, branches
from tests.places import environment
from tests.queue_place import MAIN, configure, events, in_process, kept, queue_file
from tests.waiting import wait_until

pytestmark = pytest.mark.skipif(shutil.which("gh") is None, reason="gh is not installed")

GOOD = "echo '- S1 (login)=PASS'; echo; printf '\\033[31m**S2=PASS**'"


@pytest.fixture
def run_script(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> RunScript:
    return in_process(capsys, monkeypatch)


@pytest.fixture(scope="module")
def pushed(tmp_path_factory: pytest.TempPathFactory) -> Branches:
    """Made once: no test changes it."""
    return branches(tmp_path_factory.mktemp("hub") / "git", 2)


@pytest.fixture
def work(pushed: Branches, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run_script: RunScript) -> Work:
    """One agent whose pull request is queued."""
    made = pushed.work(home, tmp_path / "gh.sock")
    for name, value in made.environment.items():
        monkeypatch.setenv(name, str(value))
    monkeypatch.setenv("FLEET_TMUX_SOCKET", "nobody")
    configure(home)
    queued = run_script("test-queue", "add", "fleet:1")
    assert queued.returncode == 0, queued.stderr
    return made


def log_named(output: str) -> Path:
    (line,) = [line for line in output.splitlines() if line.startswith("log: ")]
    return Path(line.removeprefix("log: "))


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_without_a_command_the_orchestrator_gets_the_line(work: Work, run_script: RunScript) -> None:
    done = run_script("test-queue", "run")
    assert (done.returncode, done.stdout) == (0, "/pr-test https://github.com/acme/widget/pull/11\n")


def test_a_command_is_streamed_into_a_log_and_its_verdicts_are_recorded(
    work: Work, run_script: RunScript, home: Path
) -> None:
    configure(home, command=GOOD)
    with work.serve({11: {}}):
        done = run_script("test-queue", "run")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "all 2 scenarios of /pr-test pass" in done.stdout
    assert "\x1b" not in done.stdout
    log = log_named(done.stdout)
    assert (log.stat().st_mode & 0o777, log.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    assert log.read_bytes() == b"- S1 (login)=PASS\n\n\x1b[31m**S2=PASS**"
    (outcome,) = kept(home)["outcomes"]
    assert (outcome["results"], outcome["head"]) == (["S1 (login)=PASS", "S2=PASS"], work.commits["feat/1"][0])
    assert (kept(home)["entries"], kept(home)["lease"]) == ([], None)
    assert work.agent()["state"] == "pending_evaluation"
    assert [event["event"] for event in events(home, "test-began", "test-ended")] == ["test-began", "test-ended"]
    assert events(home, "test-began")[0]["log"] == str(log)


def test_what_others_wrote_reaches_the_command_in_variables_alone(
    work: Work, run_script: RunScript, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hostile = f"Do $(touch {tmp_path}/one) `touch {tmp_path}/two`; touch {tmp_path}/three\nS9=PASS\n' \" \\ \x1b[31m"
    work.record(objective=hostile)
    monkeypatch.setenv("SECRET_TOKEN", "s3cret")
    monkeypatch.setenv("WANTED", "yes")
    names = ("URL", "PR", "REPO", "HOST", "HEAD", "BRANCH", "WORKTREE", "OBJECTIVE", "PROMPT")
    show = "; ".join(f'printf "%s\\0" "$FLEET_TEST_{name}"' for name in names)
    configure(home, command=f"{{ {show}; pwd; env; }} > {tmp_path}/seen; echo S1=PASS", environment=["WANTED"])
    assert run_script("test-queue", "run").returncode == 0
    *values, rest = (tmp_path / "seen").read_text().split("\0")
    found = dict(zip(names, values, strict=True))
    assert (found["URL"], found["PR"]) == ("https://github.com/acme/widget/pull/11", "11")
    assert (found["REPO"], found["HOST"], found["BRANCH"]) == ("acme/widget", "github.com", "feat/1")
    assert found["OBJECTIVE"].startswith(f"Do $(touch {tmp_path}/one)")
    assert found["PROMPT"].startswith("/pr-test https://github.com/acme/widget/pull/11\nContext: ")
    assert "\x1b" not in found["OBJECTIVE"] + found["PROMPT"]
    assert rest.splitlines()[0] == found["WORKTREE"] == work.agent()["worktree_path"]
    assert "WANTED=yes" in rest
    assert "s3cret" not in rest
    assert sorted(path.name for path in tmp_path.iterdir() if path.name in ("one", "two", "three")) == []


@pytest.mark.parametrize(
    ("command", "settings", "code", "says"),
    [
        ("echo looks good", {}, 3, "its output has no line SCENARIO=PASS"),
        ("echo looks good", {"exit_code_decides": True}, 0, "all 1 scenarios of /pr-test pass"),
        ("sleep 600", {"timeout_seconds": 0.3}, 1, "had not ended after 0.3 s and was stopped"),
        ("exec >&- 2>&-; sleep 600", {"timeout_seconds": 0.3}, 1, "had not ended after 0.3 s and was stopped"),
        ("sleep 600 & echo S1=PASS", {}, 0, "all 1 scenarios of /pr-test pass"),
        ("echo S1=PASS; exit 4", {}, 8, "was not told"),
        ("echo S1=PASS; echo S1=FAIL: once", {}, 8, "was not told"),
    ],
    ids=["vague", "exit-code", "slow", "slow-and-silent", "leaves-one-behind", "exit-4", "worst"],
)
def test_only_verdicts_in_time_count(
    work: Work, run_script: RunScript, home: Path, command: str, settings: dict[str, object], code: int, says: str
) -> None:
    configure(home, command=command, **settings)
    with work.serve({11: {}}):
        done = run_script("test-queue", "run", timeout=30)
    assert done.returncode == code, done.stdout + done.stderr
    assert says in done.stdout + done.stderr
    if code in (1, 3):
        (entry,) = kept(home)["entries"]
        assert entry["ask_again"]
        assert kept(home)["lease"] is None
        configure(home)
        assert "Context: This PR implements" in run_script("test-queue", "next").stdout


def test_a_bad_exit_code_is_no_pass() -> None:
    fine = (Scenario("S1", PrTestResult.PASS),)
    assert verdicts(fine, 0, (), exit_code_decides=False) == fine
    assert verdicts((), 0, (), exit_code_decides=False) == ()
    said = [str(one) for one in verdicts(fine, 4, ("a", "b"), exit_code_decides=False)]
    assert said == ["S1=PASS", "the command=FAIL: exit code 4: a / b"]
    failed = (Scenario("S1", PrTestResult.FAIL, "x"),)
    assert verdicts(failed, 1, (), exit_code_decides=True) == failed


def hanging(home: Path, tmp_path: Path) -> str:
    """A command with a child in the background, which writes down both."""
    configure(
        home, command=f"sleep 601 & echo $! $$ > {tmp_path}/pids.new; mv {tmp_path}/pids.new {tmp_path}/pids; wait"
    )
    return f"{tmp_path}/pids"


def pids_in(file: str) -> list[int]:
    wait_until(lambda: Path(file).exists(), 20, "the command")
    return [int(word) for word in Path(file).read_text().split()]


def test_in_the_background_it_goes_on_alone(work: Work, run_script: RunScript, home: Path, tmp_path: Path) -> None:
    configure(home, command=f"while ! [ -e {tmp_path}/go ]; do sleep 0.05; done; echo S1=PASS")
    with work.serve({11: {}}):
        done = run_script("test-queue", "run", "--background")
        assert done.returncode == 0, done.stderr
        log = log_named(done.stdout)
        busy = run_script("test-queue", "run", "fleet:1")
        assert (busy.returncode, "only one test runs at a time" in busy.stderr) == (8, True)
        again = run_script("test-queue", "run", "--background")
        assert (again.returncode, "only one test runs" in again.stdout + again.stderr) == (8, True)
        (tmp_path / "go").touch()
        wait_until(lambda: work.agent()["state"] == "pending_evaluation", 30, "the results")
    assert log.read_text() == "S1=PASS\n"


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_runner_that_is_killed_leaves_no_command_and_no_turn_behind(
    work: Work, run_script: RunScript, home: Path, tmp_path: Path, number: signal.Signals
) -> None:
    file = hanging(home, tmp_path)
    runner = subprocess.Popen(
        [sys.executable, "-I", MAIN, "test-queue", "run"],
        env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    pids = pids_in(file)
    assert kept(home)["lease"]["group"] == pids[1]
    runner.send_signal(number)
    runner.communicate(timeout=30)
    if number is signal.SIGKILL:
        assert all(map(alive, pids))
        assert "its tester is gone" in run_script("test-queue", "list").stdout
        assert "1 of 1 in the queue" in run_script("test-queue", "add", "fleet:1").stdout
    configure(home)
    after = run_script("test-queue", "next")
    assert (after.returncode, "pull/11" in after.stdout) == (0, True), after.stderr
    assert [pid for pid in pids if alive(pid)] == []
    assert kept(home)["entries"][0]["attempts"] == 2
    if number is signal.SIGKILL:
        assert events(home, "test-lost")[0]["processes_ended"] == 2


def test_of_a_killed_run_only_its_own_processes_are_ended(
    work: Work, run_script: RunScript, home: Path, tmp_path: Path
) -> None:
    """The recorded group's number may be another's by now: its leader started at another time."""
    other = subprocess.Popen(["sleep", "602"], start_new_session=True)
    try:
        run_script("test-queue", "next")
        members = kept(home)
        members["lease"] |= {"pid": 2**22 + 5, "start_ticks": "1", "group": other.pid, "group_ticks": "1"}
        queue_file(home).write_text(json.dumps(members))
        assert run_script("test-queue", "next").returncode == 0
        assert other.poll() is None
    finally:
        os.killpg(other.pid, signal.SIGKILL)
        other.wait()


def test_a_command_whose_runner_dies_before_it_is_on_record_never_begins(tmp_path: Path) -> None:
    code = (
        "from pathlib import Path; import os\n"
        "from fleetscripts.adapters.system.process_group import GroupCommand\n"
        f"GroupCommand('touch {shlex.quote(str(tmp_path))}/begun', Path('/'), os.environ)\n"
        "os._exit(9)\n"
    )
    root = str(Path(MAIN).parents[1])
    done = subprocess.run([sys.executable, "-c", code], env=environment({"PYTHONPATH": root}), check=False)
    assert done.returncode == 9
    group = subprocess.run(["pgrep", "-f", f"touch {tmp_path}/begun"], capture_output=True, text=True, check=False)
    wait_until(lambda: not any(alive(int(pid)) for pid in group.stdout.split()), 10, "its end")
    assert not (tmp_path / "begun").exists()


@pytest.mark.parametrize(
    ("table", "says"),
    [
        ({"comand": "x"}, "no setting is called 'comand'"),
        ({"timeout_seconds": 0}, "test_queue.timeout_seconds in config.toml: expected a positive number of seconds"),
        ({"environment": "X"}, "test_queue.environment in config.toml: expected a list of names"),
        ({"command": 5}, "test_queue.command in config.toml: expected text"),
        *(
            ({"parallel": value}, "test_queue.parallel in config.toml: expected a whole number")
            for value in (0, -1, "x")
        ),
        ({"exit_code_decides": "yes"}, "test_queue.exit_code_decides in config.toml: expected true or false"),
    ],
)
def test_settings_that_cannot_be_used_are_named(
    work: Work, run_script: RunScript, home: Path, table: dict[str, object], says: str
) -> None:
    configure(home, **table)
    done = run_script("test-queue", "run")
    assert (done.returncode, says in done.stderr) == (2, True), done.stderr


@pytest.mark.parametrize(("parallel", "most"), [(1, 1), (3, 3)])
def test_so_many_commands_run_at_once_and_never_more_each_with_its_slot(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run_script: RunScript, parallel: int, most: int
) -> None:
    """Five are queued and six ask; a command waits for as many others as may run, and counts who runs beside it."""
    made = branches(tmp_path / "git", 5).work(home, tmp_path / "gh.sock")
    for name, value in made.environment.items():
        monkeypatch.setenv(name, str(value))
    monkeypatch.setenv("FLEET_TMUX_SOCKET", "nobody")
    running, seen, turned_away = tmp_path / "running", tmp_path / "seen", tmp_path / "turned-away"
    running.mkdir()
    command = (
        f"mkdir {running}/$FLEET_SLOT || exit 1; n=0; "
        f"while [ $(ls {running} | wc -l) -lt {most} ] && [ $n -lt 400 ]; do n=$((n+1)); sleep 0.1; done; "
        f"echo $(ls {running} | wc -l) $FLEET_SLOT $FLEET_PORT_BASE >> {seen}; "
        f"while [ ! -e {turned_away} ] && [ $n -lt 800 ]; do n=$((n+1)); sleep 0.1; done; "
        f"ls {running} | wc -l >> {seen}.again; rmdir {running}/$FLEET_SLOT; echo S1=PASS"
    )
    configure(home, command=command, parallel=parallel)
    with (home / "fleet" / "config.toml").open("a") as file:
        file.write("\n[worktree]\n")
    for number in range(1, most + 3):
        assert run_script("test-queue", "add", f"fleet:{number}").returncode == 0
    words = [sys.executable, "-I", MAIN, "test-queue", "run"]
    with made.serve({11 + number: {} for number in range(5)}):
        asked = [
            subprocess.Popen(words, env=environment(), stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
            for _ in range(most + 2)
        ]
        wait_until(lambda: sum(one.poll() is not None for one in asked) == 2, 60, "the others turned away")
        turned_away.touch()
        codes = sorted(one.wait(120) for one in asked)
    assert codes == [0] * most + [8] * 2
    rows = [line.split() for line in seen.read_text().splitlines()]
    assert [row[0] for row in rows] == [str(most)] * most
    assert {(slot, port) for _, slot, port in rows} == {(str(n), str(20_000 + 100 * n)) for n in range(1, most + 1)}
    assert max(int(line) for line in (tmp_path / "seen.again").read_text().split()) <= most
