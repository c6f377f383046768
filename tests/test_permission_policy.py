"""What happens to each command, edit and look that an agent may ask for. No hostile one is approved."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetscripts.core.permissions.command_policy import judge_command
from fleetscripts.core.permissions.command_rules import load_command_rules
from fleetscripts.errors import UsageProblem
from fleetscripts.services.typing.permission import judge_request, user_command_rules

RULES = user_command_rules(Path("/nonexistent"))

FOLDERS = """src/pkg .git .claude/hooks .github/workflows .github/scripts .venv/bin node_modules/.bin deep/in a tests
bare/objects bare/refs nested/.git"""
TRAPS = """README.md src/app.py src/pkg/mod.py .claude/hooks/x.py .github/scripts/x.py .github/scripts/x.go
.github/workflows/x.yml .claude/x.js CLAUDE.md bare/config x --ox"""
TABLES = Path(__file__).parent / "permissions"
UNPRINTABLE = [
    "l\u0455",  # a Cyrillic letter that looks like s
    "\uff4c\uff53",  # full-width letters
    "ls\u200b",
    "ls\u200b-la",
    "cat README.md\u202e",
    "ls\u00a0README.md",
    "ls\u2028rm x",
    "ls\rrm x",
    "ls \x1b[2Krm",
    "ls \x00; rm x",
    "r\\\nm x",
]


def table(name: str) -> list[str]:
    """The lines of one list; ``⏎`` stands for a newline inside a command."""
    return [line.replace("⏎", "\n") for line in (TABLES / name).read_bytes().decode().split("\n") if line]


EVERYDAY = table("everyday.txt")
HOSTILE = [*table("hostile.txt"), *UNPRINTABLE]
SAFE = [line for line in EVERYDAY if judge_command(line, RULES).reason is None]


@pytest.fixture(scope="module")
def worktree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A worktree with traps: links that lead out, a bare repository, a nested one, names that look like options."""
    root = tmp_path_factory.mktemp("pool") / "tree"
    for folder in FOLDERS.split():
        (root / folder).mkdir(parents=True)
    outside = root.parent / "outside"
    outside.mkdir()
    links = {
        "link-out": outside,
        "link-git": root / ".git",
        "link-in": root / "deep/in",
        "proc-link": Path("/proc/self"),
    }
    for name, target in {**links, "cwd-link": Path("/proc/self/cwd"), "a/link": Path("../../outside")}.items():
        (root / name).symlink_to(target)
    for name in TRAPS.split():
        (root / name).write_text("x\n")
    (root / ".git" / "HEAD").write_text("ref: refs/heads/feat/parser\n")
    (root / "bare" / "HEAD").write_text("ref: refs/heads/main\n")
    tools = ("eslint", "prettier", "tsc", "jest", "vitest")
    for name in tools:
        (root / "node_modules" / ".bin" / name).write_text("")
    packages = {f"node_modules/{name}": {"bin": {name: "cli.js"}} for name in tools}
    (root / "package-lock.json").write_text(json.dumps({"packages": packages}))
    return root


def bash(worktree: Path, command: str) -> bool:
    return judge_request("Bash", {"command": command}, worktree, worktree, RULES).allowed


def test_no_hostile_command_is_approved(worktree: Path) -> None:
    assert len(set(HOSTILE)) >= 1500
    approved = [command for command in HOSTILE if bash(worktree, command)]
    print(f"hostile commands tried: {len(HOSTILE)}, approved: {len(approved)}")
    assert not approved, "\n".join(map(repr, approved))


def test_most_everyday_commands_run_without_asking(worktree: Path) -> None:
    assert len(set(EVERYDAY)) == len(EVERYDAY) >= 200
    refused = [command for command in EVERYDAY if not bash(worktree, command)]
    print(f"everyday commands tried: {len(EVERYDAY)}, approved: {len(EVERYDAY) - len(refused)}, refused: {refused}")
    assert len(refused) <= 0.07 * len(EVERYDAY)


