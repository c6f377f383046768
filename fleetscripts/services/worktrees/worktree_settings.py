"""The table ``[worktree]`` of config.toml: how worktrees are prepared."""

from __future__ import annotations

import os
from pathlib import PurePosixPath

from fleetscripts.adapters.git.place import repository_at
from fleetscripts.config import Settings, in_home
from fleetscripts.config_table import Table
from fleetscripts.dataclass import dataclass
from fleetscripts.errors import FleetError, UsageProblem
from fleetscripts.schema import describe

TABLE = "worktree"
BY_REPOSITORY = "repositories"
TIMEOUT_SECONDS = 900.0
HIGHEST_PORT = 65_535
COPY, LINK, CLONE = "copy", "link", "clone"

LOCK_FILES = (
    *("package-lock.json", "npm-shrinkwrap.json", "yarn.lock", "pnpm-lock.yaml", "bun.lock", "bun.lockb", "deno.lock"),
    *("uv.lock", "poetry.lock", "pdm.lock", "Pipfile.lock", "requirements.txt", "Cargo.lock", "go.sum"),
    *("Gemfile.lock", "composer.lock", "mix.lock", "gradle.lockfile", "Package.resolved", "flake.lock"),
)
"""Files that list a worktree's packages, by the names that their tools give them."""


@dataclass(frozen=True, slots=True)
class WorktreeSettings:
    """``include``: patterns as in .gitignore, for ignored files to bring from the main worktree, ``include_by`` copy,
    link or clone (copy on write). ``environment``: names of variables that the commands get besides the few that every
    check gets. ``cache``: folders without which a worktree is not ready. ``clean``: ignored files that recycling
    removes."""

    include: tuple[str, ...] = ()
    include_by: str = COPY
    setup: str = ""
    teardown: str = ""
    timeout_seconds: float = TIMEOUT_SECONDS
    environment: tuple[str, ...] = ()
    lock_files: tuple[str, ...] = LOCK_FILES
    cache: tuple[str, ...] = ()
    clean: tuple[str, ...] = ()
    port_base: int = 20_000
    port_step: int = 100

    @property
    def prepares(self) -> bool:
        """Whether there is anything to set up."""
        return bool(self.setup or self.include)

    def port_of(self, slot: int) -> int:
        """The first of a slot's ports; slot 0 is unused, so that its ports are free for manual work."""
        port = self.port_base + slot * self.port_step
        if port + self.port_step - 1 > HIGHEST_PORT:
            raise UsageProblem(
                f"slot {slot} would need ports from {port}, above {HIGHEST_PORT}: "
                f"lower port_base or port_step in [{TABLE}]"
            )
        return port


def worktree_settings(settings: Settings, common_folder: str) -> WorktreeSettings | None:
    """The settings in force for the repository with this common folder; None without any. UsageProblem names what is
    invalid, in any repository's table."""
    if TABLE not in settings.extra:
        return None
    usual = Table.of(settings.extra, TABLE)
    listed = Table.of(usual.members, BY_REPOSITORY, TABLE)
    own = {name: value for name, value in usual.members.items() if name != BY_REPOSITORY}
    found = _read(Table(TABLE, own))
    for path in listed.members:
        table = Table.of(listed.members, path, listed.name)
        of_repository = _read(Table(table.name, {**own, **table.members}))
        if _common_folder(path, settings) == common_folder:
            found = of_repository
    return found


def _read(table: Table) -> WorktreeSettings:
    usual = WorktreeSettings()
    table.only(WorktreeSettings.__dataclass_fields__)
    return WorktreeSettings(
        include=tuple(_pattern(table, "include", one) for one in table.texts("include")),
        include_by=table.text("include_by", COPY, (COPY, LINK, CLONE)),
        setup=table.text("setup"),
        teardown=table.text("teardown"),
        timeout_seconds=table.seconds("timeout_seconds", TIMEOUT_SECONDS),
        environment=table.texts("environment"),
        lock_files=tuple(_name(table, one) for one in table.texts("lock_files", LOCK_FILES)),
        cache=tuple(_pattern(table, "cache", one).rstrip("/") for one in table.texts("cache")),
        clean=tuple(_pattern(table, "clean", one).rstrip("/") for one in table.texts("clean")),
        port_base=table.whole("port_base", usual.port_base, 1024, HIGHEST_PORT),
        port_step=table.whole("port_step", usual.port_step, 1, 10_000),
    )


def _pattern(table: Table, name: str, text: str) -> str:
    """A pattern that stays inside the worktree, and out of git's own folder."""
    parts = PurePosixPath(text.removeprefix("!")).parts
    if not parts or parts[0].startswith(("/", "~")) or ".." in parts or {"\n", "\r", "\0"} & set(text):
        raise UsageProblem(
            f"{table.name}.{name} in config.toml: expected patterns below the repository's top, found {describe(text)}"
        )
    if ".git" in (part.casefold() for part in parts):
        raise UsageProblem(f"{table.name}.{name} in config.toml: {describe(text)} is git's own folder")
    return text


def _name(table: Table, text: str) -> str:
    if "/" in text or "\0" in text:
        raise UsageProblem(f"{table.name}.lock_files in config.toml: expected a file's name, found {describe(text)}")
    return text


def _common_folder(path: str, settings: Settings) -> str:
    """The common folder of the repository named in a table's head; a bare one is its own."""
    place = in_home(path, settings.home)
    if not place.is_absolute():
        raise UsageProblem(
            f"[{TABLE}.{BY_REPOSITORY}] in config.toml: expected an absolute path, found {describe(path)}"
        )
    try:
        return repository_at(place).common_dir
    except FleetError:
        return os.path.realpath(place)
