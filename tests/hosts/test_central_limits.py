"""Accounts and caps over all machines: a limit met on one counts on all, and what is spent is added up."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from fleetscripts.account import Account
from fleetscripts.adapters.records.account_file import add_account
from fleetscripts.adapters.records.ledger import AccountLedger
from fleetscripts.core.spending.ledger import Ledger as SpentLedger
from fleetscripts.core.spending.ledger import LedgerKey, Spend
from fleetscripts.core.spending.ledger_json import written
from fleetscripts.core.spending.tokens import Tokens
from fleetscripts.practice.host_home import playground_of, tmux
from tests.conftest import RunScript
from tests.hosts import central
from tests.hosts.linked import LinkedHost, agent
from tests.places import TmuxServer
from tests.waiting import wait_until

MakeLinked = Callable[..., LinkedHost]


@pytest.fixture
def hosts(make_linked: MakeLinked, home: Path, tmux_server: TmuxServer) -> tuple[LinkedHost, LinkedHost]:
    """Two hosts and a central, all of which have the accounts ``shared`` and ``own``."""
    made = make_linked("alpha"), make_linked("beta")
    central.configure(home / "fleet", '[caps]\nday = "1M"\n')
    for host in made:
        host.put(agent(1))
        central.configure(host.fleet_home, "")
    for folder in (home / "fleet", *(host.fleet_home for host in made)):
        add_account(folder, Account("shared", environment={"BELONGS_TO": "shared"}))
    add_account(made[0].fleet_home, Account("of-alpha", environment={"BELONGS_TO": "alpha"}))
    central.join(*made)
    central.fleet_here(home)
    tmux_server.new_session()
    return made


def _standing(run: Callable[..., str], account: str) -> dict[str, object]:
    rows = [row for row in json.loads(run()) if row.get("account") == account and "host" not in row]
    return rows[0] if rows else {}


def test_a_limit_met_on_one_host_is_known_on_every_machine_with_that_account(
    hosts: tuple[LinkedHost, LinkedHost], home: Path, run_script: RunScript
) -> None:
    alpha, beta = hosts
    resets = time.time() + 7200
    AccountLedger(alpha.fleet_home).note_wall("shared", "five_hour", resets, time.time() - 60, "screen")
    AccountLedger(alpha.fleet_home).note_wall("of-alpha", "five_hour", resets, time.time() - 60, "screen")

    def there(host: LinkedHost) -> str:
        return host.call("balance", "--json", "--here").stdout.decode()

    with central.loop():
        alpha.put(agent(1), agent(2))  # what changes there is told with it
        wait_until(lambda: _standing(lambda: there(beta), "shared")["state"] == "capped", 40)
        here = _standing(lambda: run_script("balance", "--json", "--here").stdout, "shared")
        assert (here["state"], abs(float(str(here["resets_at"])) - resets) < 5) == ("capped", True)
        beta_walls = AccountLedger(beta.fleet_home).read()
        assert abs(beta_walls["shared"]["five_hour"].resets_at - resets) < 5
        assert beta_walls["shared"]["five_hour"].source == "screen on alpha"
        assert "of-alpha" not in beta_walls
        rows = [line.split()[:2] for line in run_script("balance", "--why").stdout.splitlines()]
        assert ["alpha/shared", "capped"] in rows
        assert all(state in ("ok", "capped", "unknown") for _, state in rows), "lines for scripts alone"


def _spend(folder: Path, host: str, tokens: int) -> None:
    """So much was used there today."""
    where = LedgerKey(f"{time.strftime('%Y-%m-%d')}", "agent1", f"tree-{host}", "task/one", "", 0, "shared")
    rows = SpentLedger({where: Spend(Tokens(input=tokens))})
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    (folder / "spent.json").write_text(json.dumps(written(rows)))


def test_a_cap_counts_what_all_machines_have_used_and_holds_them_all(
    hosts: tuple[LinkedHost, LinkedHost], home: Path, run_script: RunScript
) -> None:
    alpha, beta = hosts
    beta.there.variables = {**beta.there.variables, "FLEET_TMUX_SOCKET": "there"}
    repository = playground_of(beta.there, 2).repository
    tmux(beta.there, "-L", "there", "-f", "/dev/null", "new-session", "-d", "-s", "fleet", "-x", "120", "-y", "40")
    words = ["--host", "beta", "--session", "fleet", "--repo", str(repository), "--agent", "practice", "--branch"]
    begun = run_script("spawn-agent", *words, "task/one", "--objective", "[[say ready]]", timeout=120)
    assert begun.returncode == 0, begun.stderr
    for folder, name in ((home / "fleet", "here"), (alpha.fleet_home, "alpha"), (beta.fleet_home, "beta")):
        _spend(folder, name, 400_000)
    with central.loop():
        alpha.put(agent(1), agent(2))
        assert beta.call("update-agent", "--top", "repo=acme/widget").exit_code == 0

        def caps_there() -> list[str]:
            said = json.loads(beta.call("balance", "--spent", "--json", "--here").stdout)
            return [cap["on"] for cap in said["caps"]]

        wait_until(caps_there, 40)
        why = "the central's: today's cap of 1M tokens is reached (1.2M tokens): no turn is started"
        for refused in (
            run_script("spawn-agent", *words, "task/two", "--objective", "Go."),
            run_script("send-agent", "beta/worktree-1", "Go on."),
        ):
            assert (refused.returncode, why in refused.stderr) == (3, True), refused.stderr
        allowed = beta.call("balance", "--allow", "day")
        assert (allowed.exit_code, b"the central's" in allowed.stderr) == (3, True), allowed
        spent = json.loads(run_script("balance", "--spent", "--json").stdout)
        assert {row["worktree"] for row in spent["rows"]} >= {"alpha/tree-alpha", "beta/tree-beta", "tree-here"}
        assert "1.2M" in run_script("balance", "--spent").stdout
        assert run_script("balance", "--allow", "day").returncode == 0
        wait_until(lambda: not caps_there(), 40)
