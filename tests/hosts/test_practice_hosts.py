"""The hosts that the other tests use are what they say: real sshd, homes of their own, links that can be cut."""

from __future__ import annotations

import subprocess
import time

import pytest

from fleetscripts.practice.ssh_host import SshClient
from tests.hosts.conftest import MakeHost
from tests.hosts.cutting_proxy import CuttingProxy
from tests.hosts.network import Network

ROUND_TRIP_SECONDS = 0.2


def _ssh(*arguments: str, timeout: float = 20) -> subprocess.CompletedProcess[str]:
    command = ["ssh", "-o", "BatchMode=yes", "-o", "ConnectTimeout=2", *arguments]
    return subprocess.run(
        command, check=False, capture_output=True, text=True, timeout=timeout, stdin=subprocess.DEVNULL
    )


def test_a_session_finds_itself_in_the_hosts_own_home_and_each_handshake_is_counted(ssh_host: MakeHost) -> None:
    alpha, beta = ssh_host("alpha"), ssh_host("beta")
    assert _ssh("alpha", "echo $HOME").stdout.strip() == str(alpha.home)
    assert _ssh("beta", "pwd; echo $HOME").stdout.split()[-1] == str(beta.home)
    assert (alpha.handshakes(), beta.handshakes()) == (1, 1)


def test_the_proxy_delays_stalls_and_resets(ssh_host: MakeHost, ssh_client: SshClient) -> None:
    alpha = ssh_host("alpha")
    proxy = CuttingProxy((alpha.address, alpha.port))
    try:
        ssh_client.knows([alpha], {"alpha": proxy.address})
        plain = _seconds_of_an_echo()
        proxy.delay_seconds = ROUND_TRIP_SECONDS / 2
        assert _seconds_of_an_echo() > plain + 4 * ROUND_TRIP_SECONDS  # a handshake has several round trips
        proxy.delay_seconds = 0
        proxy.stall()
        assert _ssh("alpha", "echo here").returncode == 255
        proxy.resume()
        with subprocess.Popen(["ssh", "alpha", "cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as held:
            assert held.stdin is not None
            assert held.stdout is not None
            held.stdin.write(b"still here\n")
            held.stdin.flush()
            assert held.stdout.readline() == b"still here\n"
            assert proxy.reset() == 1
            assert held.wait(timeout=10) == 255
    finally:
        proxy.close()


def _seconds_of_an_echo() -> float:
    began = time.monotonic()
    assert _ssh("alpha", "echo here").stdout == "here\n"
    return time.monotonic() - began


@pytest.mark.parametrize("count", [5])
def test_hosts_in_namespaces_are_reached_until_their_link_is_down(
    network: Network, ssh_client: SshClient, count: int
) -> None:
    hosts = [network.host(number) for number in range(1, count + 1)]
    for host in hosts:
        host.start(ssh_client.public_key)
    ssh_client.knows(hosts)
    assert all(_ssh(host.name, "echo $HOME").stdout.strip() == str(host.home) for host in hosts)
    network.down(3)
    assert _ssh("host3", "echo here").returncode == 255
    assert _ssh("host4", "echo here").stdout == "here\n"
    network.up(3)
    assert _ssh("host3", "echo here").stdout == "here\n"
