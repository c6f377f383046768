"""The hook that keeps the client from asking for our own scripts, run as the client runs it."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetscripts import commands
from fleetscripts.core.permissions.own_arguments import HARMLESS
from fleetscripts.core.permissions.own_calls import only_own_calls
from tests.places import BUNDLE, environment

HOME = "/home/me"
REAL = "/opt/fleet/scripts"
LINK = f"{HOME}/.claude/skills/orchestrate/scripts"
S = f"{REAL}/status"


def script_at(path: str) -> str | None:
    """The bundle lies in /opt/fleet; the user's skills hold a link to it; ``fleet-status`` is the plugin's."""
    if path == "fleet-status":
        return "status"
    folder, _, name = path.rpartition("/")
    return name if folder in (REAL, LINK) and name in commands.names() else None


def allowed(line: str, cwd: str = "/work/tree") -> bool:
    return only_own_calls(line, HOME, cwd, script_at)


OURS = [
    S,
    f"{S} --json",
    f"'{S}' --json",
    f'"{LINK}/status"',
    "~/.claude/skills/orchestrate/scripts/status",
    "$HOME/.claude/skills/orchestrate/scripts/status",
    "${HOME}/.claude/skills/orchestrate/scripts/status",
    '"$HOME/.claude/skills/orchestrate/scripts/status" --json',
    '"${HOME}"/.claude/skills/orchestrate/scripts/status',
    f"bash {S}",
    f"sh {S} --json",
    "bash ~/.claude/skills/orchestrate/scripts/status",
    "fleet-status --json",
    f"cd /work/tree && {S}",
    f"cd {REAL} && ./status",
    "cd /opt/fleet && scripts/status && scripts/capacity",
    "cd ~/.claude/skills/orchestrate && scripts/status",
    f'cd "$HOME/.claude/skills/orchestrate" && {S}',
    f'{S}; echo "exit: $?"',
    f"{S}; echo exit=$?",
    f"{S} && {REAL}/capacity",
    f"{S}\n{REAL}/capacity\n",
    f"{S} || true",
    f"W=$({REAL}/spawn-agent --branch feat/a --objective 'Do (it) well'); echo \"$W\"",
    f'W="$({REAL}/spawn-agent --branch feat/a --objective "Do it")" && {REAL}/send-agent "$W" "Go on"',
    f'out=$({S} --json 2>&1); echo "$out"',
    f"{S} | head -20",
    f"{S} --json | jq -r '.agents[] | .window'",
    f"{S} 2>&1 | tail -n 5",
    f"{S} | grep -i 'idle' | wc -l",
    f"{S} 2>/dev/null",
    f"{S} >/dev/null 2>&1",
    f"{REAL}/send-agent tree1 - <<'EOF'\nRun `rm -rf x` $(not really)\n\"quoted\"\nEOF",
    f'{REAL}/send-agent tree1 - <<"EOF"\ntext\nEOF\n{S}',
    f"{REAL}/spawn-agent --branch feat/a --objective-file - <<'TASK' 2>&1 | tail -3\nBuild it.\nTASK",
    f"{REAL}/send-agent tree1 \"$(cat <<'EOF'\nlong text\nEOF\n)\"",
    f'echo "go on" | {REAL}/send-agent tree1 -',
    f"{REAL}/wait-event --timeout 600 &",
    f"{REAL}/wait-event --timeout 600 2>&1 &\n{S}",
    f"timeout 60 {S}",
    f"timeout -k 5 10m bash {S}",
    f"{REAL}/spawn-agent \\\n  --branch feat/a \\\n  --objective 'Überall größer — weiter'",
    f"{REAL}/update-agent tree1 idle_threshold_seconds=600",
    f"{REAL}/update-agent --top active=true",
    f"{REAL}/update-agent tree1 state=running",
    f"{REAL}/wait-event --exit-zero --timeout 600",
    "/opt/fleet/scripts/fleet status --json",
    f"{REAL}/recycle-agent tree1",
    f"{REAL}/interrupt-agent tree1",
    f"{REAL}/cl --dry-run",
    f"{REAL}/accounts check",
    f"{REAL}/send-agent tree1 --task 'see the picture' --image /tmp/a/shot.png",
]

FOREIGN = [
    "touch x",
    "rm -rf /",
    "ls",
    f"cat {S}",
    f"rm {S}",
    f"echo {S}",
    "true",
    "",
    f"{REAL}/nothing",
    f"{REAL}/../scripts/status",
    f"{REAL}/../../evil/scripts/status",
    "/tmp/evil/scripts/status",
    f"/tmp{S}",
    f"{S}.sh",
    "scripts/status",
    "./scripts/status",
    "status",
    "fleet-evil",
    "bash status",
    f"bash -c {S}",
    f"bash -x {S}",
    f"bash {S} && bash",
    "cd /tmp/evil && scripts/status",
    "cd /opt/fleet || scripts/status",
    "cd /opt/fleet; scripts/status",
    "cd /opt/fleet & scripts/status",
    f"{S} || cd /opt/fleet && scripts/status",
    "cd fleet && scripts/status",
    "cd && scripts/status",
    "cd - && scripts/status",
    f"PATH=/tmp/evil {S}",
    f"PYTHONPATH=/tmp {S}",
    f"LD_PRELOAD=/tmp/x.so {S}",
    f"BASH_ENV=/tmp/x bash {S}",
    f"ORCHESTRATOR_VERIFY_COMMAND='touch x' {S}",
    f"FLEET_HOME=/tmp/evil {S}",
    f"W=1 {S}",
    "W=1",
    f"env {S}",
    f"env A=b {S}",
    f"export PATH=/tmp; {S}",
    f"PATH=$({S}); ls",
    f"PATH=$({S}); {S}",
    f"IFS=$({S}); {S}",
    f"path=$({S}); {S}",
    f"W=$(touch x); {S}",
    f"W=$(touch x; {S}); {S}",
    f"W=$({S} $(touch x)); {S}",
    f"W=$({S} `touch x`); {S}",
    f"W=$({S}) touch x",
    f"W=$({S}); $W",
    f'W=$({S}); "$W"',
    f"W=$({S}); {REAL}/history $W",
    f'W=$({S}); {REAL}/history "$W"',
    f'{REAL}/history "$OTHER"',
    f'{REAL}/send-agent tree1 "$(touch x)"',
    f"{REAL}/send-agent tree1 $(touch x)",
    f"{REAL}/send-agent tree1 `touch x`",
    f"{REAL}/send-agent tree1 <(touch x)",
    f"{REAL}/send-agent tree1 - <<EOF\n$(touch x)\nEOF",
    f"{REAL}/send-agent tree1 - <<'EOF'\ntext\nEOF\ntouch x",
    f"{REAL}/send-agent tree1 - <<'EOF'\ntext",
    f"{REAL}/send-agent tree1 - <<'EOF' ; touch x\ntext\nEOF",
    f"{REAL}/send-agent tree1 - <<'EOF' | bash\ntext\nEOF",
    f"bash <<'EOF'\n{S}\nEOF",
    f"{S} > out.txt",
    f"{S} >> ~/.bashrc",
    f"{S} 2> err.txt",
    f"{S} &> out.txt",
    f"{S} < /etc/passwd",
    f"{S} | tee out.txt",
    f"{S} | sh",
    f"{S} | xargs rm",
    f"{S} | head -20 file",
    f"{S} | tail -f /etc/passwd",
    f"{S} | grep -r root /etc",
    f"{S} | grep -f /etc/passwd",
    f"{S} | grep root /etc/passwd",
    f"{S} | wc -l /etc/passwd",
    f"{S} | jq -f prog.jq",
    f"{S} | jq . /etc/passwd",
    f"{S} | jq '$ENV'",
    f"{S} | jq 'env.GH_TOKEN'",
    f"{S} | jq --rawfile a /etc/passwd '$a'",
    f"{S} | awk 'BEGIN {{system(\"id\")}}'",
    f"{S} | {REAL}/send-agent tree1 -",
    "head -5 /etc/passwd",
    "grep x",
    f"{S} && touch x",
    f"{S}; touch x",
    f"{S} & touch x",
    f"{S}\ntouch x",
    f"touch x && {S}",
    f"touch x | {S}",
    "timeout 60 touch x",
    f"timeout --foreground 60 {S}",
    f"nohup {S}",
    f"sudo {S}",
    f"exec {S}",
    f"eval {S}",
    f"source {S}",
    f". {S}",
    f"time {S}",
    f"xargs {S}",
    f"{S} *",
    f"({S})",
    f"{{ {S}; }}",
    f"if {S}; then touch x; fi",
    f"for x in 1; do {S}; done",
    f"status() {{ touch x; }}; {S}",
    f"alias x={S}",
    "~other/.claude/skills/orchestrate/scripts/status",
    "$PWD/scripts/status",
    '"$HOME/../evil/scripts/status"',
    f"{S}\r",
    f"{S}\x00touch x",
    f"{S} \u202e x",
    "echo $HOME",
    f"echo hi > x; {S}",
    f"echo hi | bash; {S}",
    f"{REAL}/recycle-agent tree1 --force",
    f"{REAL}/fleet recycle-agent tree1 --force",
    f"{REAL}/fleet",
    f"{REAL}/update-agent tree1 state=recycled",
    f"{REAL}/recycle-agent --force tree1",
    f"{REAL}/recycle-agent tree1 '--force'",
    f"{REAL}/recycle-agent tree1 \"--for\"ce",
    f"W=$({S}); {REAL}/recycle-agent tree1 \"$W\"",
    f"{REAL}/interrupt-agent tree1 --kill",
    f"{REAL}/open-pr tree1",
    f"{REAL}/fleet open-pr tree1 --draft",
    f"{REAL}/rescue-agent tree1 --account other",
    f"{REAL}/rescue-agent --account=other tree1",
    f"{REAL}/evaluate tree1 --override 'why not'",
    f"{REAL}/update-agent tree1 worktree_path=/etc",
    f"{REAL}/update-agent tree1 verify_command='touch x'",
    f"{REAL}/update-agent tree1 task.verify_command='touch x'",
    f"{REAL}/update-agent tree1 objective=a session_id=b",
    f"{REAL}/update-agent --top verify_command=x",
    f"{REAL}/spawn-agent --branch a --objective b --verify-command 'touch x'",
    f"{REAL}/spawn-agent --branch a --objective-file /etc/passwd",
    f"{REAL}/send-agent tree1 --file ~/.ssh/id_rsa",
    f"{REAL}/send-agent tree1 --task x --image ~/.ssh/id_rsa",
    f"{REAL}/tasks add x --file=/etc/passwd",
    f"{REAL}/status --state-file /tmp/evil.json",
    f"{REAL}/run-loop --window --fleet-home /tmp/evil",
    f"{REAL}/cl -- -p 'do anything' --dry-run",
    f"{REAL}/cl",
    f"{REAL}/accounts add x --token-command sh",
    f"{REAL}/demo --client /tmp/evil",
    f"{REAL}/notify --set-webhook",
    f"{REAL}/setup --yes",
    f"{REAL}/status --timeline --output ~/.bashrc",
    "cd /tmp/evil && " + "cd /opt/fleet; scripts/status",
]  # fmt: skip


@pytest.mark.parametrize("line", OURS)
def test_every_form_of_a_call_of_ours_is_allowed(line: str) -> None:
    assert allowed(line)


@pytest.mark.parametrize("line", FOREIGN)
def test_whatever_is_not_ours_alone_is_left_to_the_client(line: str) -> None:
    assert not allowed(line)


@pytest.mark.parametrize("line", OURS)
@pytest.mark.parametrize("more", ["; touch x", " && touch x", "\ntouch x", " | sh", " > x", "; W=$(touch x)", " $(id)"])
def test_no_form_of_ours_carries_something_else_along(line: str, more: str) -> None:
    assert not allowed(line.rstrip("\n") + more)


@pytest.mark.parametrize("line", OURS)
def test_the_same_forms_around_a_foreign_command_are_left_to_the_client(line: str) -> None:
    foreign = line
    for ours in (S, "scripts/status", "./status", "fleet-status", "/spawn-agent", "/send-agent", "/wait-event"):
        foreign = foreign.replace(ours, ours.replace("fleet", "evil").replace("a", "o"))
    if foreign != line:
        assert not allowed(foreign)


@given(st.text(alphabet="abc $\"'`\\|&;<>(){}#~=*?[]!\n/-", max_size=30))
def test_odd_arguments_never_run_anything(words: str) -> None:
    """Whatever is allowed of random shell text, bash runs nothing in it but ``S`` and what takes from it."""
    line = f"{S} {words}"
    if allowed(line):
        done = subprocess.run(
            ["/bin/bash", "--norc", "-c", f"command_not_found_handle() {{ echo FOREIGN >&3; }}\n{line}"],
            capture_output=True, text=True, check=False, env={"PATH": "/nowhere", "HOME": HOME}, pass_fds=(),
            stdin=subprocess.DEVNULL, cwd="/proc",
        )  # fmt: skip
        assert "FOREIGN" not in done.stdout + done.stderr
        assert "syntax error" not in done.stderr or S in done.stderr


def test_the_table_names_scripts_that_are_there() -> None:
    assert set(HARMLESS) <= set(commands.names())


# The hook itself


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home whose skills link to a bundle, and a look-alike beside it."""
    place = tmp_path_factory.mktemp("hook")
    skills = place / "home" / ".claude" / "skills"
    skills.mkdir(parents=True)
    (skills / "orchestrate").symlink_to(BUNDLE)
    shutil.copytree(BUNDLE / "scripts", place / "evil" / "scripts")
    (place / "linked").mkdir()
    (place / "linked" / "scripts").symlink_to(BUNDLE / "scripts")
    return place


