"""How Codex is started: what differs between its releases, and what its user's configuration needs."""

from __future__ import annotations

from pathlib import Path

import pytest

from fleetscripts.agents.codex import KIND
from fleetscripts.agents.kinds import Launch, Places

SESSION = "01a1fb99-0414-7831-b6d5-c37eeebee745"


def program(folder: Path, help_text: str) -> str:
    path = folder / "codex"
    path.write_text(f"#!/bin/sh\ncat <<'END'\n{help_text}\nEND\n")
    path.chmod(0o755)
    return str(path)


@pytest.mark.parametrize(
    ("help_text", "without_server"),
    [
        ("      --no-daemon\n          Run without the shared background server", True),
        ("  -x, --no-daemon  Run without it", True),
        ("  -a, --ask-for-approval\n      as with --no-daemon of another program", False),
    ],
)
def test_no_server_is_left_behind_where_the_release_can_do_without(
    tmp_path: Path, help_text: str, without_server: bool
) -> None:
    launch = Launch(program(tmp_path, help_text), session_id=SESSION, permission_mode="bypassPermissions")
    for argv in (KIND.launch(launch).argv, KIND.resume(launch).argv):
        assert ("--no-daemon" in argv) is without_server
    assert SESSION not in KIND.launch(launch).argv
    argv = KIND.resume(launch).argv
    assert argv[argv.index("resume") + 1] == SESSION


def test_a_program_that_does_not_answer_is_started_without_the_option(tmp_path: Path) -> None:
    assert "--no-daemon" not in KIND.launch(Launch(str(tmp_path / "none"))).argv


@pytest.mark.parametrize(
    ("config", "names"),
    [
        ('[model_providers.a]\nenv_key = "A_KEY"\n[model_providers.b]\nname = "b"\n', ("A_KEY",)),
        ("[model_providers.a]\nenv_key = 1\n", ()),
        ("model_providers = 1\n", ()),
        ("not TOML", ()),
        ("", ()),
    ],
)
def test_the_keys_of_the_users_own_providers_are_passed_on(tmp_path: Path, config: str, names: tuple[str, ...]) -> None:
    (tmp_path / "config.toml").write_text(config)
    assert KIND.needs(Places(tmp_path, tmp_path)) == names


def test_without_a_configuration_nothing_more_is_passed_on(tmp_path: Path) -> None:
    assert KIND.needs(Places(tmp_path / "none", tmp_path)) == ()
