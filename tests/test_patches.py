"""No test replaces a name that a module of the package imported: what varies is given as an argument."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.places import BUNDLE

TESTS = sorted(path for path in (BUNDLE / "tests").rglob("*.py") if path != Path(__file__))


def replaced(tree: ast.AST) -> Iterator[str]:
    """The dotted path of each name that the test replaces, in the package or in what its modules import."""
    bound = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("fleetscripts"):
            bound |= {name.asname or name.name: f"{node.module}.{name.name}" for name in node.names}
    for node in ast.walk(tree):
        if not (isinstance(node, ast.Call) and node.args):
            continue
        called = ast.unparse(node.func)
        if called.endswith(("mock.patch", "monkeypatch.setattr")):
            target, *others = [ast.unparse(arg).strip("'\"") for arg in node.args]
            head, dot, rest = target.partition(".")
            path = bound.get(head, head) + dot + rest
            is_path = isinstance(node.args[0], ast.Constant)
            yield path if is_path else f"{path}.{others[0]}"


def imported(path: str) -> str:
    """Which part of the dotted path a module of the package has imported; empty for what is its own."""
    parts = path.split(".")
    for length in range(len(parts) - 1, 1, -1):
        file = BUNDLE.joinpath(*parts[:length]).with_suffix(".py")
        if file.exists():
            tree = ast.parse(file.read_text(encoding="utf-8"))
            names = {
                name.asname or name.name.partition(".")[0]
                for node in ast.walk(tree)
                if isinstance(node, ast.Import | ast.ImportFrom)
                for name in node.names
            }
            return parts[length] if parts[length] in names else ""
    return ""


@pytest.mark.parametrize("path", TESTS, ids=lambda path: str(path.relative_to(BUNDLE / "tests")))
def test_a_test_replaces_no_imported_name(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    assert [found for found in replaced(tree) if imported(found)] == []


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("from fleetscripts.services.loop import cycle\nmonkeypatch.setattr(cycle, 'look_at', f)", "look_at"),
        ("monkeypatch.setattr('fleetscripts.services.loop.cycle.look_at', f)", "look_at"),
        ("with unittest.mock.patch('fleetscripts.services.loop.cycle.plan'): pass", "plan"),
        (
            "from fleetscripts.adapters.system import processes\nmonkeypatch.setattr(processes.sys, 'platform', 'x')",
            "sys",
        ),
        ("from fleetscripts.services.loop import cycle\nmonkeypatch.setattr(cycle, 'limits_of', f)", ""),
        ("monkeypatch.setattr(time, 'time', f)", ""),
    ],
    ids=["module's name", "path", "mock", "library of a module", "module's own", "library itself"],
)
def test_the_check_finds_each_way(line: str, found: str) -> None:
    assert [imported(path) for path in replaced(ast.parse(line))] == [found]
