"""Permission requests answered without a person: yes to what is harmless, silence (so that the dialog appears) else."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from fleetscripts.config import read_own
from fleetscripts.core.permissions.command_policy import judge_command
from fleetscripts.core.permissions.command_rules import CommandRules, load_command_rules
from fleetscripts.core.permissions.path_policy import why_not_readable, why_not_writable

READING = {"Read": "file_path", "Glob": "path", "Grep": "path", "LS": "path", "NotebookRead": "notebook_path"}
EDITING = {"Write": "file_path", "Edit": "file_path", "MultiEdit": "file_path", "NotebookEdit": "notebook_path"}
DEVICES = ("/dev/", "/proc/", "/sys/")


@dataclass(frozen=True, slots=True)
class Permission:
    """The answer to one request: ``allowed`` only when understood; ``reason`` says what decided."""

    allowed: bool
    reason: str


def user_command_rules(fleet_home: Path) -> CommandRules:
    """The shipped table, and ``FLEET_HOME/rules/commands.toml`` over it."""
    texts = {"commands.toml": files("fleetscripts").joinpath("rules/commands.toml").read_text(encoding="utf-8")}
    own = fleet_home / "rules" / "commands.toml"
    if own.exists():
        texts[str(own)] = read_own(own)
    return load_command_rules(texts)


def judge_request(
    tool: str, tool_input: Mapping[str, Any], worktree: Path, cwd: Path, rules: CommandRules
) -> Permission:
    """Judge one tool call of an agent that works in ``worktree`` and stands in ``cwd``."""
    root = os.path.realpath(worktree)
    here = os.path.realpath(cwd)
    outside = why_not_readable(here, root)
    if outside:
        return Permission(False, f"the agent stands elsewhere: {outside}")
    if tool == "Bash":
        return _judge_bash(tool_input, root, here, rules)
    field = EDITING.get(tool) or READING.get(tool)
    if field is None:
        return Permission(False, f"{tool!a} is not a tool that is judged")
    path = tool_input.get(field, here if tool in READING else None)
    if not isinstance(path, str) or not path or "\0" in path:
        return Permission(False, f"{tool} names no file")
    reason = _judge_path(path, root, here, write=tool in EDITING, whole_folders=False)
    return Permission(reason is None, reason or f"{tool} stays in the worktree")


def _judge_bash(tool_input: Mapping[str, Any], root: str, here: str, rules: CommandRules) -> Permission:
    line = tool_input.get("command")
    if not isinstance(line, str):
        return Permission(False, "the request names no command")
    if tool_input.get("dangerouslyDisableSandbox"):
        return Permission(False, "it asks to leave the sandbox")
    judgement = judge_command(line, rules)
    if judgement.reason:
        return Permission(False, judgement.reason)
    for use in judgement.paths:
        reason = _judge_path(use.path, root, here, write=use.write, whole_folders=True)
        if reason:
            return Permission(False, reason)
    return Permission(True, "every command in it is on the safe list and stays in the worktree")


def _judge_path(path: str, root: str, here: str, *, write: bool, whole_folders: bool) -> str | None:
    if path.startswith(DEVICES):
        return f"{path!a} is no file of the worktree"
    spelled = Path(here) / path
    reason = _judge_real(os.path.realpath(spelled), root, write, whole_folders)
    lexical = os.path.normpath(spelled)
    if reason is None and write and why_not_readable(lexical, root) is None:
        return _judge_real(lexical, root, write, whole_folders)
    return reason


def _judge_real(real: str, root: str, write: bool, whole_folders: bool) -> str | None:
    if write:
        return why_not_writable(real, root, whole_folders=whole_folders)
    return why_not_readable(real, root)
