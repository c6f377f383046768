"""fleet VERB: all commands under one name, with completion for bash, zsh and fish."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Sequence
from typing import Any

import click
from click.shell_completion import get_completion_class

from fleetscripts import commands
from fleetscripts.commands.entry import run
from fleetscripts.errors import UsageProblem
from fleetscripts.invocation import called_with

COMPLETE = "_FLEET_COMPLETE"
"""The variable by which a shell requests completions."""

SHELLS = ("bash", "zsh", "fish")

FIRST = {"zsh": "(( $+functions[compdef] )) || { autoload -Uz compinit && compinit -D -i }\n"}
"""Precedes the completion script: zsh has no completion until it is initialised."""


class Verbs(click.Group):
    """Every command under its own name, imported only when called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All names except this command's own."""
        return [name for name in commands.names() if name != "fleet"]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name, None if there is none."""
        found: click.Command | None = None
        if cmd_name in self.list_commands(ctx):
            found = _module(cmd_name).command
        return found


@click.command("fleet", cls=Verbs, invoke_without_command=True)
@click.option("--completion", type=click.Choice(SHELLS), help="Print the completion script for this shell.")
@click.pass_context
def command(context: click.Context, completion: str | None) -> int:
    """Run a command by its name: fleet status --watch, fleet send-agent worktree-2 "…".

    Completion in bash: eval "$(fleet --completion bash)"; in zsh: eval "$(fleet --completion zsh)"; in fish: fleet
    --completion fish | source
    """
    if completion is None:
        raise UsageProblem("expected a command, found nothing (fleet --help lists them)")
    kind = get_completion_class(completion)
    assert kind is not None
    print(FIRST.get(completion, "") + kind(command, {}, "fleet", COMPLETE).source())
    return 0


def _module(name: str) -> Any:
    return importlib.import_module(commands.module_of(name))


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command that the first argument names, as if called directly."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    if os.environ.get(COMPLETE):
        command.main(args=arguments, prog_name="fleet", complete_var=COMPLETE)
    if arguments and not arguments[0].startswith("-"):
        known = [name for name in commands.names() if name != "fleet"]
        if arguments[0] not in known:
            print(f"fleet: no command {arguments[0]!r} (fleet --help lists them)", file=sys.stderr)
            return 2
        called_with("fleet ")
        return int(_module(arguments[0]).main(arguments[1:]))
    return run(command, arguments)
