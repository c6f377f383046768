"""SKILL.md and README.md held against what exists: every script and every flag they name."""

from __future__ import annotations

import contextlib
import importlib
import io
import json
import re
import tomllib
from functools import cache
from pathlib import Path

import click
import pytest

from fleetscripts import commands
from fleetscripts.commands.update_agent import SETTABLE
from fleetscripts.core.permissions.own_arguments import HARMLESS
from fleetscripts.core.planning.actions import ACTIONS
from fleetscripts.core.planning.policy import RULES
from fleetscripts.core.records.record_edit import edit_agent, edit_top
from fleetscripts.fleet import Agent, Fleet
from fleetscripts.models import ActionKind
from tests.places import BUNDLE

SKILL = (BUNDLE / "SKILL.md").read_text(encoding="utf-8")
README = (BUNDLE / "README.md").read_text(encoding="utf-8")
PAGES = {path.name: path.read_text(encoding="utf-8") for path in sorted((BUNDLE / "skill").glob("*.md"))}
DOCUMENTS = {"SKILL.md": SKILL, "README.md": README, **PAGES}
SCRIPTS = sorted(
    path.name for path in (BUNDLE / "scripts").iterdir() if path.is_file() and not path.name.startswith(".")
)
FOR_PEOPLE = {
    "attach",
    "config",
    "setup",
    "demo",
    "fleet",
    "host",
    "permission-check",
    "release-agent",
}
"""Scripts that the orchestrator has no use for."""
ASKED_ON_PURPOSE = {"open-pr"}
"""It publishes: a person sees the client's own question, as the skill says."""


@cache
def help_of(script: str) -> str:
    module = importlib.import_module(commands.module_of(script))
    verbs = module.command.commands if isinstance(module.command, click.Group) else {}
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        for words in ([], *([verb] for verb in verbs)):
            assert module.main([*words, "--help"]) == 0
    return printed.getvalue()


def calls(text: str) -> list[tuple[str, list[str]]]:
    """Script and flags of every call in code: fenced blocks (joined over line ends) and inline spans."""
    fenced = re.findall(r"```\w*\n(.*?)```", text, re.DOTALL)
    lines = [line for block in fenced for line in block.replace("\\\n", " ").splitlines()]
    inline = re.findall(r"`([^`\n]+)`", re.sub(r"```.*?```", "", text, flags=re.DOTALL))
    found = []
    for code in lines + inline:
        for script in SCRIPTS:
            call = re.search(rf"(?:^|[\s/]){re.escape(script)}(?![\w-])(.*)", code)
            if call:
                before_quotes = re.sub(r"\"[^\"]*\"|'[^']*'", "", call[1])
                found.append((script, re.findall(r"(?<![\w-])--[a-z][a-z-]*", before_quotes)))
    return found


def test_every_flag_that_a_document_passes_is_in_that_scripts_help() -> None:
    checked = [
        (name, script, flag) for name, text in DOCUMENTS.items() for script, flags in calls(text) for flag in flags
    ]
    assert len(checked) > 20, "the check looked at nothing"
    wrong = [(name, script, flag) for name, script, flag in checked if flag not in help_of(script)]
    assert wrong == []


def test_every_field_that_a_document_sets_can_be_set() -> None:
    found = {
        (top, field)
        for text in DOCUMENTS.values()
        for top, field in re.findall(r"update-agent (--top|WINDOW) ([a-z_.]+=[a-zA-Z0-9/]*)`", text)
    }
    placeholder = ("WINDOW", "field=value")
    assert len(found - {placeholder}) >= 4, "the check looked at nothing"
    for top, field in found - {placeholder}:
        if top == "--top":
            edit_top(Fleet(), [field], SETTABLE)
        else:
            edit_agent(Agent("s:1"), [field])


def test_the_skill_survives_a_compaction_whole() -> None:
    """After it a client gives back the first 5,000 tokens; four characters each, as they are counted here."""
    assert len(SKILL) <= 20_000


