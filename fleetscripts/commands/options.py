"""Flags that several commands share, each spelled once."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

Function = Callable[..., Any]


class Finite(click.FloatRange):
    """A number in a range, excluding ``nan`` and ``inf``, which would defeat comparisons."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        return _in_range(self, super().convert, "a number", value, param, ctx)


class Whole(click.IntRange):
    """A whole number in a range."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        return _in_range(self, super().convert, "a whole number", value, param, ctx)


def _in_range(
    of: Finite | Whole,
    convert: Function,
    what: str,
    value: Any,
    param: click.Parameter | None,
    ctx: click.Context | None,
) -> Any:
    """The number, or an error that says which are expected."""
    try:
        number = convert(value, param, ctx)
    except click.BadParameter:
        number = math.nan
    if not math.isfinite(number):
        least, most = of.min, of.max
        span = f" from {least:g} to {most:g}" if least is not None and most is not None else ""
        span = span or (f" of at least {least:g}" if least is not None else "")
        of.fail(f"expected {what}{span}, found {str(value)!r}", param, ctx)
    return number


SETTINGS_FLAGS = ("state_file", "tmux_socket", "fleet_home")


def settings_options(function: Function) -> Function:
    """Add ``--state-file``, ``--tmux-socket`` and ``--fleet-home``; the command gets those given as ``options``.

    The mapping is for ``load_settings(os.environ, options, fleet_top)``."""

    @click.option("--state-file", metavar="PATH", type=Path, help="State file to use (ORCHESTRATOR_STATE_FILE).")
    @click.option("--tmux-socket", metavar="NAME", help="tmux socket name, as in tmux -L (FLEET_TMUX_SOCKET).")
    @click.option("--fleet-home", metavar="DIR", type=Path, help="Folder for journal, locks and backups (FLEET_HOME).")
    @functools.wraps(function)
    def with_options(*args: Any, **kwargs: Any) -> Any:
        given = {flag: kwargs.pop(flag) for flag in SETTINGS_FLAGS}
        kwargs["options"] = {flag: value for flag, value in given.items() if value is not None}
        return function(*args, **kwargs)

    return with_options


WANTS_JSON = "fleetscripts.as_json"
"""In the context's ``meta``: whether the call has ``--json``."""


def json_option(function: Function) -> Function:
    """Add ``--json`` as ``as_json``. Errors are then printed as JSON too."""

    def note(context: click.Context, param: click.Parameter, value: bool) -> bool:
        context.meta[WANTS_JSON] = value
        return value

    return click.option("--json", "as_json", is_flag=True, callback=note, help="Print JSON instead of text.")(function)


def yes_option(function: Function) -> Function:
    """Add ``--yes`` as ``yes``."""
    return click.option("--yes", "-y", is_flag=True, help="Do not ask before changing anything.")(function)


WANTED_HOST = "fleetscripts.host"
"""In the context's ``meta``: the other machine on which the call is to run."""


def with_host(command: click.Command) -> None:
    """Add ``--host``, unless the command has one of its own."""
    if any(parameter.name == "host" for parameter in command.params):
        return

    def note(context: click.Context, param: click.Parameter, value: str | None) -> None:
        context.meta[WANTED_HOST] = value

    option = ["--host"]
    said = "On this other machine, for its agents."
    command.params.append(click.Option(option, metavar="NAME", help=said, callback=note, expose_value=False))


def window_argument(function: Function) -> Function:
    """Add WINDOW as ``window``: SESSION:WIN, a pane id, a window id, or the worktree's name."""
    return click.argument("window", metavar="WINDOW")(function)
