"""Sends a token to a host: over ssh's standard input into a file there; in no command line, log or record."""

from __future__ import annotations

from fleetscripts.account import NAME
from fleetscripts.config import Settings
from fleetscripts.core.records.sanitize import sanitize
from fleetscripts.errors import FleetError, Refusal, UsageProblem
from fleetscripts.services.accounts.token_file import require_token
from fleetscripts.services.hosts.registry import Host
from fleetscripts.services.links.connection import remote_command, ssh_of


def give_token(settings: Settings, host: Host, account: str, agent: str, text: str) -> str:
    """List the account there with this token; in words. Refusal for a token that may not be stored on several
    machines."""
    if not NAME.fullmatch(account):
        raise UsageProblem(f"expected an account's name (letters, digits, . _ @ -), found {sanitize(account)[:80]!r}")
    token = require_token(text)
    command = remote_command(host, ["accounts", "add", account, "--agent", agent, "--token-stdin"])
    done = ssh_of(settings, host).run(command, token.encode() + b"\n")
    said = sanitize((done.stderr if done.returncode else done.stdout).decode("utf-8", "replace")).replace(token, "…")
    if done.returncode == Refusal.exit_code:
        raise Refusal(f"{host.name}: {said.strip()[:300]}")
    if done.returncode:
        raise FleetError(f"{host.name}: the account was not given: {said.strip()[:300]}")
    return f"{host.name}: {said.strip()}"
