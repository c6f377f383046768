"""Keeps the links to other machines running: a process that died is restarted."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from fleetscripts.errors import FleetError
from fleetscripts.services.context import load_settings_here
from fleetscripts.services.links.processes import keep_links

EVERY_SECONDS = 5.0


@dataclass
class LinkKeeper:
    """Runs in a thread of its own. ``say`` is called with each line and its subject."""

    environ: Mapping[str, str]
    options: Mapping[str, object]
    say: Callable[[object, str], None]
    _stop: threading.Event = field(default_factory=threading.Event)

    def begin(self) -> None:
        """Start."""
        threading.Thread(target=self._run, name="links", daemon=True).start()

    def close(self) -> None:
        """Start no more; running ones end by themselves."""
        self._stop.set()

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                for name in keep_links(load_settings_here(self.environ, self.options)):
                    self.say(("link", name), f"a link to {name} begins")
            except (FleetError, OSError) as error:
                self.say("links", f"links: {error}")
            self._stop.wait(EVERY_SECONDS)
