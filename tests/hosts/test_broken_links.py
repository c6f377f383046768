"""What breaks between two machines, or on one of them: calls are done once, and agents are seen again."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from fleetscripts.adapters.records.call_folder import CallFolder, CallState
from fleetscripts.adapters.records.store import Store
from fleetscripts.core.hosts import wire
from fleetscripts.errors import FleetError
from fleetscripts.practice.ssh_host import SshClient
from fleetscripts.services.hosts.registry import host_named, keep
from fleetscripts.services.links.asking import HostUnreachable, Reply, ask, call
from tests.conftest import RunScript
from tests.hosts.cutting_proxy import CuttingProxy
from tests.hosts.linked import LinkedHost, agent, environment_of, helpers, kill, masters
from tests.places import BUNDLE
from tests.waiting import wait_until

MakeLinked = Callable[..., LinkedHost]
ID = "0123456789abcdef" * 2


def slow_command(folder: Path) -> Path:
    """A tmux there that marks that it began, and ends when it is let go: calls can be caught in the middle."""
    folder.mkdir(parents=True, exist_ok=True)
    program = folder / "tmux"
    program.write_text(
        f"#!/bin/sh\necho x >>{folder}/began\nwhile [ ! -e {folder}/go ]; do sleep 0.05; done\n"
        'exec /usr/bin/tmux "$@"\n',
        encoding="utf-8",
    )
    program.chmod(0o755)
    return folder


class CallThread(threading.Thread):
    """A call that another thread waits for."""

    def __init__(self, host: LinkedHost, *argv: str, timeout: float = 60) -> None:
        super().__init__(daemon=True)
        self._call = lambda: host.call(*argv, timeout=timeout)
        self.reply: Reply | FleetError | None = None
        self.start()

    def run(self) -> None:
        try:
            self.reply = self._call()
        except FleetError as error:
            self.reply = error

    def answer(self) -> Reply:
        self.join(60)
        assert isinstance(self.reply, Reply), self.reply
        return self.reply


def begun(folder: Path) -> int:
    return len((folder / "began").read_text().splitlines()) if (folder / "began").exists() else 0


def calls_of(host: LinkedHost) -> list[CallFolder]:
    folder = host.fleet_home / "host-calls"
    return [CallFolder(path) for path in folder.iterdir()] if folder.exists() else []


def test_a_reply_that_got_lost_is_asked_for_and_the_call_is_done_once(
    make_linked: MakeLinked, ssh_client: SshClient, short_folder: Path
) -> None:
    alpha = make_linked()
    proxy = CuttingProxy((alpha.there.address, alpha.there.port))
    try:
        ssh_client.knows([alpha.there], {"alpha": proxy.address})
        alpha.put(agent(1))
        alpha.begin()
        asked = CallThread(alpha, "tasks", "add", "banner", "Add the banner")
        wait_until(lambda: any(call.state() is not CallState.NONE for call in calls_of(alpha)))
        proxy.reset()
        reply = asked.answer()
        assert (reply.state, reply.exit_code) == ("done", 0), reply
        assert alpha.call("tasks", "add", "banner", "Add the banner").exit_code != 0  # it is there, once
        assert len(calls_of(alpha)) == 2
        alpha.reached()
        assert alpha.there.handshakes() == 2
        assert alpha.files.unheard() == {}
    finally:
        proxy.close()


def test_whatever_dies_the_call_is_done_once_and_the_link_comes_back(
    make_linked: MakeLinked, short_folder: Path
) -> None:
    slow = slow_command(short_folder / "slow")
    alpha = make_linked(programs=[slow])
    alpha.put(agent(1))
    (slow / "go").touch()
    alpha.begin()
    (slow / "go").unlink()
    before = begun(slow)
    asked = CallThread(alpha, "poll-cycle")
    wait_until(lambda: begun(slow) > before)
    [call] = calls_of(alpha)
    os.kill(helpers(alpha.there)[0], signal.SIGKILL)  # the host's end
    wait_until(lambda: len(calls_of(alpha)) == 1 and alpha.there.handshakes() == 1 and helpers(alpha.there))
    kill(masters(alpha))  # the connection
    wait_until(lambda: alpha.there.handshakes() == 2)
    assert call.state() is CallState.RUNNING
    (slow / "go").touch()
    assert asked.answer().state == "done"
    assert len(calls_of(alpha)) == 1
    (slow / "go").unlink()
    second = CallThread(alpha, "poll-cycle", timeout=3)
    wait_until(lambda: len(calls_of(alpha)) == 2)
    alpha.end()  # our own end
    second.join(30)
    assert isinstance(second.reply, HostUnreachable)
    assert "may have been started on alpha" in str(second.reply)
    (slow / "go").touch()
    [unheard] = alpha.files.unheard()
    wait_until(lambda: all(call.state() is not CallState.RUNNING for call in calls_of(alpha)))
    assert ask(alpha.settings, alpha.host, wire.Call(unheard), 20).state == "done"
    wait_until(lambda: len(helpers(alpha.there)) == 1)


def test_the_end_of_a_call_that_was_not_heard_is_told_by_check(make_linked: MakeLinked, run_script: RunScript) -> None:
    alpha = make_linked()
    alpha.call("status")
    alpha.files.write_call(ID, {"argv": ["spawn-agent", "x"], "at": time.time()})
    checked = run_script("hosts", "check", "alpha")
    assert "spawn-agent x: no such call was started there" in checked.stdout
    assert alpha.files.unheard() == {}


def test_a_call_whose_end_nobody_saw_is_lost_and_not_done_again(make_linked: MakeLinked, short_folder: Path) -> None:
    slow = slow_command(short_folder / "slow")
    (slow / "go").touch()
    alpha = make_linked(programs=[slow])
    alpha.put(agent(1))
    alpha.begin()
    (slow / "go").unlink()
    asked = CallThread(alpha, "poll-cycle")
    wait_until(lambda: any(call.state() is CallState.RUNNING for call in calls_of(alpha)))
    [call] = calls_of(alpha)
    wait_until(lambda: subprocess.run(["pgrep", "-f", str(call.folder)], capture_output=True).stdout)
    for pid in subprocess.run(
        ["pgrep", "-f", f"{call.folder}|poll-cycle"], capture_output=True, text=True
    ).stdout.split():
        if environment_of(pid).get("HOME") == str(alpha.there.home):
            os.kill(int(pid), signal.SIGKILL)  # as when the machine goes down
    reply = asked.answer()
    assert (reply.state, reply.exit_code) == ("lost", 3)
    assert "its result is unknown" in reply.problem
    again = ask(alpha.settings, alpha.host, wire.Call(call.folder.name, ("poll-cycle",)), 20)
    assert again.state == "lost"
    assert len(calls_of(alpha)) == 1


def test_an_order_that_comes_late_is_not_followed_a_second_time(make_linked: MakeLinked) -> None:
    alpha = make_linked()
    order = wire.Call(ID, ("tasks", "add", "x", "y"))
    assert ask(alpha.settings, alpha.host, order, 20).state == "done"
    wait_until(lambda: calls_of(alpha)[0].state() is CallState.FORGOTTEN)
    again = ask(alpha.settings, alpha.host, order, 20)
    assert (again.state, again.exit_code, again.stdout) == ("done", 0, b"")  # a second time it would be refused


def test_what_a_call_is_given_lies_nowhere_there_and_in_no_mirror(make_linked: MakeLinked) -> None:
    alpha = make_linked()
    alpha.put(agent(1))
    alpha.call("send-agent", "nobody", "-", stdin=b"sk-secret-4711")
    for folder in (alpha.there.home, alpha.files.folder):
        for path in folder.rglob("*"):
            if path.is_file() and path.stat().st_size < 1 << 20:
                assert b"sk-secret-4711" not in path.read_bytes(), path


def script_there(host: LinkedHost, text: str) -> LinkedHost:
    """The same host, where Python is another program."""
    program = host.there.home / "bin" / "other-python"
    program.write_text(text, encoding="utf-8")
    program.chmod(0o755)
    from dataclasses import replace

    return replace(host, host=keep(host.settings, replace(host.host, python=str(program))))


def when_a_call_begins_once(host: LinkedHost, deed: str) -> LinkedHost:
    """The same host, where its helper does this when it is about to start the process of a call, one time."""
    (host.there.home / "once").touch()
    program = f"""
