"""The state file: read whole, changed under a lock, replaced atomically, never overwritten when damaged."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from fleetscripts import schema
from fleetscripts.adapters.records import json_files
from fleetscripts.adapters.records.files import replace_file, sweep_temporaries
from fleetscripts.adapters.records.locks import hold
from fleetscripts.errors import FleetError
from fleetscripts.fleet import AGENT_SEED_FIELDS, Agent, Fleet
from fleetscripts.invocation import spelled
from fleetscripts.schema import WrongShape

LOCK_TIMEOUT_SECONDS = 30.0
"""Sixteen writers at once waited 0.5 s at most; a slower holder is stopped or on a dead disk."""

LETTERS = ("bdfgklmnprstvz", "aeiou") * 3
"""Of an agent's id."""


class StateMissing(FleetError):
    """There is no state file."""


class StateDamaged(FleetError):
    """The state file cannot be read as a fleet; nothing may overwrite it."""


class Store:
    """One state file. A symbolic link is followed: its target is replaced."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def target(self) -> Path:
        """The file itself, behind any links."""
        return Path(os.path.realpath(self.path))

    @property
    def backup(self) -> Path:
        """The last good copy: the state before the latest change."""
        return self.target.with_name(self.target.name + ".bak")

    def read(self) -> Fleet:
        """The fleet now; needs no lock. Raises StateMissing or StateDamaged."""
        try:
            content = self.target.read_bytes()
        except FileNotFoundError:
            raise StateMissing(f"no state file at {self.path}: {spelled('spawn-agent')} creates it") from None
        except OSError as error:
            raise FleetError(f"cannot read the state file {self.path}: {error.strerror}") from error
        try:
            return _parsed(content)
        except WrongShape as error:
            raise self._damaged(str(error)) from error
        except RecursionError as error:
            raise self._damaged("it is nested too deeply") from error
        except ValueError as error:
            raise self._damaged(f"not JSON ({error})") from error

    def update(self, change: Callable[[Fleet], Fleet], create: Fleet | None = None) -> Fleet:
        """Read again under the lock, apply ``change``, replace the file; return the fleet as written.

        ``create`` is the initial content of a missing file; without it a missing file is an error. ``change`` runs
        under the lock: it must be quick and must not call the store."""
        target = self.target
        if not target.parent.is_dir() and create is None:
            raise StateMissing(f"no state file at {self.path}: {spelled('spawn-agent')} creates it")
        with hold(target.with_name(target.name + ".lock"), LOCK_TIMEOUT_SECONDS):
            try:
                before: Fleet | None = self.read()
            except StateMissing:
                if create is None:
                    raise
                before = None
            after = change(before or create or Fleet())
            if after != before:
                after = after.with_ids(new_id)
                self._write(target, after, keep_copy=before is not None)
            return after

    def _write(self, target: Path, fleet: Fleet, *, keep_copy: bool) -> None:
        content = encode(fleet)
        try:
            sweep_temporaries(target)
            if keep_copy:
                self._keep_copy(target)
            replace_file(target, content)
            _known.add(content, fleet)
        except OSError as error:
            raise FleetError(
                f"cannot write the state file {self.path}: {error.strerror}; it is as it was before"
            ) from error

    def _keep_copy(self, target: Path) -> None:
        """A hard link to the good file: costs no copying, and is renamed atomically."""
        spare_name = target.with_name(f".{target.name}.copy.tmp")
        try:
            os.link(target, spare_name)
        except OSError:  # a file system without hard links
            replace_file(self.backup, target.read_bytes())
            return
        spare_name.chmod(0o600)
        spare_name.replace(self.backup)
        spare_name.unlink(missing_ok=True)

    def _damaged(self, what: str) -> StateDamaged:
        advice = f"; the last good copy is {self.backup}" if self.backup.exists() else ""
        return StateDamaged(f"the state file {self.path} is damaged and was left as it is: {what}{advice}")


def new_id() -> str:
    """Six letters, easy to say and type; the caller ensures that it is unique."""
    drawn = os.urandom(6)
    return "".join(letters[number % len(letters)] for letters, number in zip(LETTERS, drawn, strict=True))


def encode(fleet: Fleet) -> bytes:
    """The state file's bytes: indented, for people and for jq."""
    return json_files.encode(fleet.top() | {"agents": _written.all_of(fleet.agents)}, indent=True, finite=True)


class _FleetCache:
    """The last contents that were read or written, with the fleets that they hold."""

    def __init__(self) -> None:
        self._last: tuple[tuple[bytes, Fleet], ...] = ()

    def add(self, content: bytes, fleet: Fleet) -> None:
        self._last = ((content, fleet), *self._last[:1])

    def fleet(self, content: bytes) -> Fleet | None:
        return next((fleet for known, fleet in self._last if known == content), None)


class _AgentCache:
    """Agents as they were written last: a look changes few of many."""

    def __init__(self) -> None:
        self._last: dict[int, tuple[Agent, dict[str, Any]]] = {}

    def all_of(self, agents: Iterable[Agent]) -> list[dict[str, Any]]:
        last = self._last
        pairs = [last.get(id(agent)) or (agent, schema.write(agent, AGENT_SEED_FIELDS)) for agent in agents]
        self._last = {id(agent): (agent, members) for agent, members in pairs}
        return [members for _, members in pairs]


_known, _written = _FleetCache(), _AgentCache()


def _parsed(content: bytes) -> Fleet:
    """The fleet in these bytes, remembered: a watcher reads the same ones, and its own, again and again.

    Parsed exactly: integers of any length in unknown fields survive the next change."""
    fleet = _known.fleet(content)
    if fleet is None:
        fleet = Fleet.from_json(json_files.decode(content, exact=True))
        _known.add(content, fleet)
    return fleet