@pytest.mark.parametrize("safe", SAFE[::7])
@pytest.mark.parametrize("hostile", ["rm -rf x", "$(id)", "`id`", "curl evil.example", "> /etc/x"])
@pytest.mark.parametrize("joiner", ["; ", " && ", " | ", "\n", " || "])
def test_a_harmless_beginning_does_not_hide_a_hostile_end(worktree: Path, safe: str, joiner: str, hostile: str) -> None:
    assert not bash(worktree, safe + joiner + hostile)


@given(st.text(max_size=60))
def test_any_text_at_all_is_judged_without_an_accident(line: str) -> None:
    judge_command(line, RULES)


@given(st.sampled_from(SAFE), st.sampled_from(["$(id)", "`id`", ";id", "|id", "\x00", "‮", "\r", "&", ">/etc/x"]))
def test_nothing_pasted_onto_a_word_is_approved(line: str, tail: str) -> None:
    judgement = judge_command(line + tail, RULES)
    assert judgement.reason or any(use.path.endswith("/etc/x") for use in judgement.paths) or "#" in line


EDITS = [
    ("Write", "src/new.py", True),
    ("Edit", "src/app.py", True),
    ("Write", ".github/ISSUE_TEMPLATE.md", True),
    ("Write", "link-out/x", False),
    ("Write", "link-git/config", False),
    ("Write", "/etc/passwd", False),
    ("Write", "../x", False),
    ("Write", "src/../../x", False),
    ("Edit", ".git/config", False),
    ("Edit", ".claude/settings.json", False),
    ("Edit", ".mcp.json", False),
    ("Edit", "CLAUDE.md", False),
    ("Edit", "src/CLAUDE.md", False),
    ("Edit", "claude.MD", False),
    ("Edit", ".github/workflows/ci.yml", False),
    ("Edit", ".husky/pre-commit", False),
    ("Edit", ".envrc", False),
    ("Edit", ".githooks/pre-commit", False),
    ("NotebookEdit", "", False),
    ("Read", "src/app.py", True),
    ("Read", "/etc/passwd", False),
    ("Read", "link-out/x", False),
    ("Read", "/proc/self/environ", False),
    ("WebFetch", "http://x", False),
    ("mcp__server__tool", "x", False),
]


@pytest.mark.parametrize(("tool", "path", "allowed"), EDITS)
def test_edits_stay_in_the_worktree_and_off_the_files_that_steer(
    worktree: Path, tool: str, path: str, allowed: bool
) -> None:
    request = {"notebook_path" if tool == "NotebookEdit" else "file_path": path}
    assert judge_request(tool, request, worktree, worktree, RULES).allowed is allowed


def test_an_agent_that_stands_elsewhere_is_asked_about(worktree: Path) -> None:
    assert not judge_request("Bash", {"command": "ls"}, worktree, worktree.parent, RULES).allowed


def test_a_users_own_row_replaces_the_shipped_one(tmp_path: Path, worktree: Path) -> None:
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "commands.toml").write_text(
        '[command.just]\noperands = "/test/"\n[command.ls]\noperands="none"\n'
    )
    rules = user_command_rules(tmp_path)
    assert judge_request("Bash", {"command": "just test"}, worktree, worktree, rules).allowed
    assert not judge_request("Bash", {"command": "ls src"}, worktree, worktree, rules).allowed


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[command.x]\noperands = 'pth'", "unknown kind 'pth'"),
        ("[command.x]\noperand = 'path'", "unknown key 'operand'"),
        ("[command.x]\noperands = '/(/'", "is no pattern"),
        ("[command.x]\nlike = 'y z'", "names no command"),
        ("x = ", "is not TOML"),
    ],
)
def test_a_bad_row_is_a_clear_error(text: str, says: str) -> None:
    with pytest.raises(UsageProblem, match=says):
        load_command_rules({"own.toml": text})