import os, resource, runpy, sys
def hook(event, words):
    if event == 'subprocess.Popen' and words[0] == '/bin/sh' and os.path.exists('{host.there.home}/once'):
        os.remove('{host.there.home}/once')
        {deed}
sys.addaudithook(hook)
sys.argv = sys.argv[4:]
runpy.run_path(sys.argv[0], run_name='__main__')
"""
    return script_there(host, f'#!/bin/sh\nexec {sys.executable} -I -c "{program}" "$@"\n')


def test_a_helper_that_is_killed_just_before_the_process_of_a_call_loses_no_call(make_linked: MakeLinked) -> None:
    alpha = when_a_call_begins_once(make_linked(), "os.kill(os.getpid(), 9)")
    reply = alpha.call("tasks", "add", "x", "y")
    assert not (alpha.there.home / "once").exists()
    assert (reply.state, reply.exit_code) == ("done", 0), reply
    assert len(calls_of(alpha)) == 1
    assert alpha.call("tasks", "add", "x", "y").exit_code != 0  # it is there, once


def test_a_shell_that_dies_before_it_marks_the_start_refuses_the_call(make_linked: MakeLinked) -> None:
    deed = "resource.setrlimit(resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))"
    alpha = when_a_call_begins_once(make_linked(), deed)
    order = wire.Call(ID, ("tasks", "add", "x", "y"))
    reply = ask(alpha.settings, alpha.host, order, 20)
    assert (reply.state, reply.exit_code, "could not be started there" in reply.problem) == ("refused", 1, True), reply
    kill(helpers(alpha.there))
    reply = ask(alpha.settings, alpha.host, order, 20)
    assert (reply.state, reply.exit_code) == ("done", 0), reply


@pytest.mark.parametrize("version", [0, 2])
def test_another_version_of_the_messages_is_told_and_not_listened_to(make_linked: MakeLinked, version: int) -> None:
    hello = f'{{"kind":"hello","schema":{version},"version":"9.9","weather":"new","epoch":7}}'
    text = f"""#!/bin/sh
