"""Approves harmless permission requests; stays silent otherwise, so that the dialog appears."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fleetscripts.adapters.records.data_file import read_data_file
from fleetscripts.config import read_own
from fleetscripts.core.permissions.command_policy import PathUse, judge_command
from fleetscripts.core.permissions.command_rules import CommandRules, command_rules, parsed
from fleetscripts.core.permissions.path_policy import why_not_readable
from fleetscripts.dataclass import dataclass
from fleetscripts.errors import UsageProblem
from fleetscripts.services.typing.permitted_paths import RequestPlace, why_not, why_not_own_branch
from fleetscripts.services.typing.searches import why_not_contents, why_not_files

PATH_FIELDS = {
    "Read": "file_path", "Glob": "path", "Grep": "path", "LS": "path", "NotebookRead": "notebook_path",
    "Write": "file_path", "Edit": "file_path", "MultiEdit": "file_path", "NotebookEdit": "notebook_path",
}  # fmt: skip
SHIPPED = Path(__file__).resolve().parents[2] / "rules" / "commands.toml"
SHELLS = ("any", "bash", "zsh")
EDITING = {"Write", "Edit", "MultiEdit", "NotebookEdit"}
MEMBERS = {
    "Bash": "command description timeout run_in_background dangerouslyDisableSandbox",
    "Read": "file_path offset limit pages",
    "NotebookRead": "notebook_path cell_id",
    "Glob": "pattern path",
    "Grep": "pattern path glob output_mode -A -B -C -n -i -o context type head_limit offset multiline",
    "LS": "path ignore",
    "Write": "file_path content",
    "Edit": "file_path old_string new_string replace_all",
    "MultiEdit": "file_path edits",
    "NotebookEdit": "notebook_path new_source cell_id cell_type edit_mode",
}
"""Each tool's allowed fields; a request with others is not understood."""


@dataclass(frozen=True, slots=True)
class Permission:
    """The answer to one request: ``allowed`` only if understood; ``reason`` says what decided."""

    allowed: bool
    reason: str


def user_command_rules(fleet_home: Path) -> CommandRules:
    """The shipped table, overridden by ``FLEET_HOME/rules/commands.toml``."""
    tables = {"commands.toml": read_data_file(SHIPPED)}
    own = fleet_home / "rules" / "commands.toml"
    if own.exists():
        try:
            tables[str(own)] = parsed(str(own), read_own(own))
        except (OSError, ValueError) as problem:
            raise UsageProblem(f"{own} cannot be read: {problem}") from problem
    return command_rules(tables)


def judge_request(
    tool: str,
    tool_input: Mapping[str, Any],
    worktree: Path,
    cwd: Path,
    rules: CommandRules,
    shell: str = "any",
    environ: Mapping[str, str] | None = None,
) -> Permission:
    """Judge one tool call of an agent that works in ``worktree``, with ``cwd`` as its folder. ``shell`` runs its
    commands, in the environment ``environ``."""
    try:
        root, here = os.path.realpath(worktree), os.path.realpath(cwd)
    except ValueError as problem:
        return Permission(False, f"the agent's folder cannot be determined: {str(problem)!a}")
    outside = why_not_readable(here, root)
    if outside:
        return Permission(False, f"the agent is in another folder: {outside}")
    place = RequestPlace(root, here, str(worktree.absolute()), rules.steering)
    if tool not in MEMBERS:
        return Permission(False, f"{tool!a} is not a tool that is judged")
    if tool == "Bash" and shell not in SHELLS:
        return Permission(False, f"commands for {shell!a} are not judged; expected {', '.join(SHELLS)}")
    unknown = set(tool_input) - set(MEMBERS[tool].split())
    if unknown:
        return Permission(False, f"{tool} with {min(unknown)!a} is not judged")
    reason = _why_not_bash(tool_input, place, rules, environ or {}) if tool == "Bash" else None
    reason = reason or (_why_not_file(tool, tool_input, place) if tool != "Bash" else None)
    return Permission(reason is None, reason or f"{tool} does only what is on the safe list, in the worktree")


def _why_not_bash(
    tool_input: Mapping[str, Any], place: RequestPlace, rules: CommandRules, environ: Mapping[str, str]
) -> str | None:
    line = tool_input.get("command")
    if not isinstance(line, str):
        return "the request names no command"
    if tool_input.get("dangerouslyDisableSandbox"):
        return "it asks to leave the sandbox"
    judgement = judge_command(line, rules)
    if judgement.reason:
        return judgement.reason
    if judgement.searched and environ.get("CDPATH"):
        return "CDPATH is set, and cd may lead elsewhere than into the worktree"
    uses = {use.use for use in judgement.paths}
    if place.here != place.root and "git" in uses and uses & {"write", "rewrite"}:
        return "git is run in another folder than the worktree's root in a line that changes files"
    if judgement.own_branch and (reason := why_not_own_branch(place.root, rules)):
        return reason
    return next((reason for use in judgement.paths if (reason := why_not(use, place))), None)


def _why_not_file(tool: str, tool_input: Mapping[str, Any], place: RequestPlace) -> str | None:
    path = tool_input.get(PATH_FIELDS[tool], place.here if tool in ("Glob", "Grep", "LS") else None)
    if not isinstance(path, str) or not path or "\0" in path:
        return f"{tool} names no file"
    if path.startswith("~"):
        return f"{path!a} begins at somebody's home"
    search = why_not_files(tool_input, path, place) if tool == "Glob" else None
    search = search or (why_not_contents(tool_input) if tool == "Grep" else None)
    return search or why_not(PathUse(path, "write" if tool in EDITING else "read"), place)
