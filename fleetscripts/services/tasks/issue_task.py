"""Creates a task from a GitHub issue: other people's text in it is marked as data."""

from __future__ import annotations

from pathlib import Path

from fleetscripts.adapters.github.issues import Issue
from fleetscripts.config import Settings
from fleetscripts.core.gates.repository_name import from_address
from fleetscripts.errors import Refusal, UsageProblem
from fleetscripts.fleet import Agent, Fleet
from fleetscripts.pattern import pattern
from fleetscripts.pull_request import PullKey
from fleetscripts.services.briefing.briefing import issue_objective
from fleetscripts.services.pulls.named_questions import ReadIssue, ask_by_name
from fleetscripts.services.pulls.pull_reading import repository_of

LONGEST_BODY = 60_000
"""Characters; GitHub itself allows 65,536."""

_NUMBER = pattern(r"#?([1-9][0-9]{0,9})")
_ADDRESS = pattern(r"(https?://[^\s?#]+?)/(issues|pull)/([1-9][0-9]{0,9})/?(?:[?#]\S*)?")


def issue_key(fleet: Fleet | None, named: str, repo: Path) -> PullKey:
    """The issue meant: by its number in the fleet's repository, else in ``repo``, or by its address."""
    if number := _NUMBER.fullmatch(named.strip()):
        found = repository_of(Agent("", worktree_path=str(repo)), fleet or Fleet())
        return PullKey(found.host, found.owner, found.name, int(number[1]))
    address = _ADDRESS.fullmatch(named.strip())
    repository = from_address(address[1]) if address is not None else None
    if address is None or repository is None:
        wanted = "a number or an address like https://HOST/OWNER/NAME/issues/N"
        raise UsageProblem(f"--issue: expected {wanted}, found {named!a}")
    if address[2] == "pull":
        raise UsageProblem(f"--issue: {named!a} is a pull request: give --pr {address[3]} and a text")
    return PullKey(repository.host, repository.owner, repository.name, int(address[3]))


def issue_text(settings: Settings, key: PullKey, more: str = "") -> str:
    """The task's text, after the caller's own. Refusal for a closed issue."""
    issue = ask_by_name(settings, ReadIssue(key), Issue)
    if not issue.is_open:
        raise Refusal(f"{key} is closed: nothing is left to be done there")
    told = issue_objective(issue.url, _shown(issue))
    return f"{more.strip()}\n\n{told}" if more.strip() else told


def _shown(issue: Issue) -> str:
    labels = f"Labels: {', '.join(issue.labels)}\n" if issue.labels else ""
    cut = "\n[The rest is left out.]" if len(issue.body) > LONGEST_BODY else ""
    return f"Title: {issue.title}\n{labels}\n{issue.body[:LONGEST_BODY]}{cut}"
