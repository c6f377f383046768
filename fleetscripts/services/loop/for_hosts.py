"""The central's work for its hosts, beside the loop: it reads GitHub and sends notifications for all of them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fleetscripts.adapters.records.host_files import MIRROR, host_folders
from fleetscripts.config import Settings
from fleetscripts.core.hosts.ages import entries_to_ages
from fleetscripts.core.hosts.mirror import Mirror
from fleetscripts.core.records.sanitize import sanitize
from fleetscripts.errors import FleetError
from fleetscripts.fleet import Fleet
from fleetscripts.pull_request import PullKey
from fleetscripts.services.actions.verify_done import READING
from fleetscripts.services.central.central import has_central
from fleetscripts.services.context import load_fleet
from fleetscripts.services.hosts.mirrors import read_link, read_mirror
from fleetscripts.services.hosts.registry import Host, hosts
from fleetscripts.services.links.facts import NOTICES
from fleetscripts.services.links.pulls_for_hosts import PullQuestion, asked_by, may_be_asked, read_for
from fleetscripts.services.links.questions_for_hosts import HostQuestion, answer_host, asked_by_name
from fleetscripts.services.links.telling import fetch_notices, tell_host, tell_pulls
from fleetscripts.services.loop.loop_schedule import stamp
from fleetscripts.services.loop.shared_limits import learn_accounts, limits_news, mark_of, reached_caps
from fleetscripts.services.notify.notify import notify

EVERY_SECONDS = 0.5
WITHOUT_HOSTS_SECONDS = 5.0
"""A link to a new host begins this late too."""

AGAIN_SECONDS = 5.0
LIMITS_SECONDS = 2.0
WORKERS = 8


@dataclass
class ForHosts:
    """Runs in a thread of its own. ``say`` is called with each line and its subject; ``keep`` with unexpected errors,
    and returns where they are stored."""

    environ: Mapping[str, str]
    options: Mapping[str, object]
    say: Callable[[object, str], None]
    keep: Callable[[Exception], Path]
    _stop: threading.Event = field(default_factory=threading.Event)
    _mirrors: dict[str, tuple[object, Mirror]] = field(default_factory=dict)
    _limits_at: float = 0
    _loaded: tuple[object, Settings] | None = None
    _fleet: Fleet = field(default_factory=Fleet)
    _told: set[object] = field(default_factory=set)
    _answered: set[PullQuestion] = field(default_factory=set)
    _answered_by_name: set[tuple[str, str]] = field(default_factory=set)
    _jobs: dict[object, Future[None]] = field(default_factory=dict)
    _not_before: dict[object, float] = field(default_factory=dict)

    def begin(self) -> None:
        """Start."""
        self._pool = ThreadPoolExecutor(WORKERS, thread_name_prefix="for-hosts")
        READING.others = self._asked_keys
        threading.Thread(target=self._run, name="for-hosts", daemon=True).start()

    def close(self) -> None:
        """Start nothing more."""
        self._stop.set()
        READING.others = tuple
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _run(self) -> None:
        pause_seconds = 0.0
        while not self._stop.wait(pause_seconds):
            pause_seconds = EVERY_SECONDS
            try:
                if not self.look():
                    pause_seconds = WITHOUT_HOSTS_SECONDS
            except (FleetError, OSError) as error:
                self.say("for hosts", f"hosts: {error}")

    def look(self) -> bool:
        """Start what there is to do; False without hosts. If there is nothing, a look at a few files."""
        settings = self._settings()
        known = [host for host in hosts(settings) if not host.gone_at] if settings else []
        if settings is None or not known or has_central(settings):
            return bool(known)
        linked = [host for host in known if read_link(host.files(settings)).online]
        asked = self._open_questions(settings, linked)
        if asked:
            self._begin("pulls", lambda: self._tell_pulls(settings, linked, asked))
        self._answer_by_name(settings, linked)
        for host in linked:
            if self._facts_of(settings, host).get(NOTICES):
                self._begin(("notices", host.name), lambda host=host: self._fetch(settings, host))  # type: ignore[misc]
        if time.monotonic() >= self._limits_at:
            self._limits_at = time.monotonic() + LIMITS_SECONDS
            self._share_limits(settings, linked)
        return True

    def _answer_by_name(self, settings: Settings, linked: Collection[Host]) -> None:
        """Answered questions are dropped as soon as their host no longer asks them."""
        asked = {
            (host.name, one.id): (host, one) for host in linked for one in asked_by_name(self._facts_of(settings, host))
        }
        self._answered_by_name &= asked.keys()
        for name, (host, one) in asked.items():
            if name not in self._answered_by_name:
                self._begin(name, lambda name=name, host=host, one=one: self._answer(settings, name, host, one))  # type: ignore[misc]

    def _answer(self, settings: Settings, name: tuple[str, str], host: Host, asked: HostQuestion) -> None:
        answer_host(settings, self._fleet, host, asked)
        self._answered_by_name.add(name)

    def _share_limits(self, settings: Settings, linked: Collection[Host]) -> None:
        """Read account usage first, so that every host learns what another one has just met."""
        hosts_of_ours = [host for host in linked if NOTICES in self._facts_of(settings, host)]
        for host in hosts_of_ours:
            learn_accounts(settings, host, self._mirrors[host.name][1])
        reached = reached_caps(settings, self._fleet, time.time()) if hosts_of_ours else []
        for host in hosts_of_ours:
            if news := limits_news(settings, host, self._mirrors[host.name][1], reached, self._told):
                self._begin(("limits", host.name), lambda host=host, news=news: self._tell_limits(settings, host, news))  # type: ignore[misc]

    def _tell_limits(self, settings: Settings, host: Host, news: Mapping[str, Any]) -> None:
        figures = news.get("figures", [])
        tell_host(settings, host, {**news, "figures": entries_to_ages(figures, time.time())})
        self._told |= {mark_of(host, one) for one in figures}

    def _settings(self) -> Settings | None:
        """None without hosts, or if the fleet is stopped. Read again if one of the files has changed."""
        known = self._loaded
        if known is not None and not host_folders(known[1].fleet_home):
            return None
        if known is None or known[0] != _stamps(known[1]):
            settings, self._fleet = load_fleet(self.environ, self.options)
            self._loaded = known = (_stamps(settings), settings)
        return known[1] if self._fleet.active else None

    def _facts_of(self, settings: Settings, host: Host) -> Mapping[str, Any]:
        """Its latest facts; read again if the mirror has changed."""
        files = host.files(settings)
        try:
            status = (files.folder / MIRROR).stat()
        except OSError:
            return {}
        stamp = (status.st_ino, status.st_mtime_ns)
        if self._mirrors.get(host.name, (None, None))[0] != stamp:
            self._mirrors[host.name] = (stamp, read_mirror(files)[0])
        return self._mirrors[host.name][1].facts

    def _open_questions(self, settings: Settings, linked: Collection[Host]) -> list[PullQuestion]:
        asked = [one for host in linked for one in asked_by(host.name, self._facts_of(settings, host))]
        self._answered &= set(asked)
        return [one for one in asked if one not in self._answered]

    def _asked_keys(self) -> list[PullKey]:
        """For the reader of this machine's own agents' pull requests: one request for all."""
        try:
            settings = self._settings()
            linked = list(hosts(settings)) if settings else []
            keys = [one.key for one in self._open_questions(settings, linked)] if settings else []
            return may_be_asked(settings, self._fleet, keys) if settings and keys else []
        except FleetError:
            return []

    def _begin(self, name: object, job: Callable[[], None]) -> None:
        """Unless the same is under way, or has just failed."""
        under_way = self._jobs.get(name)
        self._jobs = {known: job for known, job in self._jobs.items() if not job.done()}
        if (under_way is None or under_way.done()) and time.monotonic() >= self._not_before.get(name, 0):
            self._jobs[name] = self._pool.submit(self._outlive, name, job)

    def _outlive(self, name: object, job: Callable[[], None]) -> None:
        """One job, whose failure is reported and retried later."""
        try:
            job()
        except (FleetError, OSError, ValueError) as error:
            self._not_before[name] = time.monotonic() + AGAIN_SECONDS
            self.say(("for hosts", name), f"hosts: {sanitize(str(error))}")
        except Exception as error:  # noqa: BLE001 - as in the loop: it must not end the rest, unseen
            self._not_before[name] = time.monotonic() + AGAIN_SECONDS
            kept = self.keep(error)
            self.say(("for hosts", name), f"hosts: unexpected {type(error).__name__}: {error} (details in {kept})")

    def _tell_pulls(self, settings: Settings, linked: Collection[Host], asked: Collection[PullQuestion]) -> None:
        found, age_seconds = read_for(settings, self._fleet, {one.key for one in asked}, READING)
        problems = []
        for host in linked:
            own = [one for one in asked if one.host == host.name]
            try:
                if own:
                    tell_pulls(settings, host, {one.key: found[one.key] for one in own}, age_seconds)
                    self._answered |= set(own)
            except FleetError as error:
                problems.append(str(error))
        if problems:
            raise FleetError("; ".join(problems))

    def _fetch(self, settings: Settings, host: Host) -> None:
        def tell(text: str, urgent: bool) -> list[str]:
            warnings = notify(text, settings, self.environ, urgent)
            for line in (text, *(f"not notified everywhere: {warning}" for warning in warnings)):
                self.say(("notice", host.name), line)
            return warnings

        fetch_notices(settings, host, tell)
        self._not_before["notices", host.name] = time.monotonic() + EVERY_SECONDS


def _stamps(settings: Settings) -> object:
    """The versions of the state file and the configuration."""
    return stamp(settings.state_file), stamp(settings.fleet_home / "config.toml")
