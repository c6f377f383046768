"""``accounts.toml`` under FLEET_HOME: the accounts, in order. Every error names the entry and the field."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fleetscripts.account import NAME, PROVIDERS, Account, SecretRef, Value
from fleetscripts.adapters.records.files import replace_file
from fleetscripts.adapters.records.locks import hold
from fleetscripts.agents import DEFAULT_KIND, KINDS
from fleetscripts.errors import Refusal, UsageProblem
from fleetscripts.pattern import pattern
from fleetscripts.schema import describe

FILE = "accounts.toml"
FIELDS = (
    "name", "provider", "agent", "config_dir", "token", "environment", "reserve_percent", "may_spend",
)  # fmt: skip
LOCK_TIMEOUT_SECONDS = 5.0

_VARIABLE = pattern(r"[A-Za-z_][A-Za-z0-9_]*")
_SECRET_NAME = pattern(r"(?i)(?:token|secret|passw|credential|_key$|^key$|api_?key)")
_HEADER = pattern(r"\s*\[\[\s*account\s*\]\]\s*(?:#.*)?")
_OTHER_HEADER = pattern(r"\s*\[(?!\[?\s*account[\s.\]])")


def accounts_file(fleet_home: Path) -> Path:
    return fleet_home / FILE


def read_accounts(fleet_home: Path) -> tuple[Account, ...]:
    """The listed accounts in their order; none without a file. UsageProblem names what is invalid."""
    file = accounts_file(fleet_home)
    text = _text(file)
    return parse(text, str(file)) if text is not None else ()


def open_to_others(fleet_home: Path) -> str:
    """The problem with the file's mode, in words; empty if nobody else can read it."""
    file = accounts_file(fleet_home)
    try:
        mode = file.stat().st_mode & 0o777
    except OSError:
        return ""
    return f"{file} has mode {mode:04o}, expected 0600: chmod 600 {shlex.quote(str(file))}" if mode & 0o077 else ""


def parse(text: str, where: str = FILE) -> tuple[Account, ...]:
    """The accounts in the text of such a file."""
    import tomllib

    try:
        content = tomllib.loads(text)
    except ValueError as error:
        raise UsageProblem(f"{where} is not TOML: {error}") from error
    if unknown := sorted(set(content) - {"account"}):
        raise UsageProblem(f"{where}: expected [[account]] tables only, found {unknown[0]!r}")
    tables = content.get("account", [])
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        raise UsageProblem(f"{where}: account: expected [[account]] tables, found {describe(tables)}")
    found = tuple(_account(f"{where}: account {n + 1}", table, n) for n, table in enumerate(tables))
    names = [account.name for account in found]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise UsageProblem(f"{where}: name: expected each once, found {twice!r} twice")
    return found


def add_account(fleet_home: Path, account: Account) -> None:
    """Append an entry; the rest of the file is unchanged, comments too."""
    file = accounts_file(fleet_home)
    with hold(fleet_home / "locks" / "accounts.lock", LOCK_TIMEOUT_SECONDS):
        before = _text(file) or ""
        known = parse(before, str(file))
        if any(other.name == account.name for other in known):
            raise Refusal(f"there is an account {account.name!r} already")
        joined = f"{before.rstrip()}\n\n" if before.strip() else ""
        text = f"{joined}{entry(account)}"
        if parse(text, str(file))[:-1] != known:
            raise Refusal(f"{file} cannot be extended as it is written: add the entry by hand")
        replace_file(file, text.encode())


def remove_account(fleet_home: Path, name: str) -> None:
    """Remove an entry; the rest of the file is unchanged."""
    file = accounts_file(fleet_home)
    with hold(fleet_home / "locks" / "accounts.lock", LOCK_TIMEOUT_SECONDS):
        before = _text(file) or ""
        known = parse(before, str(file))
        place = next((n for n, account in enumerate(known) if account.name == name), None)
        if place is None:
            raise Refusal(f"no account {name!r} in {file}")
        text = _without(before, place)
        left = [account.name for account in known if account.name != name]
        if text is None or [account.name for account in parse(text, str(file))] != left:
            raise Refusal(f"{file} is written in a form that is not changed here: take {name!r} out by hand")
        replace_file(file, text.encode())


def entry(account: Account) -> str:
    """The account as a ``[[account]]`` table."""
    lines = ["[[account]]", f"name = {_quoted(account.name)}", f"provider = {_quoted(account.provider)}"]
    lines.append(f"agent = {_quoted(account.agent)}")
    if account.config_dir is not None:
        lines.append(f"config_dir = {_quoted(str(account.config_dir))}")
    if account.token is not None:
        lines.append(f"token = {_written(account.token)}")
    if account.environment:
        pairs = ", ".join(f"{name} = {_written(value)}" for name, value in account.environment.items())
        lines.append(f"environment = {{ {pairs} }}")
    if account.reserve_percent:
        lines.append(f"reserve_percent = {account.reserve_percent:g}")
    if account.may_spend:
        lines.append("may_spend = true")
    return "\n".join(lines) + "\n"


