"""Work that takes its time (a client that starts, a test suite that runs) beside the loop: one job for each agent."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from concurrent.futures import Future, ThreadPoolExecutor, wait

WORKERS = 4
"""Enough that one long verification holds nobody up; few enough that a restored fleet does not storm the machine."""


class Jobs:
    """Jobs under way, by key."""

    def __init__(self, workers: int = WORKERS) -> None:
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="recovery")
        self._under_way: dict[Hashable, Future[None]] = {}

    def busy(self, key: Hashable) -> bool:
        """Whether this key's job is not finished."""
        return key in self._under_way and not self._under_way[key].done()

    def start(self, key: Hashable, job: Callable[[], None]) -> None:
        """Begin a job. It reports its own outcome; what it raises nevertheless comes out of ``settle``."""
        self._under_way[key] = self._pool.submit(job)

    def settle(self) -> bool:
        """Forget the finished jobs; whether there were any. Raises what a job raised."""
        finished = [key for key, future in self._under_way.items() if future.done()]
        for key in finished:
            self._under_way.pop(key).result()
        return bool(finished)

    def wait(self) -> None:
        """Until all are finished."""
        wait(list(self._under_way.values()))
        self.settle()

    def close(self) -> None:
        """Begin nothing more, and wait for what is under way."""
        self._pool.shutdown(wait=True, cancel_futures=True)