def test_every_script_is_in_the_readme_and_in_the_skill() -> None:
    assert SCRIPTS
    assert [script for script in SCRIPTS if f"### {script}" not in README] == []
    named = {script for script, _ in calls(SKILL)}
    assert set(SCRIPTS) - named - FOR_PEOPLE == set()


def test_every_section_of_the_readme_names_a_script_that_exists() -> None:
    sections = re.findall(r"^### ([a-z][a-z-]*)", README, re.MULTILINE)
    assert set(sections) <= set(commands.names())
    assert len(sections) == len(set(sections))


def test_no_call_of_the_skill_asks_for_permission() -> None:
    head, plugin = SKILL.split("---")[1], json.loads((BUNDLE / "hooks" / "hooks.json").read_text(encoding="utf-8"))
    for event in ("PreToolUse", "PermissionRequest"):
        assert re.search(rf"{event}:\n(    .*\n)*?.*\{{CLAUDE_PLUGIN_ROOT\}}/hooks/allow-own", head)
        assert plugin["hooks"][event][0]["hooks"][0]["command"] == '"${CLAUDE_PLUGIN_ROOT}/hooks/allow-own"'
    assert {script for script, _ in calls(SKILL)} - set(HARMLESS) == ASKED_ON_PURPOSE


def test_every_decision_that_a_cycle_may_propose_is_in_the_skill_and_has_a_call_in_heartbeat() -> None:
    decisions = {rule.action for rule in RULES if rule.kind is ActionKind.DECISION}
    assert decisions == {row.name for row in ACTIONS if row.kind is ActionKind.DECISION and row.calls}
    assert {action for action in decisions if f"`{action}`" not in SKILL} == set()


def test_the_skill_is_short_and_its_head_is_whole() -> None:
    assert len(SKILL.splitlines()) < 300
    head = SKILL.split("---")[1]
    for field in ("name: orchestrate", "user-invocable: true", "argument-hint:", "description:", "TRIGGER when"):
        assert field in head


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_link_leads_somewhere(name: str) -> None:
    text = DOCUMENTS[name]
    base = BUNDLE / "skill" if name in PAGES else BUNDLE
    targets = re.findall(r"\]\(([^)#\s]*)(#[^)\s]*)?\)", text)
    for path, anchor in targets:
        assert not path or (base / path).exists(), path
        if anchor and not path:
            headings = {
                re.sub(r"[^\w -]", "", h.lower()).replace(" ", "-") for h in re.findall(r"^#+ (.*)$", text, re.M)
            }
            assert anchor[1:] in headings, anchor


def test_no_document_names_a_machine() -> None:
    files = [*BUNDLE.glob("*.md"), *(BUNDLE / "skill").rglob("*.md"), *(BUNDLE / "scripts").iterdir()]
    for file in files:
        if file.is_file():
            assert not re.search(r"/root/|/work/", file.read_text(encoding="utf-8")), file


def test_the_bundle_has_what_a_plugin_needs() -> None:
    assert Path(BUNDLE / ".claude-plugin" / "plugin.json").is_file()
    assert Path(BUNDLE / ".claude-plugin" / "marketplace.json").is_file()


def test_the_address_of_the_repository_is_that_of_pyproject_everywhere() -> None:
    defined = tomllib.loads((BUNDLE / "pyproject.toml").read_text(encoding="utf-8"))["project"]["urls"]["Repository"]
    manifests = [*BUNDLE.glob(".*-plugin/*.json"), *BUNDLE.glob(".agents/**/*.json")]
    texts = {path: path.read_text(encoding="utf-8") for path in [*manifests, *BUNDLE.glob("*.md")]}
    found = {
        (path, url) for path, text in texts.items() for url in re.findall(r"https?://[^\s\"`)]*/fleetscripts\b", text)
    }
    assert {url for _, url in found} == {defined}
    assert {path.parent.name for path, _ in found} >= {".claude-plugin", ".codex-plugin", BUNDLE.name}
