"""The shape of the code: who imports whom, who may type into a pane, how long a file may grow."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Iterator, Sequence
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

from tests.places import BUNDLE

PACKAGE = BUNDLE / "fleetscripts"
MODULES = sorted(PACKAGE.rglob("*.py"))
MOST_LINES = 300

MAY_IMPORT = {
    "commands": {"commands", "services", "agents", "core", "adapters", "practice", "config", ""},
    "practice": {"practice", "services", "agents", "core", "adapters", "config", ""},
    "services": {"services", "agents", "core", "adapters", "practice", "config", ""},
    "agents": {"agents", "core", "adapters", ""},
    "adapters": {"adapters", ""},
    "core": {"core", ""},
    "config": {"config", "agents", ""},
    "": {""},
}
"""Layer to the layers it may import; "" is the vocabulary: models, errors, fleet and the package itself."""

SERVICES = (
    ("reports", "setup"),
    ("lifecycle", "loop", "demo"),
    ("spawning", "pr_testing", "integration"),
    ("links",),
    ("actions", "single_instance"),
    ("clients", "verification"),
    ("typing", "tasks"),
    ("observe", "accounts", "worktrees", "pulls", "briefing", "notify", "context", "own_pane", "spending"),
    ("hosts", "central"),
)
"""The rooms of services/ from top to bottom; each imports only what stands below it."""

REGISTER = {"fleetscripts.agents", "fleetscripts.agents.KINDS", "fleetscripts.agents.DEFAULT_KIND"}
"""The names of the kinds: part of the vocabulary. What they are stays in agents/."""

IMPURE = {
    "os", "time", "random", "secrets", "subprocess", "socket", "shutil", "tempfile", "glob", "threading",
    "signal", "sys", "urllib", "http", "fcntl", "pwd",
}  # fmt: skip
"""What a pure module has no use for."""

HEAVY = {"click": {"commands"}, "libtmux": {"adapters"}}
"""Library to the layers that may import it."""

JSON_FILES = {
    "adapters/records/json_files.py": "reads and writes them for all",
    "adapters/records/journal.py": "writes ASCII alone: people look at its lines in a terminal",
    "statusline.py": "starts each time that a client draws its status line",
}
"""Modules that handle files with Python's own json, and why; all others ask the first one. Values in answers, on
pipes and in printed lines are no files; practice/ stands for programs of others, which have no packages."""

NOT_FILES = {"core", "commands", "practice", ""}
ANSWERS = {
    "adapters/channels/channels.py", "adapters/github/answers.py", "adapters/github/gh.py",
    "agents/claude.py", "agents/claude_settings.py", "agents/codex_rollout.py", "adapters/records/account_file.py",
    "services/central/pulls_told.py", "services/demo/demo.py", "services/demo/demo_scripts.py",
    "services/links/telling.py", "services/setup/configured.py", "services/spawning/hand_over.py",
}  # fmt: skip
"""Modules that write or read JSON in a request, an answer or a setting."""


PROCESSES = {"__main__.py", "permission_hook.py", "own_calls_hook.py", "join_scope.py"}
"""Modules outside commands/ that are run as a process, and so may call whatever a command may."""


def layer_of(path: Path) -> str:
    first = path.relative_to(PACKAGE).parts[0]
    if first in PROCESSES:
        return "commands"
    return {"config.py": "config"}.get(first, "" if first.endswith(".py") else first)


def imports(path: Path) -> Iterator[tuple[str, int]]:
    """Dotted names of everything the module imports, with line numbers."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path}:{node.lineno}: relative import"
            yield node.module or "", node.lineno
            yield from ((f"{node.module}.{alias.name}", node.lineno) for alias in node.names)


def layer_imported(name: str) -> str | None:
    """The layer of a name of ours, None for any other library's."""
    parts = name.split(".")
    if parts[0] != "fleetscripts":
        return None
    if name in REGISTER:
        return ""
    return parts[1] if len(parts) > 1 and parts[1] in MAY_IMPORT else ""


def test_there_is_something_to_look_at() -> None:
    assert len(MODULES) > 10
    assert {layer_of(path) for path in MODULES} >= {"commands", "services", "agents", "adapters", "core"}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_point_down(path: Path) -> None:
    allowed = MAY_IMPORT[layer_of(path)]
    wrong = [f"line {line}: {name}" for name, line in imports(path) if layer_imported(name) not in {None, *allowed}]
    assert not wrong


def room_of(parts: Sequence[str]) -> str | None:
    """The room of services/ that a dotted name or a path lies in."""
    return parts[1].removesuffix(".py") if parts[0] == "services" and len(parts) > 1 else None


def test_every_room_of_the_services_has_its_floor() -> None:
    rooms = {room_of(path.relative_to(PACKAGE).parts) for path in MODULES} - {None, "__init__"}
    assert rooms == {room for floor in SERVICES for room in floor}


def test_services_import_only_the_floors_below() -> None:
    floor = {room: level for level, rooms in enumerate(SERVICES) for room in rooms}
    wrong = []
    for path in MODULES:
        here = room_of(path.relative_to(PACKAGE).parts)
        for name, line in imports(path):
            there = room_of(name.split(".")[1:3]) if name.startswith("fleetscripts.services.") else None
            if here in floor and there in floor and there != here and floor[there] <= floor[here]:
                wrong.append(f"{path.relative_to(PACKAGE)}:{line} {name}")
    assert not wrong