while [ "$1" != --nonce ]; do shift; done
echo "FLEET-HOST $2"; echo '{hello}'; echo '{{"kind":"snapshot","epoch":99,"number":9,"agents":["x"]}}'; cat >/dev/null
"""
    alpha = script_there(make_linked(), text)
    with pytest.raises(
        HostUnreachable, match=f"version {version} there, {wire.SCHEMA} here: hosts add alpha alpha again"
    ):
        alpha.call("status")
    assert not alpha.view().reachable
    assert alpha.view().fleet.agents == ()


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("echo 'python: not found' >&2; exit 127", "python: not found"),
        ("echo FLEET-HOST $2; echo '[1]'; cat >/dev/null", "no object with a kind"),
        ("echo FLEET-HOST $2; head -c 3000000 /dev/zero", "bytes"),
        ("yes", "before the first message"),
        ("echo FLEET-HOST $2; printf '\\033]0;x\\007\\033[31mred\\n' >&2; exit 1", "red"),
    ],
    ids=["no python", "no message", "endless line", "endless noise", "control characters"],
)
def test_a_host_that_says_nonsense_is_unreachable_for_a_reason(make_linked: MakeLinked, line: str, says: str) -> None:
    alpha = script_there(make_linked(), f'#!/bin/sh\nwhile [ "$1" != --nonce ]; do shift; done\n{line}\n')
    with pytest.raises(HostUnreachable) as unreachable:
        alpha.call("status")
    assert says in str(unreachable.value)
    assert str(unreachable.value).isprintable()


@pytest.mark.parametrize("apart", [-600, 600])
def test_clocks_that_are_ten_minutes_apart_change_no_age(make_linked: MakeLinked, apart: int) -> None:
    shifted = (
        f"import runpy, sys, time; real = time.time; time.time = lambda: real() + {apart}; "
        "sys.argv = sys.argv[4:]; runpy.run_path(sys.argv[0], run_name='__main__')"
    )
    alpha = script_there(make_linked(), f'#!/bin/sh\nexec {sys.executable} -I -c "{shifted}" "$@"\n')
    alpha.put(agent(1, spawned_at=time.time() + apart - 90))
    alpha.begin()
    [seen] = alpha.view().fleet.agents
    assert 89 < time.time() - seen.spawned_at < 100
    assert abs((alpha.link().hello or {})["apart_seconds"] - apart) < 5


def test_a_host_that_goes_is_unreachable_keeps_its_agents_and_comes_back(
    make_linked: MakeLinked, run_script: RunScript, ssh_client: SshClient
) -> None:
    alpha, beta = make_linked("alpha"), make_linked("beta")
    for host in (alpha, beta):
        host.put(agent(1))
        host.begin()
    alpha.there.stop()
    view = alpha.lost()
    assert [one.id for one in view.fleet.agents] == ["agent1"]
    assert view.problem
    assert beta.view().reachable
    with pytest.raises(HostUnreachable, match="nothing was started there"):
        alpha.call("status")
    refused = run_script("hosts", "drain", "alpha")
    assert refused.returncode == 3
    assert "1 agent may be at work there" in refused.stderr
    early = run_script("hosts", "drain", "alpha", "--gone")
    assert (early.returncode, "s of silence" in early.stderr) == (3, True)
    living = run_script("hosts", "drain", "beta", "--gone")
    assert (living.returncode, "lives and answers" in living.stderr) == (3, True)
    drained = run_script("hosts", "drain", "beta")
    assert drained.returncode == 0, drained.stderr
    assert "1 agent is still at work there" in drained.stdout
    assert beta.view().drained
    alpha.there.start(ssh_client.public_key)
    alpha.reached(60)
    assert alpha.call("status").state == "done"


@pytest.mark.parametrize(
    ("said", "gone"),
    [
        ("ssh: connect to host beta port 22: No route to host", True),
        ("ssh: connect to host beta port 22: Network is unreachable", False),
        ("ssh: connect to host beta port 22: Connection refused", False),
        ("Connection timed out during banner exchange", False),
    ],
)
def test_only_silence_lets_a_host_be_given_up(
    make_linked: MakeLinked, run_script: RunScript, ssh_client: SshClient, said: str, gone: bool
) -> None:
    beta = make_linked("beta")
    program = ssh_client.bin / "ssh"
    program.write_text(f"#!/bin/sh\necho '{said}' >&2\nexit 255\n", encoding="utf-8")  # what ssh says on such a day
    done = run_script("hosts", "drain", "beta", "--gone")
    assert (done.returncode == 0) == gone, done
    assert bool(host_named(beta.settings, "beta").gone_at) == gone
    if gone:
        with pytest.raises(HostUnreachable, match="was declared lost"):
            call(beta.settings, host_named(beta.settings, "beta"), ["status"])


def test_connect_asks_a_person_once_and_the_rest_goes_over_that(
    make_linked: MakeLinked, ssh_client: SshClient, run_script: RunScript
) -> None:
    alpha = make_linked()
    (ssh_client.folder / "known_hosts").write_text("", encoding="utf-8")
    added = run_script("hosts", "add", "gamma", "alpha")
    assert added.returncode == 3
    assert "hosts connect gamma alpha" in added.stderr
    words = [sys.executable, "-I", str(BUNDLE / "fleetscripts" / "__main__.py"), "hosts", "connect", "alpha"]
    parent, child = pty.openpty()
    with subprocess.Popen(
        words, stdin=child, stdout=child, stderr=child, start_new_session=True, preexec_fn=_own_terminal
    ) as person:
        os.close(child)
        shown = b""
        while b"(yes/no" not in shown:
            shown += os.read(parent, 1000)
        os.write(parent, b"yes\n")
        while b"connected" not in shown:
            shown += os.read(parent, 1000)
        assert person.wait(20) == 0
    os.close(parent)
    assert alpha.call("status").state == "done"
    assert alpha.there.handshakes() == 2  # the refused one, and the person's


def _own_terminal() -> None:
    import fcntl
    import termios

    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


def test_programs_that_only_a_login_shell_finds_are_found(make_linked: MakeLinked, run_script: RunScript) -> None:
    alpha = make_linked()
    tools = alpha.there.home / "tools of mine"
    plain = alpha.there.home / "tools"
    for folder in (tools, plain):
        folder.mkdir()
        (folder / "codex").write_text("#!/bin/sh\n", encoding="utf-8")
        (folder / "codex").chmod(0o755)
    (alpha.there.home / ".profile").write_text(f"echo hello; PATH=$PATH:{plain}; export PATH\n", encoding="utf-8")
    (alpha.there.home / ".bash_profile").write_text(". ~/.profile\n", encoding="utf-8")
    added = run_script("hosts", "add", "alpha", "alpha", timeout=120)
    assert added.returncode == 0, added.stderr
    found = host_named(alpha.settings, "alpha")
    assert (found.programs or {})["codex"] == str(plain / "codex")
    assert str(plain) in found.path.split(":")


def test_a_tmux_server_that_is_killed_there_ends_no_link(make_linked: MakeLinked) -> None:
    alpha = make_linked()
    alpha.put(agent(1, pane_id="%0"))
    environ = {**os.environ, "TMUX_TMPDIR": str(alpha.there.folder)}
    subprocess.run(
        ["tmux", "-L", "there", "-f", "/dev/null", "new-session", "-d", "sleep 1000"], env=environ, check=True
    )
    alpha.begin()
    assert (alpha.link().hello or {})["server"]
    subprocess.run(["tmux", "-L", "there", "kill-server"], env=environ, check=True)
    assert alpha.call("status", "--json").state == "done"
    assert alpha.there.handshakes() == 1
    assert [one.id for one in alpha.view().fleet.agents] == ["agent1"]


def tell_often(host: LinkedHost, over: threading.Event) -> None:
    """A host whose records change without end."""
    number = 0
    while not over.is_set():
        number += 1
        host.put(*(agent(n, objective=f"{number} " + "x" * 3000) for n in range(1, 41)))


def test_a_chatty_host_delays_no_other(make_linked: MakeLinked) -> None:
    alpha, beta = make_linked("alpha"), make_linked("beta")
    for host in (alpha, beta):
        host.put(agent(1))
        host.begin()
    over = threading.Event()
    chatting = threading.Thread(target=tell_often, args=(alpha, over))
    chatting.start()
    try:
        wait_until(lambda: len(alpha.view().fleet.agents) == 40)
        beta.put(agent(1, state="done"))
        wait_until(lambda: beta.view().fleet.agents[0].state == "done", 2)
        assert alpha.call("tasks", "add", "x", "y").exit_code == 0
    finally:
        over.set()
        chatting.join()
    last = {one.objective for one in Store(alpha.state_file).read().agents}
    wait_until(lambda: {one.objective for one in alpha.view().fleet.agents} == last)


@pytest.mark.stress
def test_a_loop_begins_the_links_and_begins_them_again(make_linked: MakeLinked, tmp_path: Path) -> None:
    alpha = make_linked()
    alpha.put(agent(1))
    alpha.settings.state_file.write_text('{"active": true, "agents": []}', encoding="utf-8")
    words = [sys.executable, "-I", str(BUNDLE / "fleetscripts" / "__main__.py"), "run-loop", "--poll"]
    with open(tmp_path / "loop", "wb") as said, subprocess.Popen(words, stdout=said, stderr=said) as loop:
        try:
            alpha.reached()
            first = alpha.link().pid
            alpha.end()
            wait_until(lambda: alpha.link().pid != first)
            alpha.reached()
        finally:
            loop.kill()  # and the link stays: nothing there depends on the loop here
    assert alpha.call("status").state == "done"
    assert alpha.there.handshakes() == 1


def test_copies_there_go_when_nothing_runs_from_them(make_linked: MakeLinked, run_script: RunScript) -> None:
    alpha = make_linked()
    bundles = alpha.there.home / ".local/share/fleetscripts/bundles"
    for number in range(4):
        (bundles / f"old{number}").mkdir(parents=True)
        os.utime(bundles / f"old{number}", (number + 1, number + 1))
    with subprocess.Popen(["tail", "-f", "/dev/null", f"{bundles}/old0/x"], stderr=subprocess.DEVNULL) as used:
        try:
            added = run_script("hosts", "add", "alpha", "alpha", timeout=120)
        finally:
            used.kill()
    assert added.returncode == 0, added.stderr
    entry = host_named(alpha.settings, "alpha")
    assert {path.name for path in bundles.iterdir()} == {"old0", "old3", Path(entry.bundle).name}


def test_a_host_that_was_started_anew_is_noticed(make_linked: MakeLinked, short_folder: Path) -> None:
    if os.geteuid() != 0 or sys.platform != "linux":
        pytest.skip("only for root on Linux: another boot id")
    boot = short_folder / "boot"
    mount = f"mount --bind {boot} /proc/sys/kernel/random/boot_id"
    text = f"""#!/bin/sh
