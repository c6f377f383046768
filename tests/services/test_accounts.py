"""``accounts``: the list, its file, and whether each account can be worked on."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetscripts.account import Account, SecretRef
from fleetscripts.adapters.records.account_file import entry, parse
from tests.account_stage import AccountStage
from tests.conftest import RunScript


@pytest.fixture
def stage(home: Path, monkeypatch: pytest.MonkeyPatch) -> AccountStage:
    return AccountStage.with_clients(home, monkeypatch)


def test_an_account_is_added_and_removed_and_the_rest_of_the_file_stays(
    stage: AccountStage, run_script: RunScript
) -> None:
    file = stage.list_accounts('# mine\n[[account]]\nname = "a" # first\n\n# theirs\n')
    token = stage.secret("t", "oat-SECRET")
    done = run_script("accounts", "add", "b", "--token-file", token, "--reserve", "10", "--env", "X=1")
    assert done.stdout == f"b is listed in {file}\n"
    assert file.read_text().startswith('# mine\n[[account]]\nname = "a" # first\n\n# theirs\n')
    assert file.stat().st_mode & 0o777 == 0o600
    assert [one["account"] for one in json.loads(run_script("accounts", "--json").stdout)] == ["a", "b"]
    assert run_script("accounts", "remove", "a").returncode == 0
    assert [one["account"] for one in json.loads(run_script("accounts", "list", "--json").stdout)] == ["b"]
    assert "oat-SECRET" not in file.read_text() + done.stdout + done.stderr
    assert run_script("accounts", "remove", "a").returncode == 3
    assert run_script("accounts", "add", "b").returncode == 3


def test_the_first_account_makes_the_file(stage: AccountStage, run_script: RunScript) -> None:
    done = run_script("accounts", "add", "a", "--config-dir", stage.home / "other")
    assert done.returncode == 0, done.stderr
    file = stage.fleet / "accounts.toml"
    assert file.stat().st_mode & 0o777 == 0o600
    assert (stage.home / "other" / "projects").is_symlink(), "its conversations are shared from the start"


def test_without_a_file_there_is_the_users_own(stage: AccountStage, run_script: RunScript) -> None:
    assert [one["account"] for one in json.loads(run_script("accounts", "--json").stdout)] == ["own"]


@pytest.mark.parametrize(
    "words",
    [
        ["add"],
        ["add", "two words"],
        ["add", "a/b"],
        ["add", ""],
        ["add", "-x"],
        ["add", "a", "--reserve", "100"],
        ["add", "a", "--token-env", "A", "--token-file", "/b"],
        ["add", "a", "--token-env", "not a name"],
        ["add", "a", "--env", "NOVALUE"],
        ["add", "a", "--env", "MY_API_KEY=sk-123456"],
        ["add", "a", "--provider", "nobody"],
        ["add", "a", "--token", "sk-123456"],
        ["move", "a"],
    ],
)
def test_what_cannot_be_added_leaves_no_file(stage: AccountStage, run_script: RunScript, words: list[str]) -> None:
    done = run_script("accounts", *words)
    assert done.returncode == 2, done.stdout
    assert done.stderr.count("\n") == 1
    assert "sk-123456" not in done.stderr
    assert not (stage.fleet / "accounts.toml").exists()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[[account]]", "account 1: name: expected"),
        ('[[account]]\nname = "a b"', "account 1: name: expected"),
        ('[[account]]\nname = "a"\n[[account]]\nname = "a"', "name: expected each once"),
        ('[[account]]\nname = "a"\ncolour = "red"', "account 1: colour: no such field"),
        ('[[account]]\nname = "a"\nprovider = "x"', "account 1 (a): provider: expected one of"),
        ('[[account]]\nname = "a"\nagent = "x"', "account 1 (a): agent: expected one of"),
        ('[[account]]\nname = "a"\ntoken = "sk-secret"', "account 1 (a): token: expected where the secret"),
        ('[[account]]\nname = "a"\ntoken = { file = "relative" }', "account 1 (a): token: expected"),
        ('[[account]]\nname = "a"\ntoken = { env = "A", file = "/b" }', "account 1 (a): token: expected"),
        ('[[account]]\nname = "a"\ntoken = { command = "pass show" }', "account 1 (a): token: expected"),
        ('[[account]]\nname = "a"\nconfig_dir = "x"', "account 1 (a): config_dir: expected an absolute path"),
        ('[[account]]\nname = "a"\nreserve_percent = 100', "reserve_percent: expected a number from 0 to 99"),
        ('[[account]]\nname = "a"\nreserve_percent = nan', "reserve_percent: expected a number from 0 to 99"),
        ('[[account]]\nname = "a"\nmay_spend = "yes"', "may_spend: expected true or false"),
        ('[[account]]\nname = "a"\nenvironment = { AWS_SECRET_ACCESS_KEY = "sk-secret" }', "AWS_SECRET_ACCESS_KEY"),
        ('[[account]]\nname = "a"\nenvironment = { "A B" = "1" }', "expected a variable's name"),
        ("accounts = 1", "found 'accounts'"),
        ("account = 1", "account: expected [[account]] tables"),
        ("[[account", "is not TOML"),
    ],
)
def test_an_error_names_the_field_and_never_the_secret(
    stage: AccountStage, run_script: RunScript, text: str, said: str
) -> None:
    stage.list_accounts(text)
    for words in (["accounts"], ["balance"], ["cl", "--dry-run"]):
        done = run_script(*words)
        assert done.returncode == 2
        assert said in done.stderr
        assert "sk-secret" not in done.stderr


def test_a_file_that_others_can_read_is_told_and_one_they_can_write_is_not_used(
    stage: AccountStage, run_script: RunScript
) -> None:
    file = stage.list_accounts('[[account]]\nname = "a"\n')
    file.chmod(0o644)
    done = run_script("accounts")
    assert (done.returncode, "mode 0644" in done.stderr) == (0, True)
    file.chmod(0o660)
    done = run_script("cl")
    assert (done.returncode, "can be written by others" in done.stderr) == (2, True)
    assert not (stage.home / "told").exists()


def test_check_says_what_can_be_used(stage: AccountStage, run_script: RunScript) -> None:
    token = stage.secret("t", "oat-SECRET")
    stage.list_accounts(
        f'[[account]]\nname = "token"\ntoken = {{ file = "{token}" }}\n'
        f'[[account]]\nname = "login"\nconfig_dir = "{stage.home}/other"\n'
        f'[[account]]\nname = "gpt"\nagent = "codex"\n'
    )
    done = run_script("accounts", "check", "--json")
    found = {one["account"]: one for one in json.loads(done.stdout)}
    assert done.returncode == 0
    assert [one["logged_in"] for one in found.values()] == [True, True, True]
    assert found["token"]["version"] == "9.9.9 (test client)"
    assert "oat-SECRET" not in done.stdout + done.stderr


def test_check_says_what_stands_in_the_way(stage: AccountStage, run_script: RunScript) -> None:
    stage.install("claude", "codex", logged_in=False)
    loose = stage.secret("t", "oat-SECRET")
    loose.chmod(0o644)
    (stage.home / "other" / "projects").mkdir(parents=True)
    stage.list_accounts(
        f'[[account]]\nname = "loose"\ntoken = {{ file = "{loose}" }}\n'
        f'[[account]]\nname = "apart"\nconfig_dir = "{stage.home}/other"\n'
        '[[account]]\nname = "gone"\ntoken = { env = "NOT_SET" }\n'
        '[[account]]\nname = "gpt"\nagent = "codex"\n'
    )
    done = run_script("accounts", "check", "--json")
    problems = {one["account"]: " ".join(one["problems"]) for one in json.loads(done.stdout)}
    assert done.returncode == 3
    assert "chmod 600" in problems["loose"]
    assert "ln -s" in problems["apart"]
    assert f"CLAUDE_CONFIG_DIR={stage.home}/other claude auth login" in problems["apart"]
    assert "NOT_SET is not set" in problems["gone"]
    assert "codex login" in problems["gpt"]
    assert run_script("accounts", "check", "nobody").returncode == 3


NAMES = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,20}", fullmatch=True)
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=30)
REFERENCES = st.one_of(
    st.builds(SecretRef, env=st.from_regex(r"[A-Z_][A-Z0-9_]{0,10}", fullmatch=True)),
    st.builds(SecretRef, file=TEXTS.map(lambda text: f"/{text}")),
    st.builds(SecretRef, command=st.lists(TEXTS.filter(bool), min_size=1, max_size=3).map(tuple)),
)
ACCOUNTS = st.builds(
    Account,
    name=NAMES,
    provider=st.sampled_from(["subscription", "api", "bedrock"]),
    agent=st.sampled_from(["claude", "codex"]),
    config_dir=st.one_of(st.none(), st.just(Path("/some/where"))),
    token=st.one_of(st.none(), REFERENCES),
    environment=st.dictionaries(st.sampled_from(["A", "B_C"]), st.one_of(TEXTS, REFERENCES)),
    reserve_percent=st.integers(0, 99).map(float),
    may_spend=st.booleans(),
)


@given(ACCOUNTS)
def test_an_entry_says_the_account_and_nothing_else(account: Account) -> None:
    assert parse(entry(account)) == (account,)
