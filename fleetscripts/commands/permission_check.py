"""permission-check: whether a tool call would be allowed without a person, and why."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fleetscripts.commands.entry import run
from fleetscripts.commands.options import settings_options
from fleetscripts.errors import EXIT_DONE, EXIT_FAILED

if TYPE_CHECKING:
    from fleetscripts.core.permissions.command_rules import CommandRules
    from fleetscripts.services.typing.permission import Permission


def check_lines(worktree: Path, shell: str, rules: CommandRules) -> int:
    """Answer every line of standard input with one line; an invalid request is refused, and is exit code 1."""
    code = EXIT_DONE
    for line in sys.stdin.buffer:
        request = _request(line)
        if request is None:
            answer = {"allowed": False, "reason": 'expected {"tool": NAME, "input": {…}} on one line of JSON'}
            code = EXIT_FAILED
        else:
            verdict = _judge(request, worktree, shell, rules)
            answer = {"allowed": verdict.allowed, "reason": verdict.reason}
        print(json.dumps(answer, ensure_ascii=False), flush=True)
    return code


def _judge(request: dict[str, Any], worktree: Path, shell: str, rules: CommandRules) -> Permission:
    from fleetscripts.services.typing.permission import judge_request

    cwd = Path(request.get("cwd") or worktree)
    return judge_request(request["tool"], request["input"], worktree, cwd, rules, shell, os.environ)


def _request(line: bytes) -> dict[str, Any] | None:
    try:
        request = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(request, dict) or not isinstance(request.get("cwd", ""), str):
        return None
    well_formed = isinstance(request.get("tool"), str) and isinstance(request.get("input"), dict)
    return request if well_formed else None


@click.command(
    "permission-check",
)
@click.option(
    "--worktree",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    default=Path(),
    help="Worktree of the requesting agent.  [default: the current folder]",
)
@click.option(
    "--shell",
    default="any",
    metavar="NAME",
    help=("Shell that runs the commands: bash, zsh, or any (either). With other shells no command is approved."),
)
@settings_options
def command(worktree: Path, shell: str, options: Mapping[str, object]) -> int:
    """Report for each tool call on standard input whether an agent's request would be approved automatically.

    Reads lines {"tool": NAME, "input": {…}} as the client phrases them ("cwd" may name the agent's current folder), and
    prints one line {"allowed": …, "reason": …} for each. Nothing is run or recorded.
    """
    from fleetscripts.services.context import load_settings_here
    from fleetscripts.services.typing.permission import user_command_rules

    settings = load_settings_here(os.environ, options)
    return check_lines(worktree, shell, user_command_rules(settings.fleet_home))


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point."""
    return run(command, argv)