def test_no_modules_import_each_other_in_a_circle() -> None:
    names = {
        path: ".".join(path.relative_to(BUNDLE).with_suffix("").parts).removesuffix(".__init__") for path in MODULES
    }
    known = set(names.values())
    graph = {names[path]: {name for name, _ in imports(path)} & known - {names[path]} for path in MODULES}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as circle:
        pytest.fail(" -> ".join(circle.args[1]))


@pytest.mark.parametrize("path", sorted((PACKAGE / "core").rglob("*.py")), ids=lambda path: path.name)
def test_core_is_pure(path: Path) -> None:
    named = list(imports(path))
    assert not [f"line {line}: {name}" for name, line in named if name.split(".")[0] in IMPURE]
    assert not [name for name, _ in named if name.startswith("pathlib.") and not name.startswith("pathlib.Pure")]


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_heavy_libraries_stay_where_they_are_used(path: Path) -> None:
    for name, line in imports(path):
        layers = HEAVY.get(name.split(".")[0])
        assert layers is None or layer_of(path) in layers, f"line {line}: {name}"


def test_json_files_are_read_and_written_in_one_place() -> None:
    own = {str(path.relative_to(PACKAGE)) for path in MODULES if any(name == "json" for name, _ in imports(path))}
    of_files = {name for name in own if layer_of(PACKAGE / name) not in NOT_FILES} | (own & JSON_FILES.keys())
    assert of_files == JSON_FILES.keys() | ANSWERS


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_file_stays_small(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= MOST_LINES


def test_only_the_keyboard_types() -> None:
    typing = re.compile(r"""["'](send-keys|paste-buffer)\b|\.send_keys\(""")
    found = {str(path.relative_to(PACKAGE)) for path in MODULES if typing.search(path.read_text(encoding="utf-8"))}
    assert found <= {"adapters/tmux/keyboard.py", "adapters/tmux/guard.py"}
    assert "adapters/tmux/keyboard.py" in found


def test_only_delivery_uses_the_keyboard() -> None:
    users = {
        str(path.relative_to(PACKAGE))
        for path in MODULES
        for name, _ in imports(path)
        if name.startswith("fleetscripts.adapters.tmux.keyboard")
    }
    allowed = ("deliver", "input_box", "submit", "interrupt", "end_client", "dialogs")
    assert users <= {f"services/typing/{name}.py" for name in allowed}


def test_no_file_of_odds_and_ends() -> None:
    assert not [path for path in MODULES if re.search(r"helper|util|common|misc|manager", path.stem)]


def test_no_error_is_swallowed_and_nothing_is_left_to_do() -> None:
    wrong = re.compile(r"except (Base)?Exception:\s*pass|\bexcept:|#.*\b(?:TODO|FIXME|XXX)\b")
    texts = ((path, path.read_text(encoding="utf-8")) for path in MODULES)
    found = [
        (path, text.count("\n", 0, match.start()) + 1, match[0])
        for path, text in texts
        for match in wrong.finditer(text)
    ]
    assert not found


def test_declared_dependencies_are_those_imported() -> None:
    declared = tomllib.loads((BUNDLE / "pyproject.toml").read_text(encoding="utf-8"))["project"]["dependencies"]
    names = {re.split(r"[<>=!~ ;\[]", line)[0].replace("-", "_") for line in declared}
    imported = {name.split(".")[0] for path in MODULES for name, _ in imports(path)}
    assert imported - set(sys.stdlib_module_names) - {"fleetscripts"} == names


def test_bootstrap_needs_the_standard_library_alone() -> None:
    assert {name.split(".")[0] for name, _ in imports(PACKAGE / "bootstrap.py")} <= set(sys.stdlib_module_names)


def test_no_module_or_class_of_the_product_looks_like_a_test() -> None:
    assert [str(path.relative_to(PACKAGE)) for path in MODULES if path.name.startswith("test_")] == []
    trees = [ast.parse(path.read_text(encoding="utf-8")) for path in MODULES]
    classes = [node.name for tree in trees for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
    assert [name for name in classes if name.startswith("Test")] == []


SLEEPS = {
    "recorder/terminal.py": "presses keys as fast as a person",
    "recorder/common_scenarios.py": "shows the same turn some seconds later",
    "recorder/claude_scenarios/talk.py": "shows the same turn some seconds later",
    "benchmark_reaction.py": "measures what a span of time costs",
    "hosts/benchmark_hosts.py": "measures what a span of time costs",
    "projects.py": "is a user's own test, which takes half a second",
}
"""Modules of tests/ that let time pass because time itself is meant; all others wait for something that comes."""


def test_tests_sleep_only_where_time_itself_is_meant() -> None:
    tests = BUNDLE / "tests"
    asleep = re.compile(r"\bsleep" + r"\(")
    found = {
        str(path.relative_to(tests)) for path in tests.rglob("*.py") if asleep.search(path.read_text(encoding="utf-8"))
    }
    assert found == SLEEPS.keys()


OF_THE_WHOLE = {
    "archive", "case_ids", "documents", "hosted_ci", "house", "layering", "newcomer", "packages", "packaging",
    "patches", "recorder", "recording", "scripts", "start_time",
}  # fmt: skip
"""Tests of the repository, its tools and its documents, which no folder of the package stands for."""


def test_tests_lie_as_the_package_does() -> None:
    loose = {path.stem.removeprefix("test_") for path in (BUNDLE / "tests").glob("test_*.py")}
    assert loose - OF_THE_WHOLE <= {path.stem for path in PACKAGE.glob("*.py")}
    assert loose >= OF_THE_WHOLE
    layers = {path.name for path in PACKAGE.iterdir() if (path / "__init__.py").exists()}
    assert not [name for name in layers if not list((BUNDLE / "tests" / name).glob("test_*.py"))]
