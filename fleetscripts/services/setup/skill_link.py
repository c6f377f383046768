"""Links the skill for the orchestrator's client, and writes its permission rules to the user's settings."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from fleetscripts.adapters.records.files import private_folder, replace_file
from fleetscripts.adapters.records.json_files import decode, encode
from fleetscripts.agents import DEFAULT_KIND
from fleetscripts.agents.kinds import kind_named
from fleetscripts.core.permissions.allow_rules import allow_rules, rules_missing, with_rules, without_rules
from fleetscripts.dataclass import dataclass
from fleetscripts.errors import FleetError

BUNDLE = Path(__file__).resolve().parents[3]


@dataclass(frozen=True, slots=True)
class ClientFolder:
    """The orchestrator's client's folder of the user."""

    path: Path

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> ClientFolder:
        """The folder in this environment."""
        home = kind_named(DEFAULT_KIND).home
        return cls(Path(environ.get(home.variable) or Path(home.default).expanduser()))

    @property
    def link(self) -> Path:
        return self.path / "skills" / "orchestrate"

    @property
    def settings_file(self) -> Path:
        return self.path / "settings.json"

    @property
    def rules(self) -> list[str]:
        """The rules for the scripts as the skill calls them."""
        return allow_rules(f"{self.link}/scripts")

    @property
    def linked(self) -> bool:
        """Whether the skill is this bundle."""
        return self.link.exists() and self.link.resolve() == BUNDLE

    def make_link(self) -> None:
        """Link the skill. FleetError if something else is there, or this is no bundle."""
        if self.linked:
            return
        if not (BUNDLE / "SKILL.md").is_file():
            raise FleetError(
                f"expected SKILL.md in {BUNDLE}, found none: the skill is linked from a clone of the bundle"
            )
        if os.path.lexists(self.link):
            found = f"a link to {self.link.readlink()}" if self.link.is_symlink() else "something else"
            raise FleetError(f"expected nothing at {self.link}, found {found}: move it away first")
        with _told(self.link):
            private_folder(self.link.parent)
            self.link.symlink_to(BUNDLE)

    def drop_link(self) -> bool:
        """Remove the link if it is ours; returns whether it was."""
        if not (self.link.is_symlink() and self.link.resolve() == BUNDLE):
            return False
        with _told(self.link):
            self.link.unlink()
        return True

    def missing_rules(self) -> list[str]:
        """Rules that the settings lack."""
        return rules_missing(self._settings(), self.rules)

    def add_rules(self) -> None:
        """Write the missing rules; nothing else changes."""
        self._write(with_rules(self._settings(), self.rules))

    def drop_rules(self) -> int:
        """Remove our rules; returns how many there were."""
        before = self._settings()
        found = len(self.rules) - len(rules_missing(before, self.rules))
        if found:
            self._write(without_rules(before, self.rules))
        return found

    def _settings(self) -> dict[str, Any]:
        try:
            read = decode(self.settings_file.read_bytes(), exact=True)
        except FileNotFoundError:
            return {}
        except (OSError, ValueError) as problem:
            raise FleetError(f"expected JSON in {self.settings_file}, found {problem}: mend it first") from problem
        if not isinstance(read, dict):
            raise FleetError(f"expected an object in {self.settings_file}, found something else: mend it first")
        return read

    def _write(self, settings: Mapping[str, Any]) -> None:
        target = self.settings_file.resolve()
        with _told(target):
            private_folder(target.parent)
            replace_file(target, encode(settings, indent=True))


@contextmanager
def _told(path: Path) -> Iterator[None]:
    """A system error as one line."""
    try:
        yield
    except OSError as error:
        raise FleetError(f"cannot change {path}: {error.strerror or error}") from error
