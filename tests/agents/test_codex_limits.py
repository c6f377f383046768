"""What Codex's rollouts say of its account's windows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from fleetscripts.adapters.records.ledger import AccountLedger
from fleetscripts.agents.codex_limits import limits_in

AT = 1_795_000_000.0
STAMP = "2026-11-18T11:06:40Z"


def record(**parts: Any) -> dict[str, Any]:
    payload = {"type": "token_count", "rate_limits": {"primary": None, "secondary": None, **parts}}
    return {"timestamp": STAMP, "type": "event_msg", "payload": payload}


def window(used: Any = 40.0, minutes: Any = 300, **more: Any) -> dict[str, Any]:
    return {"used_percent": used, "window_minutes": minutes, **(more if more else {"resets_at": AT + 3600})}


@pytest.mark.parametrize(
    ("parts", "found"),
    [
        ({"primary": window()}, {"five_hour": {"used_percentage": 40.0, "resets_at": AT + 3600}}),
        ({"primary": window(minutes=299)}, {"five_hour": {"used_percentage": 40.0, "resets_at": AT + 3600}}),
        ({"primary": window(minutes=10080)}, {"weekly": {"used_percentage": 40.0, "resets_at": AT + 3600}}),
        ({"primary": window(minutes=None)}, {"five_hour": {"used_percentage": 40.0, "resets_at": AT + 3600}}),
        ({"secondary": window(minutes=None)}, {"weekly": {"used_percentage": 40.0, "resets_at": AT + 3600}}),
        (
            {"primary": window(resets_in_seconds=60)},
            {"five_hour": {"used_percentage": 40.0, "resets_at": AT + 60}},
        ),
        ({}, {}),
        ({"primary": window("40")}, {}),
        ({"primary": []}, {}),
        ({"primary": {"used_percent": 5}}, {}),
    ],
)
def test_a_window_is_known_by_its_length(parts: dict[str, Any], found: dict[str, Any]) -> None:
    assert limits_in([record(**parts)]) == (found, AT if found else 0.0)


def test_the_newest_figures_count() -> None:
    records = [record(primary=window(10)), record(primary=window(20)), record(), {"payload": 5}]
    assert limits_in(records)[0]["five_hour"]["used_percentage"] == 20


def test_they_reach_the_ledger_as_a_status_lines_do(tmp_path: Path) -> None:
    import time

    windows, now = {"five_hour": {"used_percentage": 40.0, "resets_at": time.time() + 60}}, time.time()
    ledger = AccountLedger(tmp_path)
    ledger.note_session("gpt", "01a1fb99", windows, now - 20)
    ledger.note_session("gpt", "01a1fb99", windows, now)
    ledger.note_session("../x", "01a1fb99", windows, now)
    assert {name: figures["five_hour"].at for name, figures in ledger.read().items()} == {"gpt": now - 20}
    assert ledger.account_of("01a1fb99") == "gpt"
