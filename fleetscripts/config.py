"""Settings: option, then environment, then state file, then ``FLEET_HOME/config.toml``, then default."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import field, fields
from pathlib import Path
from typing import Any, TypeAlias

from fleetscripts.agents.kinds import Places, known_kinds
from fleetscripts.dataclass import dataclass
from fleetscripts.errors import UsageProblem
from fleetscripts.own_folder import FLEET_HOME, STATE_FILE
from fleetscripts.schema import describe

Source: TypeAlias = tuple[str, Mapping[str, object]]
"""A source of settings, in words, and its content."""

SUPERVISION = ("active", "on-demand")
PERMISSION_MODES = ("bypassPermissions", "auto", "acceptEdits", "manual", "plan", "dontAsk", "default")

OTHERS_WRITE = 0o022
"""Mode bits that let others change a file."""

POSITIVE_SECONDS = (
    "poll_interval_seconds", "poll_idle_max_seconds", "idle_threshold_seconds", "notify_alone_after_seconds",
    "github_timeout_seconds",
)  # fmt: skip

TABLES = ("caps", "machine", "notify", "review", "test_queue", "worktree")
"""Tables of config.toml that ``config`` lists also where they are not set; each is read by the part that it is for."""

NOT_SETTABLE = ("home", "fleet_home", "homes", "programs", "extra")

FROM_ENVIRONMENT = {
    "ORCHESTRATOR_STATE_FILE": "state_file",
    "FLEET_TMUX_SOCKET": "tmux_socket",
    "POLL_INTERVAL": "poll_interval_seconds",
    "POLL_IDLE_MAX": "poll_idle_max_seconds",
}
"""Variables that are settings, besides the clients' own for their folders. FLEET_HOME is read before them: it locates
config.toml."""


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings, with defaults from the seed and the design."""

    home: Path
    fleet_home: Path
    state_file: Path
    homes: Mapping[str, Path]
    """Kind → the user's folder of that client; each has a setting and a variable of its own."""
    programs: Mapping[str, str]
    """Kind → its program, if ``NAME_path`` names one; empty: the one on PATH."""
    tmux_socket: str | None = None
    poll_interval_seconds: float = 30
    poll_idle_max_seconds: float = 300
    idle_threshold_seconds: float = 300
    nudge_cooldown_seconds: float = 300
    orchestrator_unseen_seconds: float = 900
    retry_pause_seconds: float = 30
    verify_timeout_seconds: float = 900
    start_timeout_seconds: float = 60
    supervision: str = "active"
    permission_mode: str = "bypassPermissions"
    protected_branches: tuple[str, ...] = ()
    protected_worktrees: tuple[str, ...] = ()
    verify_command: str = ""
    tasks_folder: Path = Path("~/captain/tasks")
    tasks_repo: str = ""
    add_spares: bool = False
    most_worktrees: int = 20
    hooks: bool = True
    statusline: bool = True
    notify_desktop: bool = True
    notify_alone_after_seconds: float = 300
    """If the central fetches nothing for this long, this machine sends notifications itself."""
    github_timeout_seconds: float = 60
    github_servers: tuple[str, ...] = ()
    ci_required: bool | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)
    """The rest of config.toml (the ``TABLES`` of other parts), as parsed."""

    @property
    def journal_file(self) -> Path:
        return self.fleet_home / "events.jsonl"

    def home_of(self, kind: str) -> Path:
        """The user's folder of a client of this kind."""
        return self.homes[kind]

    def places_of(self, kind: str) -> Places:
        """The folders of a client of this kind, and ours for it."""
        return Places(self.homes[kind], self.fleet_home)

    @property
    def locks(self) -> Path:
        return self.fleet_home / "locks"


def load_settings(
    environ: Mapping[str, str],
    options: Mapping[str, object] | None = None,
    fleet_top: Mapping[str, object] | None = None,
) -> Settings:
    """The settings in force. ``fleet_top`` is the state file's top level; options that are None are not given."""
    home, fleet_home = _homes(environ, options)
    _refuse_if_others_write(fleet_home)
    return settings_of(given_settings(environ, options, fleet_top), home, fleet_home)


def settings_of(sources: Sequence[Source], home: Path, fleet_home: Path) -> Settings:
    """The settings from these sources, later ones taking precedence; UsageProblem names what is invalid."""
    kinds, known = known_kinds(), known_settings()
    values: dict[str, Any] = {
        "state_file": _path(STATE_FILE, home),
        "tasks_folder": _path("~/captain/tasks", home),
        **{kind.home.setting: _path(kind.home.default, home) for kind in kinds},
    }
    for place, source in sources:
        for name, value in source.items():
            if name in known and value is not None:
                values[name] = _typed(f"{name} in {place}", known[name], value, home)
    rest = {name: value for name, value in sources[0][1].items() if name not in {*known, *NOT_SETTABLE}}
    homes = {kind.name: values[kind.home.setting] for kind in kinds}
    programs = {kind.name: values.pop(program_setting(kind.name), "") for kind in kinds}
    values = {name: value for name, value in values.items() if name not in {kind.home.setting for kind in kinds}}
    return _checked(Settings(home=home, fleet_home=fleet_home, homes=homes, programs=programs, extra=rest, **values))


