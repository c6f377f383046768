"""``config [NAME [VALUE]]``: shows every setting with value and source, or sets one."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from fleetscripts.commands.entry import run
from fleetscripts.commands.options import json_option, settings_options
from fleetscripts.commands.output import print_json
from fleetscripts.errors import UsageProblem

if TYPE_CHECKING:
    from fleetscripts.services.setup.configured import ConfiguredSetting


@click.command("config")
@click.argument("name", required=False)
@click.argument("value", required=False)
@json_option
@settings_options
def command(name: str | None, value: str | None, as_json: bool, options: Mapping[str, object]) -> int:
    """Show all settings with their values and sources, or the one called NAME; with VALUE, set it in config.toml.

    Lists are separated by commas. New values are validated as on loading, and comments are kept. Precedence: options,
    environment, state file, config.toml.
    """
    from fleetscripts.config import config_file
    from fleetscripts.core.records.near_names import instead_of
    from fleetscripts.core.records.sanitize import sanitize
    from fleetscripts.core.reports.table import table
    from fleetscripts.services.setup.configured import configured, set_one

    if name is not None and value is not None:
        set_one(os.environ, options, name, value)
    found = configured(os.environ, options)
    chosen = [one for one in found if name is None or one.name == name or one.name.startswith(f"{name}.")]
    if name is not None and not chosen:
        raise UsageProblem(f"no setting {name!r}; {instead_of(name, [one.name for one in found])}")
    if as_json:
        print_json([members(one) for one in chosen])
    else:
        for line in table([("SETTING", "VALUE", "FROM"), *map(row, chosen)]):
            click.echo(line)
    file = str(config_file(os.environ, options))
    if value is not None and not chosen[0].source.startswith(f"{file}:"):
        click.echo(f"config: {name} is set in {sanitize(file)}, and {chosen[0].source} wins over it", err=True)
    return 0


def row(one: ConfiguredSetting) -> tuple[str, str, str]:
    """One setting's cells."""
    from fleetscripts.core.records.redact import redact

    value = plain(one.value)
    return one.name, redact(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)), one.source


def members(one: ConfiguredSetting) -> dict[str, object]:
    """One setting as ``--json`` prints it."""
    return {"name": one.name, "value": plain(one.value), "source": one.source}


def plain(value: object) -> object:
    """The value as JSON has it."""
    if isinstance(value, Path):
        return str(value)
    return list(value) if isinstance(value, tuple) else value


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point."""
    return run(command, argv)