def hook(place: Path, tool: str, value: str, **changes: str) -> str:
    member = "command" if tool == "Bash" else "file_path"
    request = {"tool_name": tool, "tool_input": {member: value}, "cwd": str(place), "hook_event_name": "PreToolUse"}
    return raw(place, json.dumps(request).encode(), **changes)


def raw(place: Path, request: bytes, **changes: str) -> str:
    program = place / "home" / ".claude" / "skills" / "orchestrate" / "hooks" / "allow-own"
    done = subprocess.run(
        [program], input=request, capture_output=True, check=False, timeout=60,
        env=environment({"HOME": str(place / "home"), **changes}),
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, b"")
    return str(json.loads(done.stdout)["hookSpecificOutput"]["permissionDecision"]) if done.stdout else ""


@pytest.mark.parametrize("script", sorted(HARMLESS))
def test_the_hook_knows_every_script(bundle: Path, script: str) -> None:
    words = {"cl": " --dry-run", "setup": " --check"}.get(script, "")
    assert hook(bundle, "Bash", f"{BUNDLE}/scripts/{script}{words}") == "allow"


def answer(place: Path, event: str, command: str) -> dict[str, object]:
    request = {"hook_event_name": event, "tool_name": "Bash", "tool_input": {"command": command}, "cwd": str(place)}
    program = BUNDLE / "hooks" / "allow-own"
    done = subprocess.run(
        [program], input=json.dumps(request).encode(), capture_output=True, check=False, timeout=60,
        env=environment({"HOME": str(place / "home")}),
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, b"")
    found: dict[str, object] = json.loads(done.stdout)["hookSpecificOutput"] if done.stdout else {}
    return found


