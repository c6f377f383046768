"""What each token may still use: the scripted model's usage limits."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import field

from fleetscripts.dataclass import dataclass

FIVE_HOURS_SECONDS = 18_000.0


@dataclass(frozen=True, slots=True)
class Usage:
    """One token's use at one moment. ``walled_until``: Unix seconds, None while requests are served."""

    used: float
    resets_at: float
    walled_until: float | None


@dataclass(slots=True)
class _Account:
    limit: float | None = None
    requests: int = 0
    window_seconds: float = FIVE_HOURS_SECONDS
    started: float | None = None
    walled_until: float = 0.0


@dataclass(slots=True)
class Budget:
    """Usage limits by token, and those that scripts have set. Thread-safe."""

    _accounts: dict[str, _Account] = field(default_factory=dict)
    _built: dict[tuple[str, int], str] = field(default_factory=dict)
    _failed: dict[tuple[str, int], int] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def allow(self, token: str, requests: float, window_seconds: float) -> None:
        """Allows a token this many requests in a window that starts with its next request."""
        with self._lock:
            self._accounts[token] = _Account(limit=requests, window_seconds=window_seconds)

    def wall(self, token: str, until: float) -> None:
        """Refuses a token's requests until then (Unix seconds)."""
        with self._lock:
            self._accounts.setdefault(token, _Account()).walled_until = until

    def charge(self, token: str, now: float) -> Usage:
        """Counts one request of a token; a request over its limit is refused until the window's end."""
        with self._lock:
            account = self._accounts.setdefault(token, _Account())
            if account.started is None or now >= account.started + account.window_seconds:
                account.started, account.requests = now, 0
            resets_at = account.started + account.window_seconds
            if now >= account.walled_until:
                account.requests += 1
                if account.limit is not None and account.requests > account.limit:
                    account.walled_until = resets_at
            used = min(1.0, account.requests / account.limit) if account.limit else 0.1
            walled = account.walled_until if now < account.walled_until else None
            return Usage(1.0 if walled else used, account.walled_until if walled else resets_at, walled)

    def build_once(self, step: tuple[str, int], token: str, until: float) -> bool:
        """Sets a scripted limit the first time its step is reached; False if it was set before and is past."""
        with self._lock:
            if step in self._built:
                return False
            self._built[step] = token
            self._accounts.setdefault(token, _Account()).walled_until = until
            return True

    def fails_for(self, step: tuple[str, int], token: str) -> bool:
        """Whether a scripted failure is this token's: it belongs to the first token that reached the step."""
        with self._lock:
            return self._built.setdefault(step, token) == token

    def fail_again(self, step: tuple[str, int], times: float) -> bool:
        """Whether a scripted failure occurs once more: ``times`` in all."""
        with self._lock:
            self._failed[step] = self._failed.get(step, 0) + 1
            return self._failed[step] <= times

    def requests(self) -> Mapping[str, int]:
        """Requests counted in the present window, by token."""
        with self._lock:
            return {token: account.requests for token, account in self._accounts.items()}
