"""Starts agents for waiting tasks in a thread beside the loop, since a spawn takes up to a minute."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from fleetscripts.errors import FleetError
from fleetscripts.services.context import load_fleet
from fleetscripts.services.spawning.dispatch import DispatchReport, dispatch
from fleetscripts.services.tasks.tasks import folder


@dataclass
class DispatchThread:
    """Starts agents for tasks from a thread of its own: a round every ``poll_interval_seconds``."""

    environ: Mapping[str, str]
    options: Mapping[str, object]
    say: Callable[[object, str], None]
    """Called with each line and its subject: a repeated line on the same subject is dropped."""
    keep: Callable[[Exception], Path]
    """Stores unexpected errors; returns where."""

    dispatch: Callable[..., DispatchReport] = dispatch
    pause_seconds: float = 1.0
    _stop: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def begin(self) -> None:
        """Start the rounds."""
        self._thread = threading.Thread(target=self._run, name="dispatch")
        self._thread.start()

    def once(self) -> None:
        """One round, here and now."""
        self._outlive()

    def close(self) -> None:
        """Start no further task, and wait for the one that is being started."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        while not self._stop.is_set():
            self._stop.wait(self._outlive())

    def _outlive(self) -> float:
        """One round, whose failure is reported; seconds until the next one."""
        try:
            self.pause_seconds = self._round()
        except FleetError as error:
            self.say("dispatch", f"dispatch failed: {error}")
        except Exception as error:  # noqa: BLE001 - as in the loop: it must not end the dispatching, unseen
            kept = self.keep(error)
            self.say("dispatch", f"dispatch failed: unexpected {type(error).__name__}: {error} (details in {kept})")
        return self.pause_seconds

    def _round(self) -> float:
        """One round; seconds until the next one. An empty folder costs one look into it."""
        settings, fleet = load_fleet(self.environ, self.options)
        if fleet.active and any(folder(settings).read()):
            for line in self.dispatch(settings, self.environ, time.time(), stop=self._stop.is_set).lines:
                self.say(("task", line.partition(":")[0]), f"task {line}")
        return settings.poll_interval_seconds