def given_settings(
    environ: Mapping[str, str],
    options: Mapping[str, object] | None = None,
    fleet_top: Mapping[str, object] | None = None,
) -> tuple[Source, ...]:
    """The sources with their contents; the file first."""
    file = config_file(environ, options)
    return (
        (str(file), _config_file(file)),
        ("the state file", {k: v for k, v in (fleet_top or {}).items() if k != "state_file"}),
        ("the environment", _from_environment(environ, variables())),
        ("the options", options or {}),
    )


def known_settings() -> dict[str, str]:
    """Every setting with the type of its value."""
    known = {setting.name: str(setting.type) for setting in fields(Settings) if setting.name not in NOT_SETTABLE}
    kinds = known_kinds()
    return known | {kind.home.setting: "Path" for kind in kinds} | {program_setting(kind.name): "str" for kind in kinds}


def variables() -> dict[str, str]:
    """Environment variables that are settings, by name."""
    return {**FROM_ENVIRONMENT, **{kind.home.variable: kind.home.setting for kind in known_kinds()}}


def config_file(environ: Mapping[str, str], options: Mapping[str, object] | None = None) -> Path:
    """``config.toml``, which may not exist."""
    return _homes(environ, options)[1] / "config.toml"


def _homes(environ: Mapping[str, str], options: Mapping[str, object] | None) -> tuple[Path, Path]:
    """The user's folder, and ours."""
    home = Path(environ.get("HOME") or Path.home())
    return home, _path((options or {}).get("fleet_home") or environ.get("FLEET_HOME") or FLEET_HOME, home)


def program_setting(kind: str) -> str:
    """The setting with the path of a client's program."""
    return f"{kind}_path"


def _config_file(file: Path) -> dict[str, Any]:
    try:
        text = read_own(file)
        import tomllib

        return tomllib.loads(text)
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise UsageProblem(f"cannot read {file}: {error.strerror}") from error
    except ValueError as error:
        raise UsageProblem(f"{file} is not TOML: {error}") from error


def _refuse_if_others_write(fleet_home: Path) -> None:
    try:
        others_write = fleet_home.stat().st_mode & OTHERS_WRITE
    except OSError:
        return
    if others_write:
        raise UsageProblem(f"{fleet_home} can be written by others, who could say what we do: chmod 700 it")


def read_own(file: Path) -> str:
    """A file that controls us. Raises OSError, ValueError, and UsageProblem if others can write it."""
    with file.open("rb") as stream:
        if os.fstat(stream.fileno()).st_mode & OTHERS_WRITE:
            raise UsageProblem(f"{file} can be written by others, who could say what we do: chmod go-w it")
        return stream.read().decode("utf-8")


def _from_environment(environ: Mapping[str, str], names: Mapping[str, str]) -> dict[str, object]:
    """Variables that are set, with numbers parsed; an empty one counts as not set."""
    found: dict[str, object] = {}
    for variable, name in names.items():
        text = environ.get(variable)
        if text and name.endswith("_seconds"):
            try:
                found[name] = float(text)
            except ValueError:
                raise UsageProblem(f"{variable}: expected a number of seconds, found {describe(text)}") from None
        elif text:
            found[name] = text
    return found


def _typed(where: str, kind: str, value: object, home: Path) -> object:
    """The value in its field's type, or an error that names its source."""
    if kind == "Path" and isinstance(value, str | Path):
        return _path(value, home)
    if kind == "float" and isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
        return value
    if kind == "int" and isinstance(value, int) and not isinstance(value, bool):
        return value
    if kind in ("bool", "bool | None") and isinstance(value, bool):
        return value
    if kind in ("str", "str | None") and isinstance(value, str):
        return value
    if kind == "tuple[str, ...]" and isinstance(value, list | tuple) and all(isinstance(name, str) for name in value):
        return tuple(value)
    wanted = {"Path": "a path", "float": "a number of seconds", "int": "a whole number", "bool": "true or false"}
    wanted |= {"tuple[str, ...]": "names", "bool | None": "true or false"}
    raise UsageProblem(f"{where}: expected {wanted.get(kind, 'text')}, found {describe(value)}")


def in_home(text: str, home: Path) -> Path:
    """The path, ``~/…`` below the home folder."""
    return home / text[2:] if text.startswith("~/") else Path(text)


def _path(value: object, home: Path) -> Path:
    text = str(value)
    path = home if text == "~" else in_home(text, home)
    if not path.is_absolute():
        raise UsageProblem(f"expected an absolute path, found {describe(text)}: it would be another in each folder")
    return path


def _checked(settings: Settings) -> Settings:
    for name, allowed in (("supervision", SUPERVISION), ("permission_mode", PERMISSION_MODES)):
        value = getattr(settings, name)
        if value not in allowed:
            raise UsageProblem(f"{name}: expected one of {', '.join(allowed)}, found {describe(value)}")
    for name in POSITIVE_SECONDS:
        if not 0 < getattr(settings, name) < 1e9:
            raise UsageProblem(f"{name}: expected a positive number of seconds, found {getattr(settings, name):g}")
    if not 0 < settings.most_worktrees < 10_000:
        raise UsageProblem(f"most_worktrees: expected a number from 1 to 9999, found {settings.most_worktrees}")
    return settings
