"""The policy asked through the script, one JSON line for each call."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from tests.places import BUNDLE

SCRIPT = BUNDLE / "scripts" / "permission-check"


def check(worktree: Path, *lines: object, shell: str = "any", code: int = 0) -> list[bool]:
    payload = "".join((line if isinstance(line, str) else json.dumps(line)) + "\n" for line in lines)
    argv = [str(SCRIPT), "--worktree", str(worktree), "--shell", shell, "--fleet-home", str(worktree.parent / "fleet")]
    done = subprocess.run(argv, input=payload, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == code, done.stderr
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert all(set(answer) == {"allowed", "reason"} and answer["reason"] for answer in answers)
    return [answer["allowed"] for answer in answers]


@pytest.fixture
def worktree(tmp_path: Path) -> Path:
    root = tmp_path / "tree"
    (root / "src").mkdir(parents=True)
    (root / ".git").mkdir()
    (root / ".git" / "HEAD").write_text("ref: refs/heads/main\n")
    (root / "deep" / "in").mkdir(parents=True)
    (root / "link").symlink_to(root / "deep" / "in")
    return root


def bash(command: str) -> dict[str, object]:
    return {"tool": "Bash", "input": {"command": command}}


def test_each_line_gets_one_answer(worktree: Path) -> None:
    assert check(worktree, bash("ls src"), bash("find . 2>/dev/null -delete")) == [True, False]


def test_a_line_that_is_no_request_is_refused_and_told(worktree: Path) -> None:
    assert check(worktree, "x", "[" * 50_000, bash("ls"), '{"tool": 1, "input": {}}', code=1) == [
        False,
        False,
        True,
        False,
    ]


def test_only_shells_that_are_read_are_judged(worktree: Path) -> None:
    assert [check(worktree, bash("ls"), shell=shell)[0] for shell in ("bash", "zsh", "fish", "sh")] == [
        True,
        True,
        False,
        False,
    ]


def test_a_protected_branch_that_is_checked_out_is_not_pushed(worktree: Path) -> None:
    pushes = [bash("git push"), bash("git push origin HEAD"), bash("git push -u origin feat")]
    assert check(worktree, *pushes) == [False, False, True]
    (worktree / ".git" / "HEAD").write_text("ref: refs/heads/feat\n")
    assert check(worktree, *pushes) == [True, True, True]


FILES = [
    ("Glob", {"pattern": "src/**/*.py"}, True),
    ("Glob", {"pattern": "/etc/*"}, False),
    ("Glob", {"pattern": "../*"}, False),
    ("Glob", {"pattern": "src/../../*"}, False),
    ("Glob", {"pattern": "{/etc,src}/*"}, False),
    ("Glob", {"pattern": "~/x"}, False),
    ("Glob", {"pattern": "*", "path": "/etc"}, False),
    ("Grep", {"pattern": "x", "path": "src", "glob": "*.py"}, True),
    ("Grep", {"pattern": "x", "glob": "--pre=./evil"}, False),
    ("Read", {"file_path": "link/../../../x"}, False),
    ("Read", {"file_path": "link/../../src"}, False),
    ("Read", {"file_path": "link/../.."}, False),
    ("Read", {"file_path": "src", "surprise": 1}, False),
    ("Read", {"file_path": "~/x"}, False),
    ("Write", {"file_path": "link/../../x", "content": "x"}, False),
    ("Write", {"file_path": "Makefile", "content": "x"}, True),
    ("Write", {"file_path": "tests/conftest.py", "content": "x"}, True),
    *(
        ("Write", {"file_path": path, "content": "x"}, False)
        for path in [
            ".gitlab-ci.yml",
            ".circleci/config.yml",
            "Jenkinsfile",
            "ci/azure-pipelines.yml",
            ".woodpecker/x.yml",
            ".forgejo/workflows/x.yml",
            "AGENTS.md",
            "sub/GEMINI.md",
            ".cursor/rules/x.mdc",
            ".codex/config.toml",
            ".vscode/tasks.json",
            ".idea/x.xml",
            ".npmrc",
            "sitecustomize.py",
            "x.pth",
            ".venv/bin/pytest",
            "node_modules/.bin/eslint",
            ".envrc",
            ".GIT/config",
            ".git./config",
        ]
    ),
]


def test_file_tools_stay_inside_and_off_what_steers(worktree: Path) -> None:
    answers = check(worktree, *({"tool": tool, "input": given} for tool, given, _ in FILES))
    wrong = [(case, answer) for case, answer in zip(FILES, answers, strict=True) if case[2] is not answer]
    assert wrong == []


def test_any_folder_to_stand_in_and_any_file_is_judged_without_an_accident(worktree: Path) -> None:
    odd = ["\0", "src\0", "\ud800", "x" * 5000, "src/" * 3000, "link/..", "nosuch", "/proc/self/cwd", ""]
    asked = [{**bash("rm x"), "cwd": name} for name in odd]
    files = [
        {"tool": tool, "input": {"file_path": name or "\ud800", "content": ""}, "cwd": name}
        for name in odd
        for tool in ("Write", "Read")
    ]
    assert not any(check(worktree, *asked, *files)[: len(asked)])


def test_a_wrong_type_in_a_users_table_is_one_line(worktree: Path) -> None:
    rules = worktree.parent / "fleet" / "rules"
    rules.mkdir(parents=True)
    (rules / "commands.toml").write_text('environment = ["CI"]\n')
    argv = [str(SCRIPT), "--worktree", str(worktree), "--fleet-home", str(rules.parent)]
    done = subprocess.run(argv, input="", capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    last = done.stderr.splitlines()[-1]
    assert last == f"permission-check: {rules}/commands.toml: environment: expected a table, found ['CI']"
    (rules / "commands.toml").write_bytes(b"\xff")
    assert subprocess.run(argv, input="", capture_output=True, timeout=60, check=False).returncode == 2


def test_no_plain_name_is_entered_where_cd_looks_elsewhere_first(
    worktree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = [bash(f"cd {name} && ls") for name in ("src", "deep/in", "./src", "src/../src", ".", "..x", "./deep/in")]
    (worktree / "..x").mkdir()
    assert check(worktree, *asked) == [True] * 7
    monkeypatch.setenv("CDPATH", "/etc:.")
    assert check(worktree, *asked) == [False, False, True, False, True, False, True]
    assert check(worktree, bash("cd ./src && cd . && cd ..")) == [True]
    assert check(worktree, bash("cd ./deep && cd in")) == [False]
