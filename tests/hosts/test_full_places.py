"""A full disk, a full /tmp, a home that cannot be written: what cannot be begun is refused, and agents are seen."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from fleetscripts.practice.ssh_host import SshClient
from fleetscripts.services.context import load_settings_here
from fleetscripts.services.hosts.registry import host_named, keep
from tests.conftest import RunScript
from tests.hosts.conftest import MakeHost, MakeLinked
from tests.hosts.linked import LinkedHost, agent
from tests.waiting import wait_until

FULL_TMP = """
mount --bind {place} /mnt && mount -t tmpfs -o size=512k,mode=1777 tmpfs /tmp && mkdir -p {place} &&
mount --bind /mnt {place} && umount /mnt || exit 1
dd if=/dev/zero of=/tmp/big bs=4k 2>/dev/null
exec "$@"
"""
"""For a namespace of mounts: /tmp is full, but for the folder in which the host itself lives."""


@contextmanager
def small_disk(folder: Path, size: str) -> Iterator[Callable[[], object]]:
    """A disk of its own at ``folder``; the caller gets what makes it read-only."""
    if os.geteuid() != 0 or sys.platform != "linux":
        pytest.skip("only for root on Linux: a small disk")
    folder.mkdir(parents=True, exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size},mode=700", "tmpfs", str(folder)], check=True)
    try:
        yield lambda: subprocess.run(["mount", "-o", "remount,ro", str(folder)], check=True)
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_full_disk_there_refuses_what_was_not_begun_and_hides_no_agent(make_linked: MakeLinked) -> None:
    alpha = make_linked()
    with small_disk(alpha.fleet_home, "256k"):
        alpha.put(agent(1))
        alpha.begin()
        assert alpha.call("status").state == "done"
        subprocess.run(["dd", "if=/dev/zero", f"of={alpha.fleet_home}/big"], capture_output=True, check=False)
        reply = alpha.call("status")
        assert (reply.state, "could not be started there" in reply.problem) == ("refused", True)
        alpha.put(agent(1, state="done"))
        wait_until(lambda: alpha.view().fleet.agents[0].state == "done")
        (alpha.fleet_home / "big").unlink()
        assert alpha.call("status").state == "done"


def test_a_home_there_that_cannot_be_written_is_seen_all_the_same(make_linked: MakeLinked) -> None:
    alpha = make_linked()
    with small_disk(alpha.fleet_home.parent / "ro", "1m") as make_read_only:
        from dataclasses import replace

        place = alpha.fleet_home.parent / "ro"
        moved = replace(alpha.host, fleet_home=str(place / "fleet"), state_file=str(place / "state.json"))
        alpha = replace(alpha, host=keep(alpha.settings, moved))
        alpha.put(agent(1))
        make_read_only()
        alpha.begin()
        assert [one.id for one in alpha.view().fleet.agents] == ["agent1"]
        assert alpha.call("status").state == "refused"
        alpha.end()


def test_a_full_folder_for_sockets_is_room_enough(make_linked: MakeLinked) -> None:
    alpha = make_linked()
    with small_disk(Path(os.environ["XDG_RUNTIME_DIR"]), "64k"):
        subprocess.run(
            ["dd", "if=/dev/zero", f"of={os.environ['XDG_RUNTIME_DIR']}/big"], capture_output=True, check=False
        )
        alpha.put(agent(1))
        alpha.begin()
        assert alpha.call("status").state == "done"
        alpha.end()


@pytest.mark.stress
def test_a_host_whose_tmp_is_full_is_added_and_works(
    ssh_client: SshClient,
    ssh_host: MakeHost,
    short_folder: Path,
    run_script: RunScript,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if os.geteuid() != 0 or sys.platform != "linux":
        pytest.skip("only for root on Linux: mounts of its own")
    run = short_folder / "run"
    run.mkdir(mode=0o700)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(run))
    inside = ["unshare", "-m", "sh", "-c", FULL_TMP.format(place=short_folder), "full"]
    there = ssh_host("alpha", inside=inside)
    full = subprocess.run(["ssh", "alpha", "echo x >/tmp/one"], capture_output=True, text=True, check=False)
    assert "No space left" in full.stderr
    for ready in (there.home / ".local" / "share" / "fleetscripts").glob("env-*"):
        ready.unlink()
    places = [f"--home-there={there.home}/fleet", f"--state-file-there={there.home}/state/state.json"]
    added = run_script("hosts", "add", "alpha", "alpha", *places, timeout=120)
    assert added.returncode == 0, added.stderr
    settings = load_settings_here(os.environ)
    alpha = LinkedHost(settings, there, host_named(settings, "alpha"))
    try:
        alpha.put(agent(1))
        alpha.begin()
        assert alpha.call("tasks", "add", "x", "y").exit_code == 0
        assert [one.id for one in alpha.view().fleet.agents] == ["agent1"]
    finally:
        alpha.end()