[ -e {boot} ] && exec unshare -m sh -c '{mount} && exec {sys.executable} "$@"' x "$@"
exec {sys.executable} "$@"
"""
    alpha = script_there(make_linked(), text)
    alpha.put(agent(1))
    alpha.begin()
    boot.write_text("another-start\n", encoding="utf-8")
    os.kill(helpers(alpha.there)[0], signal.SIGKILL)
    wait_until(lambda: (alpha.link().hello or {}).get("boot") == "another-start")
    assert "the host was started anew" in alpha.log
    assert [one.id for one in alpha.reached().fleet.agents] == ["agent1"]


@pytest.mark.stress
def test_a_link_that_is_half_open_is_noticed_and_its_other_end_goes(
    make_linked: MakeLinked, ssh_client: SshClient
) -> None:
    alpha = make_linked()
    proxy = CuttingProxy((alpha.there.address, alpha.there.port))
    try:
        ssh_client.knows([alpha.there], {"alpha": proxy.address})
        alpha.put(agent(1))
        alpha.begin()
        [orphan] = helpers(alpha.there)
        proxy.stall()
        view = alpha.lost(60)
        assert "no message came" in view.problem or "timed out" in view.problem
        assert [one.id for one in view.fleet.agents] == ["agent1"]
        proxy.reset()
        proxy.resume()
        alpha.reached(150)
        wait_until(lambda: orphan not in helpers(alpha.there), 90)
        assert len(helpers(alpha.there)) == 1
    finally:
        proxy.close()


@pytest.mark.stress
def test_an_end_that_stood_still_obeys_nothing_when_it_goes_on(make_linked: MakeLinked) -> None:
    alpha = make_linked()
    alpha.put(agent(1))
    alpha.begin()
    [stopped] = helpers(alpha.there)
    os.kill(stopped, signal.SIGSTOP)
    reply = alpha.call("tasks", "add", "x", "y", timeout=120)
    assert (reply.state, reply.exit_code) == ("done", 0)
    wait_until(lambda: calls_of(alpha)[0].state() is CallState.FORGOTTEN)
    os.kill(stopped, signal.SIGCONT)
    wait_until(lambda: stopped not in helpers(alpha.there), 90)
    assert len(calls_of(alpha)) == 1
    assert alpha.view().reachable


@pytest.mark.stress
def test_a_shell_that_says_nothing_is_given_up(make_linked: MakeLinked) -> None:
    alpha = script_there(make_linked(), "#!/bin/sh\ncat >/dev/null\n")
    with pytest.raises(HostUnreachable, match="no message came"):
        alpha.call("status")


@pytest.mark.parametrize("redirected", ["", "> out"])
def test_a_link_from_nowhere_ends_without_a_word_of_complaint(home: Path, tmp_path: Path, redirected: str) -> None:
    line = f'"$0" -I "$1" host --stdio < /dev/null {redirected}'
    argv = ["sh", "-c", line, sys.executable, str(BUNDLE / "fleetscripts" / "__main__.py")]
    done = subprocess.run(argv, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=30)
    assert (done.returncode, done.stderr) == (0, "")
