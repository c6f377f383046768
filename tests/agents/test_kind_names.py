"""Nothing outside agents/ asks for a kind of agent by its name: what a kind is stands in its own module."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from fleetscripts.agents import KINDS
from fleetscripts.agents.kinds import AgentKind
from tests.places import BUNDLE

PACKAGE = BUNDLE / "fleetscripts"
APART = {
    "agents": "the kinds themselves",
    "practice": "the practice kind's own program, which draws what Claude Code draws, and the stage for real clients",
    "own_calls_hook.py": "run by Claude Code, as a hook of its plugin",
    "statusline.py": "run by Claude Code, as its status line",
    "own_folder.py": "where our files lie, as users know it",
}
PLUGIN_FOLDER = ".claude-plugin"
"""Part of the format of a plugin."""

NAMES = frozenset(name for name in KINDS if name not in APART)
"""A kind that is called like a folder of ours is looked for as a whole text alone."""
WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
"""A word of a text or an identifier: ``claude`` in ``claude_path``, ``ClaudeKind`` and ``~/.claude``."""


def names_a_kind(text: str, names: frozenset[str] = NAMES) -> bool:
    """Whether a kind is called by its name in it, as a word of its own."""
    return text in KINDS or any(word.lower() in names for word in WORD.findall(text))


MODULES = [path for path in sorted(PACKAGE.rglob("*.py")) if path.relative_to(PACKAGE).parts[0] not in APART]


def words(path: Path) -> Iterator[tuple[int, str]]:
    """Every text and identifier of a module, with its line; not what documents it."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    prose = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in prose:
            yield node.lineno, node.value
        elif isinstance(node, ast.Name | ast.Attribute):
            yield node.lineno, node.id if isinstance(node, ast.Name) else node.attr
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield node.lineno, node.name
        elif isinstance(node, ast.arg | ast.keyword):
            yield node.lineno, node.arg or ""
        elif isinstance(node, ast.Import | ast.ImportFrom):
            yield node.lineno, getattr(node, "module", None) or ""
            yield from ((node.lineno, alias.name) for alias in node.names)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_no_kind_is_asked_for_by_name(path: Path) -> None:
    found = [(line, text) for line, text in words(path) if names_a_kind(text)]
    assert [(line, text) for line, text in found if text != PLUGIN_FOLDER] == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("echo", True),
        ("echo_path", True),
        ("~/.echo/sessions", True),
        ("EchoKind", True),
        ("isEcho", True),
        ("ECHO_HOME", True),
        ("echoed", False),
        ("an echoing pane", False),
    ],
)
def test_a_kind_is_found_as_a_word_of_its_own(text: str, found: bool) -> None:
    assert names_a_kind(text, frozenset({"echo"})) is found


def test_what_stands_apart_is_there() -> None:
    assert all((PACKAGE / name).exists() for name in APART)


def test_a_kind_that_forgets_a_fact_or_a_method_cannot_be_made() -> None:
    with pytest.raises(TypeError, match="abstract"):
        AgentKind()  # type: ignore[abstract, call-arg]
    methods = {name: lambda *_: None for name in AgentKind.__abstractmethods__}
    with pytest.raises(TypeError, match="name"):
        type("Forgetful", (AgentKind,), methods)()
