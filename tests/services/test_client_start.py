"""What a window is given to start: with no accounts the client itself, else the launcher, and never a secret."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from fleetscripts.agents.kinds import InlineSettings, Launch, kind_named
from fleetscripts.config import load_settings
from fleetscripts.errors import FleetError, UsageProblem
from fleetscripts.services.clients.client_start import client_start
from fleetscripts.services.clients.launch import Start
from tests.account_stage import AccountStage

SESSION = "01a1fb99-0414-4831-b6d5-c37eeebee745"
CREDENTIALS = ("CLAUDE_CODE_OAUTH_TOKEN", "ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN")


@pytest.fixture
def stage(home: Path, monkeypatch: pytest.MonkeyPatch) -> AccountStage:
    made = AccountStage.with_clients(home, monkeypatch)
    for name in CREDENTIALS:
        monkeypatch.setenv(name, "oat-USERS-OWN")
    return made


def start(home: Path, account: str, kind: str = "claude") -> Start:
    settings = load_settings(os.environ)
    return client_start(
        settings, os.environ, kind_named(kind), home, SESSION, reads_only=False, resume=True, account=account
    )


@pytest.mark.parametrize("account", ["", "own"])
def test_with_no_accounts_the_client_itself_is_started(stage: AccountStage, account: str) -> None:
    plain = start(stage.home, account)
    assert str(stage.home / "bin" / "claude") in plain.argv
    assert plain.environment["CLAUDE_CODE_OAUTH_TOKEN"] == "oat-USERS-OWN"
    assert f"statusline.py {stage.fleet} own" in " ".join(plain.argv), "so that balance knows of it"
    assert "FLEET_ACCOUNT" not in plain.environment


def test_the_status_line_stays_the_users_own_when_they_say_so(stage: AccountStage) -> None:
    stage.fleet.mkdir()
    (stage.fleet / "config.toml").write_text("statusline = false\n")
    assert "statusLine" not in " ".join(start(stage.home, "").argv)


def test_on_an_account_the_launcher_starts_and_gets_the_clients_arguments(stage: AccountStage) -> None:
    stage.two_accounts()
    plain, launched = start(stage.home, "").argv, start(stage.home, "home").argv
    own = launched.index("cl")
    assert launched[own : own + 6] == ("cl", "--account", "home", "--agent", "claude", "--")
    after = launched[own + 6 :]
    assert [word for word in after if not word.startswith("{")] == [
        word for word in plain[plain.index(str(stage.home / "bin" / "claude")) + 1 :] if not word.startswith("{")
    ]
    assert f"statusline.py {stage.fleet} home" in " ".join(after)


def test_no_secret_passes_through_the_window(stage: AccountStage) -> None:
    stage.two_accounts()
    launched = start(stage.home, "home")
    assert not [value for value in (*launched.argv, *launched.environment.values()) if "oat-" in value]
    assert launched.environment["FLEET_HOME"] == str(stage.fleet)


def test_an_entry_of_the_users_own_login_keeps_their_oauth_token_alone(stage: AccountStage) -> None:
    stage.list_accounts('[[account]]\nname = "mine"\n')
    launched = start(stage.home, "mine")
    assert [name for name in CREDENTIALS if name in launched.environment] == ["CLAUDE_CODE_OAUTH_TOKEN"]


def test_codex_gets_its_own_arguments(stage: AccountStage) -> None:
    stage.list_accounts('[[account]]\nname = "gpt"\nagent = "codex"\n')
    argv = start(stage.home, "gpt", "codex").argv
    assert argv[argv.index("--") + 1 :][:3] == ("--no-daemon", "resume", SESSION)


@pytest.mark.parametrize(("account", "kind"), [("nobody", "claude"), ("home", "codex"), ("cloud", "claude")])
def test_an_account_that_cannot_be_used_is_refused_before_anything_starts(
    stage: AccountStage, account: str, kind: str
) -> None:
    stage.two_accounts()
    with (stage.fleet / "accounts.toml").open("a") as file:
        file.write('[[account]]\nname = "cloud"\nprovider = "bedrock"\n')
    with pytest.raises(FleetError):
        start(stage.home, account, kind)


HELP = """  --session-id <uuid>        Use a specific session ID
  --permission-mode <mode>   Permission mode (choices: "acceptEdits", "bypassPermissions", {mode}, "plan")
  --settings <file-or-json>  More settings
{name}"""


@pytest.mark.parametrize(
    ("mode", "name", "wanted"),
    [
        ("default", "", ["--permission-mode", "default"]),
        ("default", "  -n, --name <name>   A name", ["--permission-mode", "default", "-n", "feat/a"]),
        ("manual", "", ["--permission-mode", "manual"]),
    ],
)
def test_a_release_is_given_what_it_takes(tmp_path: Path, mode: str, name: str, wanted: list[str]) -> None:
    path = tmp_path / "claude"
    path.write_text("#!/bin/sh\ncat <<'END'\n" + HELP.format(mode=f'"{mode}"', name=name) + "\nEND\n")
    path.chmod(0o755)
    for asked in ("manual", "default"):
        line = kind_named("claude").launch(Launch(str(path), SESSION, permission_mode=asked, name="feat/a"))
        assert list(line.argv) == [str(path), "--session-id", SESSION, *wanted]
        assert line.env_set["CLAUDE_AX_SCREEN_READER"] == "0", "without box and rows no screen can be read"


def test_a_release_that_does_not_say_what_it_takes_is_given_no_name(tmp_path: Path) -> None:
    path = tmp_path / "claude"
    path.write_text("#!/bin/sh\nexit 1\n")
    path.chmod(0o755)
    line = kind_named("claude").launch(Launch(str(path), SESSION, name="feat/a"))
    assert list(line.argv) == [str(path), "--session-id", SESSION], "an unknown option would end it"


@pytest.mark.parametrize("mode", ["auto", "default"])
def test_denials_are_heard_of_from_releases_that_have_auto_mode_alone(tmp_path: Path, mode: str) -> None:
    path = tmp_path / "claude"
    path.write_text("#!/bin/sh\ncat <<'END'\n" + HELP.format(mode=f'"{mode}"', name="") + "\nEND\n")
    path.chmod(0o755)
    told = kind_named("claude").inline_settings(InlineSettings(tmp_path, hook_command="true", executable=str(path)))
    events = set(json.loads(told)["hooks"])
    assert "PermissionRequest" in events
    assert ("PermissionDenied" in events) is (mode == "auto"), "a name that it does not know makes it refuse all of it"


def test_a_release_that_takes_no_session_id_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "claude"
    path.write_text("#!/bin/sh\nprintf '  --resume [id]\\n  --settings <file>\\n  --print\\n'\n")
    path.chmod(0o755)
    with pytest.raises(UsageProblem, match="takes --session-id, 2"):
        kind_named("claude").launch(Launch(str(path), SESSION))
    assert kind_named("claude").resume(Launch(str(path), SESSION)).argv == (str(path), "--resume", SESSION)