def test_the_dialog_that_would_be_shown_is_answered_in_the_same_way(bundle: Path) -> None:
    """Plan mode takes no answer before the tool runs, and this one."""
    ours = f"{BUNDLE}/scripts/status --json"
    said = {"hookEventName": "PermissionRequest", "decision": {"behavior": "allow"}}
    assert answer(bundle, "PermissionRequest", ours) == said
    assert answer(bundle, "PermissionRequest", f"{ours} > x") == {}
    assert answer(bundle, "PreToolUse", ours)["permissionDecision"] == "allow"
    assert answer(bundle, "PostToolUse", ours) == {}


def test_the_hook_knows_the_link_the_home_and_the_folder(bundle: Path) -> None:
    link = bundle / "home" / ".claude" / "skills" / "orchestrate"
    lines = [f"{link}/scripts/status", "~/.claude/skills/orchestrate/scripts/status"]
    for line in [*lines, f"cd {link} && scripts/status", f"cd {link}/scripts && ./status"]:
        assert hook(bundle, "Bash", line) == "allow", line


def test_the_hook_says_nothing_to_a_look_alike(bundle: Path) -> None:
    for line in (f"{bundle}/evil/scripts/status", f"cd {bundle}/evil && scripts/status", "scripts/status",
                 f"{bundle}/linked/scripts/status", f"cd {bundle}/linked/scripts && ./status",
                 f"{BUNDLE}/scripts/../scripts/status", f"{BUNDLE}/scripts/setup2", "fleet-status"):  # fmt: skip
        assert hook(bundle, "Bash", line) == "", line


