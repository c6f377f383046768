"""Runs slow work (starting a client, a test suite) beside the loop: one job per agent."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait

from fleetscripts.core.planning.action_row import Lane

LANES: Mapping[Lane, int] = {Lane.VERIFY: 3, Lane.START: 4, Lane.RESCUE: 2, Lane.WORD: 8}
"""Jobs at a time, so that none waits for another kind: verifications may run for minutes, many clients starting at once
overload the machine when a whole fleet is restored, a dialog or a message is quick. Two rescues: those onto one account
are serialized anyway."""


class Jobs:
    """Jobs under way, by key. ``ended`` is called with the key, in the job's thread."""

    def __init__(self, ended: Callable[[Hashable], None] = lambda _key: None) -> None:
        self._pools = {lane: ThreadPoolExecutor(workers, f"recovery-{lane}") for lane, workers in LANES.items()}
        self._ended = ended
        self._under_way: dict[Hashable, Future[None]] = {}
        self._lane: dict[Hashable, Lane] = {}

    def busy(self, key: Hashable) -> bool:
        """Whether this key's job is not finished."""
        return key in self._under_way and not self._under_way[key].done()

    def start(self, key: Hashable, job: Callable[[], None], lane: Lane = Lane.WORD) -> None:
        """Start a job. It reports its own result; any exception is raised by ``settle``."""
        self._lane[key] = lane
        self._under_way[key] = self._pools[self._lane[key]].submit(job)
        self._under_way[key].add_done_callback(lambda _future: self._ended(key))

    def any_in(self, lane: Lane) -> bool:
        """Whether a job of this lane is waiting or running."""
        return any(known == lane and self.busy(key) for key, known in list(self._lane.items()))

    def settle(self) -> bool:
        """Remove the finished jobs; returns whether there were any. Raises their exceptions."""
        finished = [key for key, future in self._under_way.items() if future.done()]
        for key in finished:
            future = self._under_way.pop(key)
            if not future.cancelled():
                future.result()
        return bool(finished)

    def wait(self, within_seconds: float | None = None) -> int:
        """Wait for all; those not started ``within_seconds`` are dropped. Returns how many."""
        _, late = wait(list(self._under_way.values()), timeout=within_seconds)
        dropped = sum(future.cancel() for future in late)
        wait(late)
        self.settle()
        return dropped

    def close(self) -> None:
        """Start nothing more, and wait for running jobs."""
        for pool in self._pools.values():
            pool.shutdown(wait=False, cancel_futures=True)
        for pool in self._pools.values():
            pool.shutdown(wait=True)