def _text(file: Path) -> str | None:
    try:
        if file.stat().st_mode & 0o022:
            raise UsageProblem(f"{file} can be written by others, who could name commands in it: chmod 600 it")
        return file.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise UsageProblem(f"cannot read {file}: {getattr(error, 'strerror', None) or error}") from error


def _account(where: str, table: Mapping[str, Any], order: int) -> Account:
    if unknown := sorted(set(table) - set(FIELDS)):
        raise UsageProblem(f"{where}: {unknown[0]}: no such field; there are {', '.join(FIELDS)}")
    name = table.get("name")
    if not isinstance(name, str) or not NAME.fullmatch(name):
        found = describe(name) if "name" in table else "nothing"
        raise UsageProblem(f"{where}: name: expected letters, digits and . _ @ - without blanks, found {found}")
    where = f"{where} ({name})"
    config_dir = table.get("config_dir")
    if config_dir is not None and not (isinstance(config_dir, str) and config_dir.startswith(("/", "~/"))):
        raise UsageProblem(f"{where}: config_dir: expected an absolute path, found {describe(config_dir)}")
    reserve = table.get("reserve_percent", 0)
    if isinstance(reserve, bool) or not isinstance(reserve, int | float) or not 0 <= reserve < 100:
        raise UsageProblem(f"{where}: reserve_percent: expected a number from 0 to 99, found {describe(reserve)}")
    may_spend = table.get("may_spend", False)
    if not isinstance(may_spend, bool):
        raise UsageProblem(f"{where}: may_spend: expected true or false, found {describe(may_spend)}")
    return Account(
        name=name,
        provider=_one_of(f"{where}: provider", table.get("provider", PROVIDERS[0]), PROVIDERS),
        agent=_one_of(f"{where}: agent", table.get("agent", DEFAULT_KIND), tuple(KINDS)),
        config_dir=None if config_dir is None else Path(config_dir).expanduser(),
        token=None if table.get("token") is None else secret_reference(f"{where}: token", table["token"]),
        environment=_environment(f"{where}: environment", table.get("environment", {})),
        order=order,
        reserve_percent=float(reserve),
        may_spend=may_spend,
    )


def _one_of(where: str, value: object, allowed: tuple[str, ...]) -> str:
    if not isinstance(value, str) or value not in allowed:
        raise UsageProblem(f"{where}: expected one of {', '.join(allowed)}, found {describe(value)}")
    return value


def secret_reference(where: str, value: object) -> SecretRef:
    """A table with one key; a plain text is refused without being repeated, since it may be the secret itself."""
    forms = '{ env = "NAME" }, { file = "PATH" } or { command = ["WORD", …] }'
    if not isinstance(value, dict) or len(value) != 1:
        found = "a text" if isinstance(value, str) else describe(value)
        raise UsageProblem(f"{where}: expected where the secret is to be had, {forms}, found {found}")
    ((form, what),) = value.items()
    if form == "env" and isinstance(what, str) and _VARIABLE.fullmatch(what):
        return SecretRef(env=what)
    if form == "file" and isinstance(what, str) and what.startswith(("/", "~/")):
        return SecretRef(file=what)
    if form == "command" and isinstance(what, list) and what and all(isinstance(w, str) and w for w in what):
        return SecretRef(command=tuple(what))
    raise UsageProblem(f"{where}: expected {forms}, found {form} = {type(what).__name__}")


def _environment(where: str, value: object) -> dict[str, Value]:
    if not isinstance(value, dict):
        raise UsageProblem(f"{where}: expected a table of names and values, found {describe(value)}")
    found: dict[str, Value] = {}
    for name, given in value.items():
        if not _VARIABLE.fullmatch(name):
            raise UsageProblem(f"{where}: expected a variable's name, found {name!r}")
        if isinstance(given, str) and not _SECRET_NAME.search(name) and "\0" not in given:
            found[name] = given
        else:
            found[name] = secret_reference(f"{where}.{name}", given)
    return found


def _without(text: str, place: int) -> str | None:
    """The text without its n-th ``[[account]]`` table; None if its tables are not found line by line."""
    lines = text.splitlines(keepends=True)
    starts = [n for n, line in enumerate(lines) if _HEADER.fullmatch(line.rstrip("\n"))]
    if place >= len(starts):
        return None
    later = [n for n, line in enumerate(lines) if n > starts[place] and (n in starts or _OTHER_HEADER.match(line))]
    return "".join([*lines[: starts[place]], *lines[later[0] if later else len(lines) :]])


def _quoted(text: str) -> str:
    """A basic TOML string, which JSON's are except for the delete character."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _written(value: Value) -> str:
    if isinstance(value, str):
        return _quoted(value)
    if value.command:
        return f"{{ command = [{', '.join(_quoted(word) for word in value.command)}] }}"
    return f"{{ env = {_quoted(value.env)} }}" if value.env else f"{{ file = {_quoted(value.file)} }}"
