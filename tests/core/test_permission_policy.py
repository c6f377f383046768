"""What happens to each command, edit and look that an agent may ask for. No hostile one is approved."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetscripts.core.permissions.command_policy import judge_command
from fleetscripts.core.permissions.command_rules import command_rules, parsed
from fleetscripts.core.permissions.path_policy import why_not_writable
from fleetscripts.errors import UsageProblem
from fleetscripts.services.typing.permission import judge_request, user_command_rules
from tests.places import BUNDLE

RULES = user_command_rules(Path("/nonexistent"))

FOLDERS = """src/pkg .git .claude/hooks .github/workflows .github/scripts .venv/bin node_modules/.bin deep/in a tests
bare/objects bare/refs nested/.git docs b d sub/deep"""
TRAPS = """docs/guide.md notes.txt b/x
README.md src/app.py src/pkg/mod.py .claude/hooks/x.py .github/scripts/x.py .github/scripts/x.go
.github/workflows/x.yml .claude/x.js .claude/settings.json CLAUDE.md bare/config x --ox"""
LINKS = """outlink ../outside
secretlink ../outside/secret.txt
zero /dev/zero
inner src
AGENTS.md docs/guide.md
a/x ../../outside/secret.txt
d/keys ../../outside
d/notes.txt ../../outside/secret.txt
d/up ..
sub/deep/climb ../../.."""
TABLES = BUNDLE / "tests" / "permissions"
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
    for line in LINKS.splitlines():
        name, target = line.split()
        (root / name).symlink_to(target)
    (outside / "secret.txt").write_text("secret\n")
    (outside / "conftest.py").write_text("")
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


STEERING = table("steering.txt")


@pytest.mark.parametrize("tool", ["Write", "Edit", "MultiEdit", "NotebookEdit"])
def test_no_file_that_steers_or_leads_out_is_written(worktree: Path, tool: str) -> None:
    name = "notebook_path" if tool == "NotebookEdit" else "file_path"
    allowed = [path for path in STEERING if judge_request(tool, {name: path}, worktree, worktree, RULES).allowed]
    print(f"files that steer or lead out, tried with {tool}: {len(STEERING)}, approved: {len(allowed)}")
    assert not allowed


@pytest.mark.parametrize("command", ["echo x > {}", "cp notes.txt {}", "mv notes.txt {}", "tee {}", "touch {}"])
def test_no_command_writes_a_file_that_steers_or_leads_out(worktree: Path, command: str) -> None:
    assert not [path for path in STEERING if bash(worktree, command.format(shlex.quote(path)))]


@pytest.mark.parametrize(
    "path", [".gitignore", "src/.prettierrc.json", ".github/ISSUE_TEMPLATE/bug.yml", "docs/new.md"]
)
def test_hidden_files_that_only_say_how_code_is_written_may_be_changed(worktree: Path, path: str) -> None:
    assert judge_request("Write", {"file_path": path}, worktree, worktree, RULES).allowed


PARTS = st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1, max_size=6)


@given(entry=st.sampled_from(RULES.steering.files), text=PARTS, above=st.lists(PARTS, max_size=2), below=PARTS)
def test_whatever_a_wildcard_stands_for_the_file_steers(entry: str, text: str, above: list[str], below: str) -> None:
    path = entry.replace("[-_]", "_").replace("**", below).replace("*", text).replace("?", text[0])
    parts = [part for part in above if part.strip(". ")]
    assert why_not_writable("/".join(["/w", *parts, path]), "/w", RULES.steering)


STEERED = {
    "CLAUDE.md": ("see @docs/style.md and @docs/../src/rules.md", ["docs/style.md", "src/rules.md", "src/more.md"]),
    "src/rules.md": ("@more.md", ["src/more.md"]),
    ".claude/settings.json": (
        '{"command": "$CLAUDE_PROJECT_DIR/tools/lint.sh --fix", "b": "\\"${X}\\"/tools/b.sh"}',
        ["tools/lint.sh", "tools/b.sh"],
    ),
    ".vscode/tasks.json": ('{"command": "./tools/task.sh"}', ["tools/task.sh"]),
}


def test_what_a_steering_file_links_to_imports_or_starts_steers_too(tmp_path: Path) -> None:
    for name in (
        "docs/style.md",
        "src/more.md",
        "src/free.md",
        "tools/lint.sh",
        "tools/b.sh",
        "tools/task.sh",
        "rules/a.md",
        *STEERED,
    ):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(STEERED[name][0] if name in STEERED else "")
    (tmp_path / ".cursor").symlink_to("rules")
    (tmp_path / "src" / "AGENTS.md").symlink_to("../docs/linked.md")
    (tmp_path / "docs" / "linked.md").touch()

    def allowed(path: str) -> bool:
        return judge_request("Write", {"file_path": path}, tmp_path, tmp_path, RULES).allowed

    steered = [
        *(path for _, paths in STEERED.values() for path in paths),
        "rules/a.md",
        "rules/new.md",
        "docs/linked.md",
    ]
    assert not [path for path in steered if allowed(path)]
    assert allowed("src/free.md")
    assert allowed("docs/new.md")


@pytest.mark.parametrize("name", ["-R", "--files0-from=x", "-L", "-f"])
@pytest.mark.parametrize("command", ["grep KEY *", "ls *", "cat *", "wc *", "cd d && head *", "tail ?*", "git add *"])
def test_a_wildcard_does_not_meet_a_name_that_looks_like_an_option(tmp_path: Path, name: str, command: str) -> None:
    (tmp_path / "d").mkdir()
    for folder in (tmp_path, tmp_path / "d"):
        (folder / "plain").touch()
        (folder / name).touch()
    assert not bash(tmp_path, command)
    assert bash(tmp_path, "cat ./*")


SEARCHES = [
    ("Glob", {"pattern": "**/*.{test,spec}.{ts,tsx}"}, True),
    ("Glob", {"pattern": "src/*.py", "path": "."}, True),
    ("Glob", {"pattern": "*/*.py", "path": "src"}, True),
    ("Glob", {"pattern": "./src/[a-z]*.py"}, True),
    *(("Glob", {"pattern": pattern}, False) for pattern in [
        "../*", "/etc/*", "~/*", "{..,src}/*", "{.,}./x", "{.,x}{.,y}/z", "src/{.,x}{.,y}/../x", "{/etc,src}/*",
        "outlink/*", "outlink/**", "d/keys/*", "secretlink", "sub/deep/climb/*", "d/k*/*", "*/keys/*", "{b,d}/keys/*",
        "{a,b}{c,d}{e,f}{g,h}{i,j}{k,l}{m,n}{o,p}/x", "", "x\0", "src\\..", "zero",
        "[.][.]/*", "[.]./*", ".[.]/*", "src/[.][.]/[.][.]/*", "+(.)/*", "@(.|..)/x", "[.].", ".?/*",
    ]),
    ("Glob", {"pattern": "keys/*", "path": "d"}, False),
    ("Grep", {"pattern": "def main", "glob": "*.{py,pyi}", "type": "py", "-A": 3, "output_mode": "content"}, True),
    ("Grep", {"pattern": "--pre=./x"}, False),
    ("Grep", {"pattern": ["--pre"]}, False),
    *(("Grep", {"pattern": "x", "glob": glob}, False) for glob in [
        "--pre=x", "*.py --pre=x", "*.py\t--pre=x", "*.py\n--pre=x", "*.py,--pre=x", "*.py\u00a0--pre=x", ["-x"],
    ]),
    *(("Grep", {"pattern": "x", name: value}, False) for name, value in [
        ("-A", "--pre=./x"), ("-C", ["--pre", "x"]), ("context", {}), ("type", "--pre=x"), ("head_limit", "$(x)"),
        ("output_mode", "--pre"), ("offset", "1 --pre=x"), ("type", ["py", "--pre=x"]),
    ]),
    *(("Grep", {"pattern": "x", "path": path}, False) for path in ["..", "outlink", "d/keys", "zero", "d/up/.."]),
]  # fmt: skip


@pytest.mark.parametrize(("tool", "request_", "allowed"), SEARCHES)
def test_searches_stay_in_the_worktree(worktree: Path, tool: str, request_: dict[str, Any], allowed: bool) -> None:
    assert judge_request(tool, request_, worktree, worktree, RULES).allowed is allowed


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
        ("[command.x]\nlike = ' '", "names no command"),
        ("[command.x]\nlike = 'y'\n[command.y]\nlike = 'x'", "leads back to itself"),
        ("x = ", "is not TOML"),
        ("x = " + "[" * 5000, "is not TOML"),
        ("environment = ['CI']", "environment: expected a table"),
        ("[environment]\nCI = 1", "environment.CI: expected a kind"),
        ("command = 1", "command: expected a table"),
        ("[[command]]\nx = 1", "command: expected a table"),
        ("command.x = 'ls'", "command.x: expected a table"),
        ("protected_branches = 'main'", "protected_branches: expected a list of texts"),
        ("protected_branches = [1]", "protected_branches: expected a list of texts"),
        ("steering = {a = 1}", "steering: expected a list of texts"),
        ("hidden = '.x'", "hidden: expected a list of texts"),
        ("[command.x]\nletters = 1", "letters: expected a text"),
        ("[command.x]\nflags = '--a'", "flags: expected a list of texts"),
        ("[command.x]\nflags = [1]", "flags: expected a list of texts"),
        ("[command.x]\nvalues = ['--a']", "values: expected a table"),
        ("[command.x]\nvalues = {a = 1}", "expected a kind"),
        ("[command.x]\noptional = 'a'", "optional: expected a table"),
        ("[command.x]\noperands = 1", "operands: expected a list of texts"),
        ("[command.x]\noperands = []", "expected operands"),
        ("[command.x]\nmost = '1'", "most: expected a whole number"),
        ("[command.x]\nleast = true", "least: expected a whole number"),
        ("[command.x]\nfree = 'no'", "free: expected true or false"),
        ("[command.x]\nwraps = 1", "wraps: expected true or false"),
        ("[command.x]\nneeds = '-v'", "needs: expected a list of texts"),
        ("[command.x]\ntail = 'pth'", "unknown kind 'pth'"),
        ("[command.x]\nsub = ['a']", "sub: expected a table"),
        ("[command.x]\nsub.a = 1", "sub.a: expected a table"),
        ("[command.x.sub.a]\nlike = 1", "like: expected a text"),
        ("[command.x]\nmodule = 1", "module: expected a table"),
    ],
)
def test_a_bad_row_is_a_clear_error(text: str, says: str) -> None:
    with pytest.raises(UsageProblem, match=says):
        command_rules({"own.toml": parsed("own.toml", text)})