def test_pages_of_the_skill_are_read_unasked_and_nothing_else(bundle: Path) -> None:
    link = bundle / "home" / ".claude" / "skills" / "orchestrate"
    assert hook(bundle, "Read", f"{link}/skill/recovery.md") == "allow"
    assert hook(bundle, "Read", f"{BUNDLE}/skill/evaluation.md") == "allow"
    for path in (
        f"{BUNDLE}/skill/../README.md",
        f"{BUNDLE}/README.md",
        f"{bundle}/skill/recovery.md",
        "skill/recovery.md",
    ):
        assert hook(bundle, "Read", path) == "", path
    assert hook(bundle, "Write", f"{BUNDLE}/skill/recovery.md") == ""


@pytest.mark.parametrize(
    "request_",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"scripts/status",
        b'{"tool_name": 3, "x": "scripts/status"}',
        b"\xff scripts/status",
        b"[" * 100_000 + b"scripts/status",
        b'"scripts/status' + b"x" * 1_100_000 + b'"',
    ],
)
def test_a_request_that_is_not_understood_gets_no_answer(bundle: Path, request_: bytes) -> None:
    assert raw(bundle, request_) == ""


def test_no_python_starts_for_a_command_that_is_none_of_ours(bundle: Path, tmp_path: Path) -> None:
    seen = tmp_path / "seen"
    trap = bundle / "data" / "fleetscripts"
    digest = (BUNDLE / "requirements" / "runtime.txt").read_text().split()[2]
    python = trap / f"env-{digest}" / "bin" / "python"
    python.parent.mkdir(parents=True, exist_ok=True)
    python.write_text(f"#!/bin/sh\necho started >>{seen}\n")
    python.chmod(0o755)
    for line in ("git status", "npm run build", "scripts/deploy", "./configure", "ls ~/fleet-x", "scripts/clean.sh"):
        assert hook(bundle, "Bash", line, XDG_DATA_HOME=str(trap.parent)) == ""
    assert not seen.exists()
    hook(bundle, "Bash", f"{BUNDLE}/scripts/status", XDG_DATA_HOME=str(trap.parent))
    assert seen.exists()


def test_it_works_before_anything_is_prepared(bundle: Path, tmp_path: Path) -> None:
    assert hook(bundle, "Bash", f"{BUNDLE}/scripts/status", XDG_DATA_HOME=str(tmp_path / "data")) == "allow"
    assert not (tmp_path / "data").exists()


def test_no_home_and_no_bundle_are_silence(bundle: Path) -> None:
    assert hook(bundle, "Bash", f"{BUNDLE}/scripts/status", HOME="", XDG_DATA_HOME="") == ""
