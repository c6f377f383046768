"""Notifications of hosts: told by the central, each once; by the host itself where the central fetches nothing."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from fleetscripts.services.links.telling import fetch_notices
from tests.hosts import central
from tests.hosts.linked import LinkedHost
from tests.places import TmuxServer
from tests.waiting import wait_until
from tests.webhook import webhook

MakeLinked = Callable[..., LinkedHost]
TEXT = "fleet:1 (tree-1): escalated, stuck"


def _waiting(host: LinkedHost) -> list[str]:
    file = host.fleet_home / "central" / "notices.json"
    return [one["text"] for one in json.loads(file.read_text())] if file.exists() else []


def test_the_central_tells_what_its_hosts_would_have_told_once(
    make_linked: MakeLinked, home: Path, tmux_server: TmuxServer
) -> None:
    alpha = make_linked()
    with webhook() as (own, told_by_host), webhook() as (address, told):
        alpha.put({"id": "agent1", "window": "fleet:1", "state": "running"}, discord_webhook=own)
        central.configure(home / "fleet", "")
        central.configure(alpha.fleet_home, "")
        central.join(alpha)
        central.fleet_here(home)
        tmux_server.new_session()
        assert alpha.call("notify", TEXT).exit_code == 0
        assert (_waiting(alpha), told_by_host) == ([TEXT], [])
        with central.loop({"DISCORD_WEBHOOK_URL": address}):
            wait_until(lambda: told, what=lambda: (home / "loop.out").read_text())
            wait_until(lambda: not _waiting(alpha))
            assert alpha.call("notify", "A second one").exit_code == 0
            wait_until(lambda: len(told) > 1 and not _waiting(alpha))
        assert told == ["alpha: alpha/fleet:1 (tree-1): escalated, stuck", "alpha: A second one"]
        assert told_by_host == []


def test_what_was_told_is_not_told_again_where_the_host_never_heard_that_it_was(
    make_linked: MakeLinked, home: Path
) -> None:
    alpha = make_linked()
    alpha.put()
    central.join(alpha)
    told: list[tuple[str, bool]] = []

    def tell(text: str, urgent: bool) -> list[str]:
        told.append((text, urgent))
        return []

    assert alpha.call("notify", TEXT, "--urgent").exit_code == 0
    file = alpha.fleet_home / "central" / "notices.json"
    before = file.read_text()
    assert fetch_notices(alpha.settings, alpha.host, tell) == 1
    assert _waiting(alpha) == []
    file.write_text(before)  # as if the central had died before it said so
    assert fetch_notices(alpha.settings, alpha.host, tell) == 0
    assert (told, _waiting(alpha)) == ([(f"alpha: {TEXT}", True)], [])


def test_a_host_whose_central_fetches_nothing_tells_people_itself_once(
    make_linked: MakeLinked, home: Path, tmux_server: TmuxServer
) -> None:
    alpha = make_linked()
    with webhook() as (own, told):
        alpha.put(discord_webhook=own)
        central.configure(alpha.fleet_home, "")
        central.join(alpha)
        assert alpha.call("notify", TEXT).exit_code == 0
        assert alpha.call("run-loop", "--once").exit_code == 0
        assert (_waiting(alpha), told) == ([TEXT], [])
        central.configure(alpha.fleet_home, "notify_alone_after_seconds = 0.01\n")
        for _ in range(2):
            assert alpha.call("run-loop", "--once").exit_code == 0
        assert len(told) == 1
        assert told[0].endswith(f"has not fetched this:\n{TEXT}")
        assert fetch_notices(alpha.settings, alpha.host, lambda *_: []) == 0
