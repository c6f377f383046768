"""Runs work in named steps: errors name the step, and completed steps can be undone."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial

from fleetscripts.errors import FleetError


class LeftHalfWay(FleetError):
    """An undo step failed: the claim stays for whoever finds it later."""


@dataclass
class UndoStack:
    """Undo steps, latest first. ``stuck``: one failed."""

    steps: list[Callable[[], str | None]] = field(default_factory=list)
    stuck: bool = False

    def add(self, step: Callable[..., str | None], *args: object) -> None:
        """Add an undo step. It may return the ref under which it keeps what was done."""
        self.steps.append(partial(step, *args))

    def run(self) -> list[str]:
        """Undo as far as possible; returns sentences on what is kept and what could not be undone. Steps before one
        that failed stay too: a worktree with a possible client is no spare."""
        said: list[str] = []
        while self.steps:
            try:
                kept = self.steps.pop()()
            except FleetError as error:
                self.stuck = True
                left = len(self.steps)
                return [*said, f"not undone: {error}{'; what came before is left as it is' if left else ''}"]
            said += [f"what was done is kept under {kept}"] if kept else []
        return said


@contextmanager
def undisturbed() -> Iterator[None]:
    """Defer termination signals: what is done inside, and its undoing, belong together."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGINT, signal.SIGTERM, signal.SIGHUP))
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def step(name: str) -> Iterator[None]:
    """Name the step in any error inside; the exit code stays."""
    try:
        yield
    except FleetError as error:
        raise coded(f"{name}: {error}", error) from error


def coded(message: str, error: FleetError, *, stuck: bool = False) -> FleetError:
    """Another message with the exit code of ``error``. ``stuck``: not all of it was undone."""
    said = LeftHalfWay(message) if stuck else FleetError(message)
    said.exit_code = error.exit_code
    return said
