"""All settings with values and sources, and setting one in ``config.toml``."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from fleetscripts.adapters.records.files import private_folder, replace_file
from fleetscripts.adapters.records.locks import hold
from fleetscripts.adapters.records.store import StateMissing, Store
from fleetscripts.agents.kinds import known_kinds
from fleetscripts.config import (
    TABLES,
    Settings,
    config_file,
    given_settings,
    known_settings,
    load_settings,
    program_setting,
    read_own,
    settings_of,
    variables,
)
from fleetscripts.core.records.near_names import instead_of
from fleetscripts.core.records.toml_edit import line_of, with_value
from fleetscripts.dataclass import dataclass
from fleetscripts.errors import FleetError, UsageProblem

LOCK_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class ConfiguredSetting:
    """One setting. ``source``: ``default``, ``FILE:LINE``, the variable's name, or a place in words."""

    name: str
    value: object
    source: str


def configured(environ: Mapping[str, str], options: Mapping[str, object]) -> list[ConfiguredSetting]:
    """Every known setting, in the order of its definition, and what the file's tables hold."""
    try:
        top = Store(load_settings(environ, options).state_file).read().top()
    except StateMissing:
        top = {}
    settings = load_settings(environ, options, top)
    sources = given_settings(environ, options, top)
    file = config_file(environ, options)
    text = _text(file)
    by_variable = {name: variable for variable, name in variables().items()}

    def source(name: str) -> str:
        place = next((place for place, given in reversed(sources) if given.get(name) is not None), "default")
        if place == str(file):
            return f"{file}:{line_of(text, name)}"
        return by_variable[name] if place == "the environment" else place

    values = _values(settings)
    known = [ConfiguredSetting(name, values[name], source(name)) for name in known_settings()]
    own = (name for name, value in settings.extra.items() if isinstance(value, Mapping))
    tables = [(table, settings.extra.get(table)) for table in dict.fromkeys((*TABLES, *own))]
    return [*known, *(one for table, value in tables for one in _in_table(table, value, str(file)))]


def _in_table(name: str, value: object, file: str) -> Iterator[ConfiguredSetting]:
    """Each value of a table, by its place there; a table that is not set as a whole."""
    if isinstance(value, Mapping) and value:
        for key, member in value.items():
            yield from _in_table(f"{name}.{key}", member, file)
    else:
        yield ConfiguredSetting(name, value, "default" if value is None else f"{file}, [{name.rpartition('.')[0]}]")


def set_one(environ: Mapping[str, str], options: Mapping[str, object], name: str, text: str) -> None:
    """Set it in the file, checked as when it is loaded; nothing is written if it is invalid."""
    known = known_settings()
    if name.partition(".")[0] in TABLES or "." in name:
        place = f"the table [{name.partition('.')[0]}] of {config_file(environ, options)}"
        raise UsageProblem(f"{name} is not set by this command: expected it to be written in {place}")
    if name not in known:
        raise UsageProblem(f"no setting {name!r}; {instead_of(name, known)}")
    settings = load_settings(environ, options)
    file = Path(os.path.realpath(config_file(environ, options)))
    try:
        private_folder(file.parent)
        with hold(settings.locks / "config.lock", LOCK_SECONDS):
            changed = with_value(_text(file), name, _toml(known[name], text))
            _check(changed, file, settings)
            replace_file(file, changed.encode())
    except OSError as error:
        raise FleetError(f"cannot write {file}: {error.strerror}") from error


def _check(text: str, file: Path, settings: Settings) -> None:
    import tomllib

    try:
        content = tomllib.loads(text)
    except ValueError as error:
        raise UsageProblem(f"{file} would not be TOML any more: {error}") from error
    settings_of(((str(file), content),), settings.home, settings.fleet_home)


def _text(file: Path) -> str:
    try:
        return read_own(file)
    except FileNotFoundError:
        return ""


def _values(settings: Settings) -> dict[str, object]:
    kinds = known_kinds()
    homes = {kind.home.setting: settings.homes[kind.name] for kind in kinds}
    programs = {program_setting(kind.name): settings.programs[kind.name] for kind in kinds}
    return {name: getattr(settings, name, None) for name in known_settings()} | homes | programs


def _toml(kind: str, text: str) -> str:
    """The call's words as a TOML value of that type; invalid ones stay text, which the check refuses."""
    if kind in ("bool", "bool | None", "int", "float"):
        try:
            value = json.loads(text)
        except ValueError:
            value = text
        finite = isinstance(value, int) or (isinstance(value, float) and math.isfinite(value))
        return json.dumps(value if finite else text, ensure_ascii=False)
    if kind == "tuple[str, ...]":
        return json.dumps([name.strip() for name in text.split(",") if name.strip()], ensure_ascii=False)
    return json.dumps(text, ensure_ascii=False)
