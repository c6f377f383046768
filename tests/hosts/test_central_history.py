"""One history of all machines, in the order in which it happened, whatever their clocks show."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path

from fleetscripts.commands.history import from_host
from fleetscripts.core.hosts.names_from_here import HostNames
from tests.conftest import RunScript
from tests.hosts import central
from tests.hosts.linked import LinkedHost, agent

MakeLinked = Callable[..., LinkedHost]


def _journal(folder: Path, *lines: tuple[float, str]) -> None:
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    rows = [{"at": at, "event": "decision", "window": "fleet:1", "id": "a", "why": why} for at, why in lines]
    (folder / "events.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))


def test_events_of_all_machines_stand_in_their_order(
    make_linked: MakeLinked, home: Path, run_script: RunScript
) -> None:
    alpha, beta = make_linked("alpha"), make_linked("beta")
    now = time.time()
    for host in (alpha, beta):
        host.put(agent(1))
        host.begin()
    central.fleet_here(home, agent(1))
    _journal(home / "fleet", (now - 50, "second \x1b[2J"))
    _journal(alpha.fleet_home, (now - 60, "first"), (now - 40, "third"))
    _journal(beta.fleet_home, (now - 30, "fourth"))
    shown = [line.split("  ", 1)[1] for line in run_script("history", "--since", "5m").stdout.splitlines()[1:]]
    assert shown[0] == "alpha/fleet:1  needs a decision: first"
    assert shown[1].startswith("fleet:1  needs a decision: second")
    assert shown[2:] == ["alpha/fleet:1  needs a decision: third", "beta/fleet:1  needs a decision: fourth"]
    assert "\x1b" not in "".join(shown)
    listed = json.loads(run_script("history", "--json", "--last", "2").stdout)
    assert [(one["window"], one["why"]) for one in listed] == [("alpha/fleet:1", "third"), ("beta/fleet:1", "fourth")]
    assert len(json.loads(run_script("history", "--json", "--here").stdout)) == 1
    beta.end()
    beta.lost()
    assert "beta: unreachable" in run_script("history").stdout
    one = run_script("history", "alpha/fleet:1").stdout
    assert ("first" in one, "second" in one, "fourth" in one) == (True, False, False)


def test_a_clock_that_is_wrong_there_changes_no_order() -> None:
    line = from_host({"at": 1600.0, "window": "fleet:1", "id": "a", "why": "x"}, HostNames("alpha"), 600.0)
    assert line == {"at": 1000.0, "window": "alpha/fleet:1", "id": "alpha/a", "why": "x"}
