"""What a wrong call is told: click's findings in the words of all other errors."""

from __future__ import annotations

import re

import click

from fleetscripts.core.records.near_names import instead_of

PHRASES = (
    (r"Got unexpected extra arguments? \((.*)\)", "expected no further arguments, found {0}"),
    (r"Option '?(.*?)'? requires (?:an argument|\d+ arguments)", "{0}: expected a value, found nothing"),
    (r"Option '?(.*?)'? does not take a value", "{0}: expected no value, found one"),
)
"""click's sentence → ours."""


def usage_message(error: click.UsageError, name: str) -> str:
    """One line, with the help to read; of the verb where there is one."""
    path = error.ctx.command_path if error.ctx is not None else name
    return f"{_words(error).rstrip('.')} (see {path} --help)"


def _words(error: click.UsageError) -> str:
    if isinstance(error, click.BadParameter):
        return _of_value(error)
    if isinstance(error, click.NoSuchOption):
        near = " or ".join(error.possibilities or ())
        return f"no option {error.option_name!r}{f'; did you mean {near}?' if near else ''}"
    said = error.format_message().rstrip(".")
    if isinstance(error.cmd, click.Group):
        verbs = list(error.cmd.commands)
        found = re.match(r"No such command '?(.*?)'?(?:\.|$)", said)
        if found is not None:
            return f"no verb {found[1]!r}; {instead_of(found[1], verbs)}"
        if said.startswith("Usage:") or said == "Missing command":
            return f"expected one of {', '.join(verbs)}, found nothing"
    for pattern, ours in PHRASES:
        if (found := re.fullmatch(pattern, said)) is not None:
            return ours.format(*found.groups())
    return said


def _of_value(error: click.BadParameter) -> str:
    """About an option's or argument's value."""
    shown = "" if error.param is None or error.ctx is None else error.param.get_error_hint(error.ctx)
    place = shown.strip("'[]")
    if isinstance(error, click.MissingParameter):
        return f"expected {place}, found nothing"
    allowed = error.param.type if error.param is not None else None
    found, is_other, _ = error.message.partition(" is not ")
    if isinstance(allowed, click.Choice) and is_other:
        choices = [str(choice) for choice in allowed.choices]
        return f"{place}: expected {'one of ' if choices[1:] else ''}{', '.join(choices)}, found {found}"
    if allowed in (click.INT, click.FLOAT):
        return f"{place}: expected a {'whole ' if allowed is click.INT else ''}number, found {found}"
    return f"{place}: {error.message}" if place else error.message
