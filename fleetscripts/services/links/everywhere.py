"""Asks every host the same question at once."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from fleetscripts.config import Settings
from fleetscripts.dataclass import dataclass
from fleetscripts.errors import FleetError
from fleetscripts.services.hosts.mirrors import HostView, mirrors, read_link
from fleetscripts.services.hosts.registry import host_named
from fleetscripts.services.links.asking import Reply, call

HERE_ONLY = "--here"
"""The option that limits a command to its own machine."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One host's answer; without a ``reply`` a ``problem`` in words."""

    view: HostView
    reply: Reply | None = None
    problem: str = ""


def ask_all(settings: Settings, argv: Sequence[str], now: float, seconds: float) -> tuple[Answer, ...]:
    """Run the command on every host, limited to that machine; by the hosts' names. A host that was unreachable a moment
    ago is not waited for."""
    views = mirrors(settings, now)
    if not views:
        return ()

    def answer(view: HostView) -> Answer:
        if not view.reachable:
            return Answer(view, None, view.problem)
        try:
            return Answer(view, call(settings, host_named(settings, view.name), [*argv, HERE_ONLY], timeout=seconds))
        except FleetError as error:
            return Answer(view, None, str(error))

    with ThreadPoolExecutor(max_workers=len(views), thread_name_prefix="ask") as pool:
        return tuple(pool.map(answer, views))


def clock_ahead(settings: Settings, name: str) -> float:
    """Seconds that the host's clock was ahead of ours when its link began."""
    told = (read_link(host_named(settings, name).files(settings)).hello or {}).get("apart_seconds", 0)
    return float(told) if isinstance(told, int | float) else 0.0
