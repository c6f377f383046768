"""A token reaches a host by a pipe, for that host alone, and lies nowhere else; a refresh token reaches none."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetscripts.adapters.records.account_file import read_accounts
from fleetscripts.practice.ssh_host import SshClient
from fleetscripts.services.accounts.token_file import token_problem
from tests.conftest import RunScript
from tests.hosts.linked import LinkedHost

MakeLinked = Callable[..., LinkedHost]
TOKEN = "sk-ant-oat01-practice-0123456789abcdefghijklmnop"
REFRESH = "sk-ant-ort01-practice-0123456789abcdefghijklmnop"
CREDENTIALS = json.dumps({"claudeAiOauth": {"accessToken": TOKEN, "refreshToken": REFRESH}})
REFUSED = {
    "": "found nothing",
    " \n": "found nothing",
    CREDENTIALS: "credentials file",
    json.dumps({"tokens": {"refresh_token": "rt_0123456789abcdef01"}}, indent=2): "credentials file",
    f"[{TOKEN!r}]": "credentials file",
    f"refresh_token={REFRESH}": "credentials file",
    REFRESH: "refresh token",
    f"  {REFRESH}\n": "refresh token",
    "rt_0123456789abcdefghij": "refresh token",
    "rt.1.0123456789abcdefghij": "refresh token",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl": "within hours",
    f"{TOKEN} {TOKEN}": "one word",
    f"export TOKEN={TOKEN}": "one word",
    "tok\x1b[2Jen": "one word",
    "x" * 10_000: "one word",
}


@pytest.mark.parametrize("text", REFUSED)
def test_what_may_not_lie_on_two_machines_is_refused_without_a_word_of_it(text: str) -> None:
    problem = token_problem(text)
    assert REFUSED[text] in problem
    assert "0123456789" not in problem


@given(st.text(alphabet=st.characters(min_codepoint=33, max_codepoint=126), min_size=8, max_size=200))
def test_any_one_word_with_a_refresh_token_in_a_file_of_credentials_is_refused(word: str) -> None:
    assert token_problem(json.dumps({"refreshToken": word}))
    assert token_problem(f"sk-ant-ort01-{word}")


def _holding(folder: Path, text: str) -> list[Path]:
    files = (path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    return [path for path in files if text.encode() in path.read_bytes()]


def test_a_token_is_given_to_one_host_and_lies_in_one_file_of_its_owner(
    make_linked: MakeLinked, home: Path, run_script: RunScript, ssh_client: SshClient, short_folder: Path
) -> None:
    alpha, beta = make_linked("alpha"), make_linked("beta")
    alpha.put()
    ssh = ssh_client.bin / "ssh"
    words = short_folder / "words"
    ssh.write_text(ssh.read_text().replace("exec ", f'printf "%s\\n" "$@" >> {words}\nenv >> {words}\nexec ', 1))
    given_there = run_script("hosts", "give-account", "alpha", "work", input=f"{TOKEN}\n")
    assert (given_there.returncode, given_there.stdout) == (0, "alpha: work is listed, with its token\n"), given_there
    (account,) = read_accounts(alpha.fleet_home)
    file = alpha.fleet_home / "tokens" / "work"
    assert (account.name, account.token and account.token.file) == ("work", str(file))
    assert (file.read_text(), file.stat().st_mode & 0o777) == (f"{TOKEN}\n", 0o600)
    assert file.parent.stat().st_mode & 0o777 == 0o700
    assert _holding(alpha.there.folder, TOKEN) == [file]
    assert _holding(home, TOKEN) == []
    assert _holding(beta.there.folder, TOKEN) == []
    assert "give-account" not in words.read_text()
    assert "--token-stdin" in words.read_text()
    assert TOKEN not in words.read_text()

    again = run_script("hosts", "give-account", "alpha", "work", input=f"{TOKEN}-2")
    assert again.stdout == "alpha: work has another token now\n"
    assert file.read_text() == f"{TOKEN}-2\n"
    refused = run_script("hosts", "give-account", "alpha", "work", input=CREDENTIALS)
    assert (refused.returncode, "logs both out" in refused.stderr) == (3, True), refused.stderr
    assert REFRESH not in refused.stderr
    assert file.read_text() == f"{TOKEN}-2\n"
    assert _holding(alpha.there.folder, REFRESH) == []
    for wrong in ("-oProxyCommand=x", "a b", "../work"):
        bad = run_script("hosts", "give-account", "alpha", "--", wrong, input=TOKEN)
        assert bad.returncode == 2, bad


def test_an_account_with_its_login_elsewhere_keeps_it(home: Path, run_script: RunScript) -> None:
    assert run_script("accounts", "add", "work", "--token-env", "WORK_TOKEN").returncode == 0
    done = run_script("accounts", "add", "work", "--token-stdin", input=TOKEN)
    assert (done.returncode, "already" in done.stderr) == (3, True)
    other = run_script("accounts", "add", "gpt", "--agent", "codex", "--token-stdin", input=TOKEN)
    assert (other.returncode, "takes no token" in other.stderr) == (3, True)
    both = run_script("accounts", "add", "two", "--token-env", "X", "--token-stdin", input=TOKEN)
    assert both.returncode == 2
    assert _holding(home, TOKEN) == []
