"""A host is added, linked and called; its agents are seen here; what breaks on the way does no harm."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from fleetscripts.core.hosts import wire
from fleetscripts.errors import UsageProblem
from fleetscripts.practice.ssh_host import SshClient
from fleetscripts.services.hosts.registry import hosts
from fleetscripts.services.links.processes import keep_links
from tests.conftest import RunScript
from tests.hosts.conftest import MakeHost
from tests.hosts.cutting_proxy import CuttingProxy
from tests.hosts.linked import LinkedHost, agent, helpers, masters, parent_of
from tests.waiting import comes, wait_until

MakeLinked = Callable[..., LinkedHost]


def test_a_host_is_added_checked_listed_and_removed(
    make_linked: MakeLinked, run_script: RunScript, ssh_host: MakeHost
) -> None:
    alpha = make_linked(lines=("MaxSessions 2",))
    alpha.files.remove()
    there = [f"--home-there={alpha.fleet_home}", f"--state-file-there={alpha.state_file}", "--socket-there=there"]
    added = run_script("hosts", "add", "alpha", "alpha", *there, timeout=120)
    assert added.returncode == 0, added.stderr
    entry = json.loads((alpha.files.folder / "host.json").read_text(encoding="utf-8"))
    bundle = Path(entry["bundle"])
    assert bundle.parent == alpha.there.home / ".local/share/fleetscripts/bundles"
    assert {path.name for path in bundle.iterdir()} >= {"fleetscripts", "scripts", "skill", "requirements"}
    assert not (bundle / "tests").exists()
    assert entry["programs"]["practice"] == str(alpha.there.home / "bin" / "practice")
    assert all(Path(path).is_absolute() for path in [entry["python"], *entry["programs"].values()])
    alpha.reached()
    assert run_script("hosts").stdout.splitlines()[1].split() == ["alpha", "alpha", "up", "0"]
    checked = run_script("hosts", "check", "alpha")
    assert checked.returncode == 3, checked.stderr  # something is missing
    missing = [line for line in checked.stdout.splitlines() if "missing" in line]
    assert [line.split(": ")[2] for line in missing] == ["clients", "spare worktrees"], checked.stdout
    assert "; to mend it there: " in missing[0]
    assert "add-spare --host alpha 3 --repo PROJECT" in missing[1]
    before = bundle.stat().st_ino
    assert run_script("hosts", "add", "alpha", timeout=120).returncode == 0
    assert bundle.stat().st_ino == before
    assert json.loads((alpha.files.folder / "host.json").read_text(encoding="utf-8"))["fleet_home"] == str(
        alpha.fleet_home
    )
    alpha.put(agent(1))
    wait_until(lambda: alpha.view().fleet.agents)
    refused = run_script("hosts", "remove", "alpha")
    assert (refused.returncode, "1 agent at work" in refused.stderr) == (3, True)
    link = alpha.link().pid
    assert parent_of(link)
    assert len(masters(alpha)) == 1
    assert run_script("hosts", "remove", "alpha", "--force").returncode == 0
    assert (parent_of(link), masters(alpha), alpha.files.folder.exists()) == (0, [], False)
    assert hosts(alpha.settings) == ()
    assert not helpers(alpha.there) or comes(lambda: not helpers(alpha.there), 2)
    assert alpha.there.handshakes() <= 2


@pytest.mark.stress
def test_a_machine_is_one_host_of_a_central_and_is_let_go_by_its_own_alone(
    make_linked: MakeLinked, run_script: RunScript, short_folder: Path
) -> None:
    alpha = make_linked()
    there = [f"--home-there={alpha.fleet_home}", f"--state-file-there={alpha.state_file}", "--socket-there=there"]
    assert run_script("hosts", "add", "alpha", "alpha", *there, timeout=120).returncode == 0
    alpha.reached()
    again = run_script("hosts", "add", "x", "alpha", *there, timeout=120)
    assert (again.returncode, "it is your host alpha already: hosts remove alpha first" in again.stderr) == (1, True)
    itself = run_script("hosts", "add", "me", "alpha", f"--home-there={alpha.settings.fleet_home}", timeout=120)
    assert (itself.returncode, "it is the machine that adds it" in itself.stderr) == (1, True), itself.stderr
    assert not (alpha.settings.fleet_home / "central").exists()
    assert [row["name"] for row in json.loads(run_script("hosts", "--json").stdout)] == ["alpha"]
    central = alpha.fleet_home / "central" / "central.json"
    assert json.loads(central.read_text())["host"] == "alpha"

    other = {"FLEET_HOME": str(short_folder / "other"), "ORCHESTRATOR_STATE_FILE": str(short_folder / "other.json")}
    assert run_script("hosts", "add", "box", "alpha", *there, env=other, timeout=120).returncode == 0
    removed = run_script("hosts", "remove", "alpha", "--force", timeout=60)
    assert (removed.returncode, "a host of" in removed.stdout) == (0, True), removed
    assert json.loads(central.read_text())["host"] == "box"
    wait_until(lambda: run_script("hosts", env=other).stdout.splitlines()[1].split()[:3] == ["box", "alpha", "up"])

    central.unlink()
    wait_until(lambda: "hosts add box" in run_script("hosts", env=other).stdout, 30)
    checked = run_script("hosts", "check", "box", env=other, timeout=60)
    assert (checked.returncode, "it has left this central" in checked.stdout) == (3, True), checked.stdout
    assert run_script("hosts", "remove", "box", env=other, timeout=60).returncode == 0


def test_a_host_that_is_removed_while_it_logs_in_leaves_no_connection(
    make_linked: MakeLinked, run_script: RunScript, ssh_client: SshClient
) -> None:
    alpha = make_linked()
    proxy = CuttingProxy((alpha.there.address, alpha.there.port))
    try:
        ssh_client.knows([alpha.there], {"alpha": proxy.address})
        proxy.stall()
        keep_links(alpha.settings, [alpha.host])
        [logging_in] = wait_until(lambda: masters(alpha))
        assert run_script("hosts", "remove", "alpha").returncode == 0
        assert comes(lambda: not parent_of(logging_in), 2)
    finally:
        proxy.close()


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("add", "alpha", "-oProxyCommand=touch /tmp/x"), "no option '-o'"),
        (("add", "alpha", "--", "-oProxyCommand=touch /tmp/x"), "expected [USER@]HOST"),
        (("add", "Alpha", "alpha"), "expected a name"),
        (("add", "../x", "alpha"), "expected a name"),
        (("add", "alpha", "a b"), "expected [USER@]HOST"),
        (("remove", "beta"), "no host 'beta': there is none"),
        (("check", "beta"), "no host"),
        (("add",), "found no name"),
        (("connect", "alpha", "alpha"), "expected a terminal"),
    ],
)
def test_what_names_no_host_is_refused(run_script: RunScript, words: tuple[str, ...], says: str) -> None:
    done = run_script("hosts", *words, input="")
    assert done.returncode in (2, 3)
    assert says.lower() in done.stderr.lower()
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("action", ["list", "check"])
def test_where_there_are_none_that_is_said(run_script: RunScript, action: str) -> None:
    done = run_script("hosts", action)
    assert (done.returncode, done.stdout) == (0, "no other machines: hosts add adds one\n")


def test_agents_are_seen_as_they_come_change_and_go(make_linked: MakeLinked) -> None:
    alpha = make_linked()
    now = time.time()
    alpha.put(agent(1, spawned_at=now - 100, idle_since=0), agent(2), discord_webhook="https://secret.example/x")
    alpha.begin()
    view = alpha.view()
    assert [one.id for one in view.fleet.agents] == ["agent1", "agent2"]
    assert abs(view.fleet.agents[0].spawned_at - (now - 100)) < 3
    assert view.fleet.agents[0].idle_since == 0
    assert "secret" not in (alpha.files.folder / "mirror.json").read_text(encoding="utf-8")
    assert view.facts["loop_runs"] is False
    assert view.facts["cores"]
    alpha.put(agent(1, state="done"), agent(3))
    wait_until(lambda: [one.id for one in alpha.view().fleet.agents] == ["agent1", "agent3"])
    assert alpha.view().fleet.agents[0].state == "done"
    alpha.put(agent(1, state="done", last_seen_at=time.time()), agent(3))
    alpha.put(agent(1, state="done", last_seen_at=time.time()), agent(3, state="nonsense"))
    wait_until(lambda: "agents[1].state" in alpha.view().problem)
    assert [one.id for one in alpha.view().fleet.agents] == ["agent1", "agent3"]


def test_a_call_does_what_it_does_there(make_linked: MakeLinked) -> None:
    alpha = make_linked(lines=("MaxSessions 2",))
    alpha.put(agent(1))
    done = alpha.call("status", "--json")
    assert done.exit_code == 0, done
    assert "agent1" in done.stdout.decode()
    wrong = alpha.call("show", "nobody")
    assert (wrong.exit_code, wrong.state) == (1, "done") or wrong.exit_code in (2, 3)
    assert b"nobody" in wrong.stderr
    told = alpha.call("tasks", "add", "x", "-", stdin=b"Add \xc3\xa4 banner")
    assert told.state == "done"
    with pytest.raises(UsageProblem, match="no command"):
        alpha.call("hosts", "list")
    with pytest.raises(UsageProblem, match="bytes of input"):
        alpha.call("status", stdin=b"x" * (wire.MOST_STDIN + 1))
    with ThreadPoolExecutor(6) as pool:
        several = pool.map(lambda number: alpha.call("tasks", "add", f"one{number}", "text"), range(6))
    assert [one.exit_code for one in several] == [0] * 6
    assert alpha.there.log.read_text().count("Starting session") <= 2  # channels, of which there may be four
    assert alpha.there.handshakes() == 1
    assert alpha.link().handshakes == 1
    assert alpha.files.unheard() == {}


def test_noise_of_shell_files_does_no_harm(make_linked: MakeLinked) -> None:
    noisy = 'ForceCommand echo "Welcome to $USER"; printf "\\033[31m$ "; exec /bin/bash -c "$SSH_ORIGINAL_COMMAND"'
    alpha = make_linked(lines=(noisy,))
    alpha.begin()
    assert alpha.call("status", "--json").state == "done"
    assert alpha.there.handshakes() == 1


@pytest.mark.stress
@pytest.mark.parametrize("shell", ["fish", "tcsh", "zsh", "nu"])
def test_any_login_shell_will_do(make_linked: MakeLinked, run_script: RunScript, shell: str) -> None:
    import shutil

    if shutil.which(shell) is None:
        pytest.skip(f"only for machines that have {shell}")
    alpha = make_linked(lines=(f'ForceCommand exec {shutil.which(shell)} -c "$SSH_ORIGINAL_COMMAND"',))
    added = run_script("hosts", "add", "alpha", "alpha", timeout=120)
    assert added.returncode == 0, added.stderr
    alpha.reached()
    assert run_script("hosts", "check", "alpha").stdout.startswith("alpha: alpha, version")
