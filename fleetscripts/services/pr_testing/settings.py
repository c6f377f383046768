"""How this user's tests are run: the table ``[test_queue]`` of config.toml."""

from __future__ import annotations

from collections.abc import Mapping

from fleetscripts.config import Settings
from fleetscripts.dataclass import dataclass
from fleetscripts.errors import UsageProblem
from fleetscripts.schema import describe

TIMEOUT_SECONDS = 3600.0
LEASE_SECONDS = 7200.0
"""For a caller that no living process stands for; a test that takes longer is reported before, or loses its turn."""


@dataclass(frozen=True, slots=True)
class TestSettings:
    """``command`` empty: the orchestrator tests. ``folder`` empty: the agent's worktree. ``environment``: names of
    variables that the command gets beside the few that every check gets."""

    __test__ = False

    command: str = ""
    timeout_seconds: float = TIMEOUT_SECONDS
    lease_seconds: float = LEASE_SECONDS
    folder: str = ""
    environment: tuple[str, ...] = ()
    exit_code_decides: bool = False


def test_settings(settings: Settings) -> TestSettings:
    """The table as it is in force; UsageProblem names what cannot be used."""
    table = settings.extra.get("test_queue", {})
    if not isinstance(table, Mapping):
        raise UsageProblem(f"test_queue in config.toml: expected a table, found {describe(table)}")
    unknown = sorted(set(table) - set(TestSettings.__dataclass_fields__))
    if unknown:
        raise UsageProblem(f"[test_queue] in config.toml: no setting is called {unknown[0]!a}")
    names = table.get("environment", [])
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise UsageProblem(f"test_queue.environment: expected a list of names, found {describe(names)}")
    return TestSettings(
        command=_text(table, "command"),
        timeout_seconds=_seconds(table, "timeout_seconds", TIMEOUT_SECONDS),
        lease_seconds=_seconds(table, "lease_seconds", LEASE_SECONDS),
        folder=_text(table, "folder"),
        environment=tuple(names),
        exit_code_decides=_flag(table, "exit_code_decides"),
    )


def _text(table: Mapping[str, object], name: str) -> str:
    value = table.get(name, "")
    if not isinstance(value, str):
        raise UsageProblem(f"test_queue.{name}: expected text, found {describe(value)}")
    return value.strip()


def _seconds(table: Mapping[str, object], name: str, usual: float) -> float:
    value = table.get(name, usual)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 1e7:
        raise UsageProblem(f"test_queue.{name}: expected a positive number of seconds, found {describe(value)}")
    return float(value)


def _flag(table: Mapping[str, object], name: str) -> bool:
    value = table.get(name, False)
    if not isinstance(value, bool):
        raise UsageProblem(f"test_queue.{name}: expected true or false, found {describe(value)}")
    return value
