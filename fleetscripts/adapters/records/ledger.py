"""The ledger: known usage of each account's windows. Never asks the network.

``FLEET_HOME/ledger.json`` holds limits and what the commands recorded; ``FLEET_HOME/usage/ACCOUNT/SESSION.json`` is the
latest from each session's status line, written by ``statusline.py`` without a lock, one writer per file."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from fleetscripts.account import NAME
from fleetscripts.adapters.records.json_files import read_json, write_json
from fleetscripts.adapters.records.locks import hold
from fleetscripts.dataclass import dataclass
from fleetscripts.errors import FleetError
from fleetscripts.pattern import pattern
from fleetscripts.usage import SERVED_AFTER_SECONDS, Figure, newer, plausible, window_named

STATUS_LINE = "status line"
LOCK_TIMEOUT_SECONDS = 5.0
KEPT_SECONDS = 8 * 86_400.0
LARGEST_BYTES = 1 << 20
_WINDOW = pattern(r"[a-z0-9_-]{1,40}")
_SESSION = pattern(r"[A-Za-z0-9-]{1,64}")


@dataclass(frozen=True, slots=True)
class AccountLedger:
    """The figures of all accounts. Unreadable or invalid entries are ignored."""

    fleet_home: Path

    @property
    def path(self) -> Path:
        return self.fleet_home / "ledger.json"

    @property
    def usage(self) -> Path:
        return self.fleet_home / "usage"

    def read(self) -> dict[str, dict[str, Figure]]:
        """Account → window → the current figure, including those of windows that have reset since."""
        now = time.time()
        found = self._noted(now)
        for account, window, figure in self._from_sessions(now):
            windows = found.setdefault(account, {})
            windows[window] = newer(windows.get(window), figure)
        return found

    def note_usage(
        self, account: str, window: str, used_percent: object, resets_at: object, at: float, source: str
    ) -> bool:
        """Record a figure as ``source`` gave it at ``at``; returns whether it is valid."""
        return self._note(account, window, used_percent, resets_at, at, source, wall=False)

    def note_wall(self, account: str, window: str, resets_at: object, at: float, source: str) -> bool:
        """Record that the account was refused at ``at``: when the limit was met, not when it was noticed. ``window``
        empty: unknown. ``resets_at`` None: unknown. Returns whether it is valid."""
        return self._note(account, window, 100, resets_at, at, source, wall=True)

    def lift(self, account: str, window: str) -> None:
        """A refused account is served again."""
        with hold(self.fleet_home / "locks" / "ledger.lock", LOCK_TIMEOUT_SECONDS):
            accounts = self._noted(time.time())
            if accounts.get(account, {}).pop(window, None) is not None:
                self._write(accounts)

    def note_session(self, account: str, session_id: str, windows: Mapping[str, Any], at: float) -> None:
        """Record what a session's client reports of its account at ``at``, as its status line would; only if it is
        new."""
        file = self.usage / account / f"{session_id}.json"
        if (
            not (NAME.fullmatch(account) and _SESSION.fullmatch(session_id))
            or _parsed(file).get("rate_limits") == windows
        ):
            return
        with suppress(FleetError):  # the next look finds it again
            write_json(file, {"at": at, "rate_limits": windows})

    def account_of(self, session_id: str) -> str:
        """The account on which this conversation last ran, by its status line; empty if that has no record."""
        if not _SESSION.fullmatch(session_id):
            return ""
        files = [(_written(file), file) for file in self.usage.glob(f"*/{session_id}.json")]
        return max(files)[1].parent.name if files else ""

    def _note(
        self, account: str, window: str, used: object, resets_at: object, at: float, source: str, *, wall: bool
    ) -> bool:
        name, now = window_named(window), time.time()
        figure = plausible(name, used, resets_at, at, now)
        if figure is None or not NAME.fullmatch(account) or not _WINDOW.fullmatch(name):
            return False
        figure = replace(figure, source=source[:60], wall=wall)
        with hold(self.fleet_home / "locks" / "ledger.lock", LOCK_TIMEOUT_SECONDS):
            accounts = self._noted(now)
            windows = accounts.setdefault(account, {})
            counts = newer(windows.get(name), figure)
            if counts == windows.get(name):
                return True
            windows[name] = counts
            self._write(accounts)
            self._prune(now)
        return True

    def _write(self, accounts: Mapping[str, Mapping[str, Figure]]) -> None:
        content = {name: {window: asdict(figure) for window, figure in own.items()} for name, own in accounts.items()}
        write_json(self.path, {"accounts": content})

    def _noted(self, now: float) -> dict[str, dict[str, Figure]]:
        listed = _members(_parsed(self.path).get("accounts"))
        found: dict[str, dict[str, Figure]] = {}
        for account, windows in listed.items():
            if not NAME.fullmatch(account):
                continue
            for window, entry in _members(windows).items():
                figure = _figure(window, _members(entry), now)
                if figure is not None:
                    found.setdefault(account, {})[window] = figure
        return found

    def _from_sessions(self, now: float) -> Iterator[tuple[str, str, Figure]]:
        for file in sorted(self.usage.glob("*/*.json")):
            said = _parsed(file)
            for window, entry in _members(said.get("rate_limits")).items():
                members = _members(entry)
                given = {"used_percent": members.get("used_percentage"), "resets_at": members.get("resets_at")}
                name = window_named(window)
                figure = _figure(name, {**given, "at": said.get("at"), "source": STATUS_LINE}, now)
                if figure is not None and NAME.fullmatch(file.parent.name):
                    yield file.parent.name, name, replace(figure, wall=False)

    def _prune(self, now: float) -> None:
        for file in self.usage.glob("*/*.json"):
            if _written(file) < now - KEPT_SECONDS:
                file.unlink(missing_ok=True)


def _figure(window: str, entry: Mapping[str, Any], now: float) -> Figure | None:
    """A stored figure, checked again as of its time."""
    at, source = entry.get("at"), entry.get("source")
    if isinstance(at, bool) or not isinstance(at, int | float) or not 0 < at <= now + SERVED_AFTER_SECONDS:
        return None
    figure = plausible(window, entry.get("used_percent"), entry.get("resets_at"), at, float(at))
    if figure is None or not _WINDOW.fullmatch(window):
        return None
    return replace(figure, source=source if isinstance(source, str) else "", wall=entry.get("wall") is True)


def _parsed(file: Path) -> dict[str, Any]:
    return _members(read_json(file, LARGEST_BYTES))


def _members(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _written(file: Path) -> float:
    try:
        return file.stat().st_mtime
    except OSError:
        return 0.0
