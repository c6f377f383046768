"""The one connection to a host: shared, checked, never made anew behind our back, and never weaker than the user's."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest

from fleetscripts.adapters.ssh.problems import SshProblem, SshProblemKind
from fleetscripts.adapters.ssh.ssh import Ssh, end
from fleetscripts.core.hosts.remote_shell import in_sh, word
from fleetscripts.errors import FleetError
from fleetscripts.practice.ssh_host import SshClient
from fleetscripts.services.links.connection import MOST_BYTES, SSH_ADDS, socket_folder, socket_path
from tests.hosts.conftest import MakeHost
from tests.waiting import wait_until


@pytest.fixture
def runtime(short_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = short_folder / "run"
    folder.mkdir(mode=0o700)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(folder))
    return folder


@pytest.fixture
def alpha(runtime: Path) -> Ssh:
    return connection(runtime, "alpha")


def connection(folder: Path, address: str) -> Ssh:
    return Ssh(address, socket_path("c", address), folder / f"{address}.said")


def pid_of(ssh: Ssh) -> int:
    words = ["ssh", "-O", "check", "-o", f"ControlPath={ssh.socket}", ssh.address]
    said = subprocess.run(words, capture_output=True, text=True, check=True).stderr
    return int(said.partition("pid=")[2].partition(")")[0])


def test_many_calls_share_one_connection(ssh_host: MakeHost, alpha: Ssh) -> None:
    host = ssh_host("alpha", lines=["MaxSessions 2"])
    told: list[str] = []
    alpha = Ssh(alpha.address, alpha.socket, alpha.said, told.append)
    for number in range(5):
        done = alpha.run(in_sh("cat; exit 7"), f"{number}".encode())
        assert (done.stdout, done.returncode) == (f"{number}".encode(), 7)
    assert host.handshakes() == len(told) == 1
    alpha.close()
    assert not alpha.alive()


def test_a_full_connection_is_said_to_be_full_and_nobody_logs_in_anew(ssh_host: MakeHost, alpha: Ssh) -> None:
    host = ssh_host("alpha", lines=["MaxSessions 2"])
    alpha.open()
    held = [alpha.channel(in_sh("echo here; cat")) for _ in range(2)]
    try:
        assert all(one.stdout is not None and one.stdout.readline() == b"here\n" for one in held)
        with pytest.raises(SshProblem) as refused:
            alpha.run(in_sh("true"))
        assert refused.value.kind is SshProblemKind.FULL
    finally:
        for one in held:
            end(one)
    wait_until(lambda: works(alpha))
    assert host.handshakes() == 1
    alpha.close()


def works(ssh: Ssh) -> bool:
    try:
        return ssh.run(in_sh("true")).returncode == 0
    except SshProblem:
        return False


def test_ten_channels_where_the_host_allows_ten(ssh_host: MakeHost, alpha: Ssh) -> None:
    host = ssh_host("alpha", lines=["MaxSessions 10"])
    alpha.open()
    held = [alpha.channel(in_sh("echo here; cat")) for _ in range(10)]
    assert all(one.stdout is not None and one.stdout.readline() == b"here\n" for one in held)
    for one in held:
        end(one)
    assert host.handshakes() == 1
    alpha.close()


def test_a_channel_without_a_connection_ends_and_makes_none(ssh_host: MakeHost, alpha: Ssh) -> None:
    host = ssh_host("alpha")
    channel = alpha.channel(in_sh("echo here"))
    stdout, _ = channel.communicate(b"", 20)
    assert (channel.returncode, stdout) == (255, b"")
    assert host.handshakes() == 0


def test_a_stale_socket_is_known_within_two_seconds_and_replaced(ssh_host: MakeHost, alpha: Ssh) -> None:
    host = ssh_host("alpha")
    alpha.open()
    os.kill(pid_of(alpha), signal.SIGKILL)
    wait_until(lambda: not alpha.alive())
    assert alpha.socket.exists()
    assert alpha.run(in_sh("echo here")).stdout == b"here\n"
    stopped = pid_of(alpha)
    os.kill(stopped, signal.SIGSTOP)
    try:
        began = time.monotonic()
        assert not alpha.alive()
        assert time.monotonic() - began < 3
        assert alpha.run(in_sh("echo here")).stdout == b"here\n"
    finally:
        os.kill(stopped, signal.SIGKILL)
    assert host.handshakes() == 3
    alpha.close()


def test_a_file_in_the_sockets_place_is_replaced(ssh_host: MakeHost, alpha: Ssh) -> None:
    ssh_host("alpha")
    alpha.socket.write_text("", encoding="utf-8")
    assert alpha.run(in_sh("echo here")).stdout == b"here\n"
    alpha.close()


def test_the_users_own_shared_connection_is_left_alone(
    ssh_host: MakeHost, ssh_client: SshClient, alpha: Ssh, short_folder: Path
) -> None:
    host, own = ssh_host("alpha"), short_folder / "own"
    config = ssh_client.folder / "config"
    lines = [
        f"ControlPath {own}", "ControlMaster auto", "ControlPersist 60", "RemoteCommand echo theirs",
        "RequestTTY force", "PermitLocalCommand yes", "IgnoreUnknown UseKeychain", "UseKeychain yes",
        f"LocalCommand touch {short_folder}/local", "LocalForward 127.0.0.1:1 localhost:1",
        "ForwardAgent yes", "ForkAfterAuthentication yes", "StdinNull yes", "SessionType none", "LogLevel DEBUG3",
    ]  # fmt: skip
    config.write_text("\n".join(lines) + "\n" + config.read_text(encoding="utf-8"), encoding="utf-8")
    done = alpha.run(in_sh("cat; test -t 0 && echo terminal; echo agent=$SSH_AUTH_SOCK"), b"mine\n")
    assert done.stdout == b"mine\nagent=\n"
    assert not own.exists()
    assert not (short_folder / "local").exists()
    assert host.handshakes() == 1
    alpha.close()


@pytest.mark.parametrize(
    ("line", "on_the_wire"), [("IPQoS 0x28 0x48", "0x48"), ("IPQoS none", ""), ("IPQoS 0x68", "0x68")]
)
def test_the_users_quality_of_service_holds_on_the_wire(
    ssh_host: MakeHost, ssh_client: SshClient, alpha: Ssh, line: str, on_the_wire: str
) -> None:
    if shutil.which("ss") is None:
        pytest.skip("only for machines that have ss")
    host = ssh_host("alpha")
    config = ssh_client.folder / "config"
    config.write_text(f"{line}\n" + config.read_text(encoding="utf-8"), encoding="utf-8")
    channel = alpha.open() or alpha.channel(in_sh("echo here; cat"))
    assert channel.stdout is not None
    assert channel.stdout.readline() == b"here\n"
    words = ["ss", "-tnH", "--tos", "state", "established", f"dport = :{host.port}"]
    shown = subprocess.run(words, check=True, capture_output=True, text=True).stdout
    assert [word.removeprefix("tos:") for word in shown.split() if word.startswith("tos:")] == [on_the_wire or "0"]
    end(channel)
    alpha.close()


def test_unknown_and_changed_host_keys_are_a_persons_matter(
    ssh_host: MakeHost, ssh_client: SshClient, alpha: Ssh
) -> None:
    host = ssh_host("alpha")
    trusted = ssh_client.folder / "known_hosts"
    before = trusted.read_bytes()
    trusted.write_bytes(b"")
    with pytest.raises(SshProblem) as unknown:
        alpha.open()
    assert unknown.value.kind is SshProblemKind.ASKS
    assert trusted.read_bytes() == b""
    trusted.write_text(f"alpha {ssh_client.public_key}", encoding="utf-8")
    with pytest.raises(SshProblem) as changed:
        alpha.open()
    assert changed.value.kind is SshProblemKind.KEY_CHANGED
    assert host.log.read_text(encoding="utf-8").count("Accepted") == 0
    trusted.write_bytes(before)
    alpha.open()
    alpha.close()


def test_why_there_is_no_connection(ssh_host: MakeHost, runtime: Path, alpha: Ssh) -> None:
    host = ssh_host("alpha")
    (host.folder / "authorized_keys").write_text("", encoding="utf-8")
    with pytest.raises(SshProblem, match="Permission denied") as denied:
        alpha.open()
    assert denied.value.kind is SshProblemKind.ASKS
    host.stop()
    with pytest.raises(SshProblem, match="Connection refused") as refused:
        alpha.open()
    assert refused.value.kind is SshProblemKind.REFUSED
    with pytest.raises(SshProblem) as nowhere:
        connection(runtime, "nowhere.invalid").open()
    assert nowhere.value.kind in (SshProblemKind.SILENT, SshProblemKind.NO_NETWORK)


def test_an_agent_that_died_does_not_keep_us_out(
    ssh_host: MakeHost, alpha: Ssh, short_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ssh_host("alpha")
    dead = short_folder / "agent"
    with socket.socket(socket.AF_UNIX) as gone:
        gone.bind(str(dead))
    monkeypatch.setenv("SSH_AUTH_SOCK", str(dead))
    assert alpha.run(in_sh("echo here")).stdout == b"here\n"
    alpha.close()


SHELLS = ("sh", "bash", "zsh", "fish", "tcsh", "nu")


@pytest.mark.parametrize("shell", SHELLS)
def test_a_program_is_the_same_under_each_login_shell(ssh_host: MakeHost, alpha: Ssh, shell: str) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"only for machines that have {shell}")
    ssh_host("alpha", lines=[f'ForceCommand exec {shutil.which(shell)} -c "$SSH_ORIGINAL_COMMAND"'])
    program = f'x={word("a b/%~")}; for i in 1 2; do echo "$x" $(echo $i) | sed "s/^/+/"; done; cat; exit 5'
    done = alpha.run(in_sh(program), b"in\n")
    assert (done.stdout, done.returncode) == (b"+a b/%~ 1\n+a b/%~ 2\nin\n", 5)
    alpha.close()


@pytest.mark.parametrize("program", ["echo 'x'", "a\\b", "a!b", "a\nb", "a\0b"])
def test_what_login_shells_read_differently_is_not_sent(program: str) -> None:
    with pytest.raises(FleetError):
        in_sh(program)


@pytest.mark.parametrize("value", ["$(x)", "`x`", 'a"b', "a'b", "a;b", "a\nb", "$HOME", "ä"])
def test_a_value_that_a_shell_might_read_is_not_sent(value: str) -> None:
    with pytest.raises(FleetError):
        word(value)


def test_sockets_lie_in_a_folder_of_the_user_alone(runtime: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert socket_folder() == runtime / "fleet"
    assert socket_folder().stat().st_mode & 0o777 == 0o700
    (runtime / "fleet").rmdir()
    (runtime / "fleet").symlink_to(runtime)
    assert socket_folder() == Path(f"/tmp/fleet-{os.getuid()}")
    for other in ("x" * 90, "a b", "100%"):
        (runtime / other).mkdir()
        monkeypatch.setenv("XDG_RUNTIME_DIR", str(runtime / other))
        assert socket_folder() == Path(f"/tmp/fleet-{os.getuid()}")
    assert len(os.fsencode(socket_path("c", "x" * 500))) + SSH_ADDS <= MOST_BYTES


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        ("ssh: connect to host beta port 22: Connection timed out", SshProblemKind.SILENT),
        ("ssh: connect to host beta port 22: No route to host", SshProblemKind.SILENT),
        ("ssh: connect to host beta port 22: Host is down", SshProblemKind.SILENT),
        ("ssh: Could not resolve hostname beta: Name or service not known", SshProblemKind.SILENT),
        ("ssh: Could not resolve hostname beta: Temporary failure in name resolution", SshProblemKind.NO_NETWORK),
        ("ssh: connect to host beta port 22: Network is unreachable", SshProblemKind.NO_NETWORK),
        ("ssh: connect to host beta port 22: Connection refused", SshProblemKind.REFUSED),
        ("Connection timed out during banner exchange\nConnection to 10.0.0.1 port 22 timed out", SshProblemKind.OTHER),
        ("Timeout, server beta not responding.", SshProblemKind.OTHER),
        ("me@beta: Permission denied (publickey,password).", SshProblemKind.ASKS),
        ("kex_exchange_identification: read: Connection reset by peer", SshProblemKind.OTHER),
        ("Connection closed by UNKNOWN port 65535", SshProblemKind.OTHER),
        ("", SshProblemKind.OTHER),
    ],
)
def test_only_what_nobody_answered_counts_as_silence(said: str, kind: SshProblemKind) -> None:
    assert SshProblem(said).kind is kind
