"""``cl``: which account a client is started on, with what, and what is said of it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.account_stage import EXIT, AccountStage, assistant, user
from tests.conftest import RunScript
from tests.places import BUNDLE, GitRepo

SESSION = "01a1fb99-0414-4831-b6d5-c37eeebee745"


@pytest.fixture
def stage(home: Path, monkeypatch: pytest.MonkeyPatch) -> AccountStage:
    return AccountStage.with_clients(home, monkeypatch)


def test_with_no_accounts_it_is_the_client_itself(
    stage: AccountStage, run_script: RunScript, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "the user's own")
    done = run_script("cl", "--resume", SESSION, "--account", "x y", "-p", "a 'quoted' $word")
    assert done.returncode == EXIT
    assert stage.arguments() == ["--resume", SESSION, "--account", "x y", "-p", "a 'quoted' $word"]
    assert stage.told()["ANTHROPIC_API_KEY"] == "the user's own"
    assert "FLEET_ACCOUNT" not in stage.told()
    assert done.stderr == ""
    assert not (stage.home / "state.json").exists()


@pytest.mark.parametrize(
    ("given", "passed"),
    [
        (["--", "-h"], ["-h"]),
        (["--", "--", "--dry-run"], ["--", "--dry-run"]),
        (["-c", "--dry-run"], ["-c", "--dry-run"]),
        (["mcp", "list", "--help"], ["mcp", "list", "--help"]),
        (["", "--"], ["", "--"]),
        ([], []),
    ],
)
def test_the_clients_arguments_stay_as_they_are(
    stage: AccountStage, run_script: RunScript, given: list[str], passed: list[str]
) -> None:
    assert run_script("cl", *given).returncode == EXIT
    assert stage.arguments() == passed


def test_its_own_help_is_its_own(stage: AccountStage, run_script: RunScript) -> None:
    done = run_script("cl", "--help")
    assert done.returncode == 0
    assert "--dry-run" in done.stdout
    assert not (stage.home / "told").exists()


def test_the_token_reaches_the_client_through_a_descriptor_alone(
    stage: AccountStage, run_script: RunScript, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage.two_accounts()
    for name in ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "CLAUDE_CODE_OAUTH_TOKEN", "CLAUDECODE"):
        monkeypatch.setenv(name, "would win")
    done = run_script("cl", "--account", "home", "hello")
    assert done.returncode == EXIT, done.stderr
    told = stage.told()
    assert told["TOKEN_READ"] == "oat-HOME"
    assert told["FLEET_ACCOUNT"] == "home"
    assert not [name for name, value in told.items() if value == "would win"]
    assert [name for name, value in told.items() if "oat-" in value] == ["TOKEN_READ"]
    assert not [word for word in stage.arguments() if "oat-" in word]
    assert "oat-" not in done.stdout + done.stderr


def test_a_variable_that_holds_a_secret_is_not_handed_on(
    stage: AccountStage, run_script: RunScript, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage.list_accounts(
        '[[account]]\nname = "a"\ntoken = { env = "A_TOKEN" }\n[[account]]\nname = "b"\ntoken = { env = "B_TOKEN" }\n'
    )
    monkeypatch.setenv("A_TOKEN", "oat-A")
    monkeypatch.setenv("B_TOKEN", "oat-B")
    assert run_script("cl", "--account", "b").returncode == EXIT
    assert stage.told()["TOKEN_READ"] == "oat-B"
    assert not {"A_TOKEN", "B_TOKEN"} & set(stage.told())


def test_a_command_gives_the_token(stage: AccountStage, run_script: RunScript) -> None:
    stage.list_accounts('[[account]]\nname = "a"\ntoken = { command = ["printf", "oat-%s", "C"] }\n')
    assert run_script("cl").returncode == EXIT
    assert stage.told()["TOKEN_READ"] == "oat-C"


@pytest.mark.parametrize(
    ("token", "said"),
    [
        ('{ file = "/nowhere/token" }', "/nowhere/token"),
        ('{ env = "NOT_SET" }', "NOT_SET"),
        ('{ command = ["false"] }', "exited 1"),
        ('{ command = ["/nowhere/pass"] }', "/nowhere/pass"),
        ('{ command = ["echo", "two words"] }', "more than one word"),
        ('{ command = ["true"] }', "holds nothing"),
    ],
)
def test_a_secret_that_cannot_be_had_is_said_in_one_line(
    stage: AccountStage, run_script: RunScript, token: str, said: str
) -> None:
    stage.list_accounts(f'[[account]]\nname = "a"\ntoken = {token}\n')
    done = run_script("cl")
    assert done.returncode == 1
    assert said in done.stderr
    assert done.stderr.count("\n") == 1
    assert "two words" not in done.stderr


def test_an_account_of_its_own_folder_shares_the_conversations(stage: AccountStage, run_script: RunScript) -> None:
    own = stage.home / "claude-home"
    stage.list_accounts(f'[[account]]\nname = "a"\nconfig_dir = "{own}"\n')
    (stage.home / ".claude" / "projects" / "x").mkdir(parents=True)
    assert run_script("cl", "--resume", SESSION).returncode == EXIT
    assert stage.told()["CLAUDE_CONFIG_DIR"] == str(own)
    assert (own / "projects" / "x").is_dir()
    assert (own / "projects").is_symlink()


@pytest.mark.parametrize("named", ["~/.claude", "~/.claude/", "~/linked"])
def test_the_default_folder_is_not_named_to_the_client(stage: AccountStage, run_script: RunScript, named: str) -> None:
    """Its ``.claude.json`` lies beside it then, not inside."""
    (stage.home / ".claude").mkdir(exist_ok=True)
    (stage.home / "linked").symlink_to(stage.home / ".claude")
    stage.list_accounts(f'[[account]]\nname = "a"\nconfig_dir = "{named}"\n')
    assert run_script("cl", "hello").returncode == EXIT
    assert "CLAUDE_CONFIG_DIR" not in stage.told()
    (stage.home / ".claude" / ".claude.json").write_text("{}")
    assert run_script("cl", "hello").returncode == EXIT
    assert Path(stage.told()["CLAUDE_CONFIG_DIR"]).resolve() == (stage.home / ".claude").resolve()


def test_a_conversation_that_the_account_cannot_reach_is_not_begun_anew(
    stage: AccountStage, run_script: RunScript
) -> None:
    own = stage.home / "claude-home"
    (own / "projects" / "other").mkdir(parents=True)
    stage.list_accounts(f'[[account]]\nname = "a"\nconfig_dir = "{own}"\n')
    done = run_script("cl", "--resume", SESSION)
    assert done.returncode == 3
    assert f"ln -s {stage.home}/.claude/projects {own}/projects" in done.stderr
    assert not (stage.home / "told").exists()
    assert (own / "projects" / "other").is_dir()
    new = run_script("cl", "hello")
    assert new.returncode == EXIT
    assert "cannot go on elsewhere" in new.stderr


def chosen(done: str) -> str:
    """The account that --dry-run names."""
    return done.splitlines()[0].split()[1]


def test_the_account_with_more_left_is_taken(stage: AccountStage, run_script: RunScript) -> None:
    stage.two_accounts()
    stage.figure("work", "five_hour", 90)
    stage.figure("home", "five_hour", 20)
    done = run_script("cl", "--dry-run", "--model", "opus")
    assert chosen(done.stdout) == "home"
    assert "80% left, no agent on it" in done.stdout
    assert "--model opus" in done.stdout
    assert not (stage.home / "told").exists()


def test_agents_spread_over_accounts(stage: AccountStage, run_script: RunScript) -> None:
    stage.two_accounts()
    stage.figure("work", "five_hour", 20)
    stage.figure("home", "five_hour", 30)
    stage.state({"window": "fleet:1", "account": "work", "state": "running"})
    assert chosen(run_script("cl", "--dry-run").stdout) == "home"
    stage.state(
        {"window": "fleet:1", "account": "work", "state": "recycled"},
        {"window": "fleet:2", "account": "home", "state": "running"},
    )
    assert chosen(run_script("cl", "--dry-run").stdout) == "work"


def test_a_resumed_conversation_stays_on_its_account_while_that_has_budget(
    stage: AccountStage, run_script: RunScript
) -> None:
    stage.two_accounts()
    stage.figure("work", "five_hour", 80)
    stage.figure("home", "five_hour", 10)
    stage.state({"window": "fleet:1", "account": "work", "session_id": SESSION, "state": "running"})
    for words in (["--resume", SESSION], [f"--resume={SESSION}"], ["-r", SESSION]):
        done = run_script("cl", "--dry-run", "--", *words)
        assert chosen(done.stdout) == "work"
        assert "the conversation's own account" in done.stdout
    stage.figure("work", "five_hour", 100, wall=True)
    assert chosen(run_script("cl", "--dry-run", "--", "--resume", SESSION).stdout) == "home"


def test_the_record_follows_a_conversation_that_was_moved_by_hand(stage: AccountStage, run_script: RunScript) -> None:
    stage.two_accounts()
    stage.state({"window": "fleet:1", "account": "work", "session_id": SESSION, "state": "running"})
    run_script("cl", "--dry-run", "--account", "home", "--resume", SESSION)
    assert '"work"' in (stage.home / "state.json").read_text()
    assert run_script("cl", "--account", "home", "--resume", SESSION).returncode == EXIT
    record = json.loads((stage.home / "state.json").read_text())["agents"][0]
    assert (record["account"], record["session_id"]) == ("home", SESSION)
    assert '"event": "account"' in (stage.fleet / "events.jsonl").read_text()


def test_the_newest_conversation_of_a_folder_stays_on_its_account(
    stage: AccountStage, run_script: RunScript, tmp_path: Path
) -> None:
    stage.two_accounts()
    stage.conversation(SESSION, tmp_path, user("hello"))
    stage.state({"window": "fleet:1", "account": "home", "session_id": SESSION, "state": "done"})
    assert chosen(run_script("cl", "--dry-run", "--", "-c", cwd=tmp_path).stdout) == "home"


@pytest.mark.skipif(sys.platform != "linux", reason="only on Linux a script goes by its own name")
def test_a_conversation_that_is_open_gets_no_second_client(
    stage: AccountStage, run_script: RunScript, tmp_path: Path
) -> None:
    running = tmp_path / "claude"
    running.write_text("#!/bin/sh\nread line\n")
    running.chmod(0o755)
    with subprocess.Popen([running, "--resume", SESSION], stdin=subprocess.PIPE, env=dict(os.environ)) as live:
        done = run_script("cl", "--resume", SESSION)
        assert (done.returncode, f"pid {live.pid}" in done.stderr) == (3, True), done.stderr
        assert not (stage.home / "told").exists()
        assert run_script("cl", "--resume", SESSION, "--fork-session").returncode == EXIT
        live.communicate(b"\n")
    assert run_script("cl", "--resume", SESSION).returncode == EXIT


def test_without_a_fleet_the_status_line_tells_where_a_conversation_ran(
    stage: AccountStage, run_script: RunScript
) -> None:
    stage.two_accounts()
    kept = stage.fleet / "usage" / "home" / f"{SESSION}.json"
    kept.parent.mkdir(parents=True)
    kept.write_text(json.dumps({"at": 1, "rate_limits": {}}))
    stage.figure("home", "five_hour", 80)
    assert chosen(run_script("cl", "--dry-run", "--", "--resume", SESSION).stdout) == "home"


def test_a_reserve_is_left_to_its_user(stage: AccountStage, run_script: RunScript) -> None:
    stage.list_accounts('[[account]]\nname = "mine"\nreserve_percent = 30\n')
    stage.figure("mine", "weekly", 69)
    assert chosen(run_script("cl", "--dry-run").stdout) == "mine"
    stage.figure("mine", "weekly", 71)
    done = run_script("cl", "--dry-run")
    assert done.returncode == 8
    assert "no account has budget until " in done.stderr
    assert done.stdout == ""


def test_all_capped_and_nothing_else_listed_is_said_with_the_time(stage: AccountStage, run_script: RunScript) -> None:
    stage.two_accounts()
    for name in ("work", "home"):
        stage.figure(name, "five_hour", 100, wall=True)
    done = run_script("cl")
    assert done.returncode == 8
    assert "no account has budget until " in done.stderr
    assert not (stage.home / "told").exists()


BEDROCK = """
[[account]]
name = "cloud"
provider = "bedrock"
environment = { AWS_PROFILE = "agents" }
"""


def test_money_is_spent_only_where_the_entry_says_so(stage: AccountStage, run_script: RunScript) -> None:
    stage.list_accounts('[[account]]\nname = "mine"\n' + BEDROCK)
    stage.figure("mine", "five_hour", 100, wall=True)
    assert run_script("cl", "--resume", SESSION).returncode == 8
    named = run_script("cl", "--account", "cloud")
    assert named.returncode == 3
    assert "may_spend = true" in named.stderr
    stage.list_accounts('[[account]]\nname = "mine"\n' + BEDROCK + "may_spend = true\n")
    assert run_script("cl", "--resume", SESSION).returncode == EXIT
    assert stage.told()["CLAUDE_CODE_USE_BEDROCK"] == "1"
    assert stage.told()["AWS_PROFILE"] == "agents"
    assert stage.arguments()[-2:] == ["--resume", SESSION], "another backend resumes the same conversation"


def test_money_comes_after_every_subscription(stage: AccountStage, run_script: RunScript) -> None:
    stage.list_accounts(BEDROCK + 'may_spend = true\n[[account]]\nname = "mine"\n')
    stage.figure("mine", "five_hour", 99)
    assert chosen(run_script("cl", "--dry-run").stdout) == "mine"


def test_another_client_gets_a_hand_over(stage: AccountStage, run_script: RunScript, git_repo: GitRepo) -> None:
    stage.list_accounts('[[account]]\nname = "mine"\n[[account]]\nname = "gpt"\nagent = "codex"\n')
    stage.figure("mine", "five_hour", 100, wall=True)
    (git_repo.path / "begun.py").write_text("x = 1\n")
    stage.conversation(
        SESSION,
        git_repo.path,
        user("Build the parser. The key is ghp_abcdefghijklmnopqrstuvwx"),
        assistant("The grammar stands.\nCHECKPOINT:grammar"),
        user("<command-name>/clear</command-name>"),
        {"type": "assistant", "isSidechain": True, "message": {"role": "assistant", "content": "from a sub-agent"}},
        {"type": "assistant", "isApiErrorMessage": True, "message": {"role": "assistant", "content": "limit reached"}},
    )
    done = run_script(
        "cl", "--resume", SESSION, "--permission-mode", "bypassPermissions", "--model", "opus", cwd=git_repo.path
    )
    assert done.returncode == EXIT, done.stderr
    assert "this is a hand-over to codex" in done.stderr
    assert "not passed on: --model" in done.stderr
    told, words = stage.told(), stage.arguments()
    assert (told["NAME"], told["FLEET_ACCOUNT"]) == ("codex", "gpt")
    assert "--dangerously-bypass-approvals-and-sandbox" in words
    assert "--resume" not in words
    place = Path(words[-1].split("Read the hand-over in ")[1].split(" and go on")[0])
    assert place.stat().st_mode & 0o777 == 0o600
    text = place.read_text()
    for expected in ("Build the parser.", "> The grammar stands.", "reported: grammar", "?? begun.py", "hand-over"):
        assert expected in text
    for hidden in ("ghp_abc", "sub-agent", "limit reached\n", "/clear"):
        assert hidden not in text


def test_a_hand_over_holds_the_fleets_record(stage: AccountStage, run_script: RunScript, git_repo: GitRepo) -> None:
    stage.list_accounts('[[account]]\nname = "mine"\n[[account]]\nname = "gpt"\nagent = "codex"\n')
    stage.figure("mine", "five_hour", 100, wall=True)
    stage.conversation(SESSION, git_repo.path, user("briefing"), assistant("CHECKPOINT:one"))
    stage.state({
        "window": "fleet:1", "session_id": SESSION, "account": "mine", "state": "running", "branch": "feat/parser",
        "worktree_path": str(git_repo.path), "objective": "Write the parser", "steps": ["one", "two"],
        "checkpoints": ["one"], "pr_number": "12",
    })  # fmt: skip
    assert run_script("cl", "--resume", SESSION, cwd=git_repo.path).returncode == EXIT
    record = json.loads((stage.home / "state.json").read_text())["agents"][0]
    assert (record["agent"], record["account"], record["session_id"]) == ("codex", "gpt", "")
    assert (record["rescue"]["handover_from"], record["session_ids"]) == (f"claude:{SESSION}", [SESSION])
    text = next((stage.fleet / "handovers").iterdir()).read_text()
    for expected in ("Write the parser", "CHECKPOINT:two", "reported: one. Still open: two", "feat/parser", "DONE"):
        assert expected in text


def test_a_print_run_is_not_handed_to_another_client(stage: AccountStage, run_script: RunScript) -> None:
    stage.list_accounts('[[account]]\nname = "mine"\n[[account]]\nname = "gpt"\nagent = "codex"\n')
    stage.figure("mine", "five_hour", 100, wall=True)
    assert run_script("cl", "-p", "hello").returncode == 8


def test_our_status_line_comes_along_unless_the_call_brings_settings(
    stage: AccountStage, run_script: RunScript
) -> None:
    stage.two_accounts()
    run_script("cl", "--account", "work", "hello")
    words = stage.arguments()
    assert words[0] == "--settings"
    assert words[2:] == ["hello"]
    line = json.loads(words[1])["statusLine"]["command"]
    assert line.endswith(f"statusline.py {stage.fleet} work")
    (stage.home / ".claude").mkdir(exist_ok=True)
    own = {"type": "command", "command": "mine", "padding": 2, "refreshInterval": 5}
    (stage.home / ".claude" / "settings.json").write_text(json.dumps({"statusLine": own, "model": "x"}))
    run_script("cl", "--account", "work", "hello")
    assert json.loads(stage.arguments()[1]) == {"statusLine": {**own, "command": line}}
    run_script("cl", "--account", "work", "--settings", "{}")
    assert stage.arguments() == ["--settings", "{}"]
    (stage.fleet / "config.toml").write_text("statusline = false\n")
    run_script("cl", "--account", "work", "hello")
    assert stage.arguments() == ["hello"]


def test_an_api_key_goes_through_a_descriptor_too(stage: AccountStage, run_script: RunScript) -> None:
    key = stage.secret("key", "sk-ant-api03-KEY")
    entry = f'[[account]]\nname = "paid"\nprovider = "api"\ntoken = {{ file = "{key}" }}\nmay_spend = true\n'
    stage.list_accounts(entry)
    assert run_script("cl").returncode == EXIT
    told = stage.told()
    assert Path(f"/dev/fd/{told['CLAUDE_CODE_API_KEY_FILE_DESCRIPTOR']}").name.isdigit()
    assert not [name for name, value in told.items() if "sk-ant-api03" in value]


def test_codex_accounts_are_folders_or_keys(
    stage: AccountStage, run_script: RunScript, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = stage.secret("key", "sk-KEY")
    stage.list_accounts(
        f'[[account]]\nname = "x"\nagent = "codex"\nconfig_dir = "{stage.home}/codex-x"\n'
        f'[[account]]\nname = "y"\nagent = "codex"\nprovider = "api"\ntoken = {{ file = "{key}" }}\nmay_spend = true\n'
    )
    monkeypatch.setenv("OPENAI_API_KEY", "would win")
    assert run_script("cl", "--agent", "codex", "resume", SESSION).returncode == EXIT
    assert stage.told()["CODEX_HOME"] == f"{stage.home}/codex-x"
    assert "OPENAI_API_KEY" not in stage.told()
    assert (stage.home / "codex-x" / "sessions").is_symlink()
    assert run_script("cl", "--agent", "codex", "--account", "y").returncode == EXIT
    assert stage.told()["CODEX_API_KEY"] == "sk-KEY"


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["--account", "nobody"], 2, "there are: work, home"),
        (["--account", "work", "--agent", "codex"], 2, "is one of claude"),
        (["--agent", "emacs"], 2, "expected an agent kind"),
        (["--account"], 2, "--account"),
    ],
)
def test_what_makes_no_sense_is_said(
    stage: AccountStage, run_script: RunScript, words: list[str], code: int, said: str
) -> None:
    stage.two_accounts()
    done = run_script("cl", *words)
    assert (done.returncode, said in done.stderr) == (code, True), done.stderr
    assert done.stderr.count("\n") == 1


def test_the_client_takes_the_launchers_place(stage: AccountStage) -> None:
    """No process stays between the terminal and the client."""
    stage.two_accounts()
    argv = [sys.executable, "-I", str(BUNDLE / "fleetscripts" / "__main__.py"), "cl", "--account", "work"]
    started = subprocess.Popen(argv, env=dict(os.environ))
    assert started.wait(timeout=30) == EXIT
    assert stage.told()["PID"] == str(started.pid)
