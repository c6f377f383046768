"""Pushes an agent's branch, opens its pull request, and records the number: each step unless it is done already."""

from __future__ import annotations

from dataclasses import replace

from fleetscripts.adapters.git.changes import changes
from fleetscripts.adapters.git.git import Git
from fleetscripts.adapters.git.push import push_commit, redirections
from fleetscripts.adapters.git.remotes import fetch, remote_head
from fleetscripts.adapters.github.open_pulls import NewPull, Offer, Offers, Place
from fleetscripts.adapters.records.journal import Journal
from fleetscripts.adapters.records.locks import hold
from fleetscripts.adapters.records.store import Store
from fleetscripts.config import Settings
from fleetscripts.core.gates.repository_name import from_address
from fleetscripts.core.permissions.word_kinds import is_protected
from fleetscripts.core.planning.capacity import spare_number
from fleetscripts.core.records.sanitize import sanitize
from fleetscripts.core.reports.pull_text import pull_body, pull_title
from fleetscripts.dataclass import dataclass
from fleetscripts.errors import Refusal
from fleetscripts.fleet import Agent, Fleet
from fleetscripts.invocation import spelled
from fleetscripts.models import Repository
from fleetscripts.services.pulls.named_questions import MakePull, OpenPulls, ask_by_name
from fleetscripts.services.pulls.pull_reading import repository_of
from fleetscripts.services.typing.permission import user_command_rules

WAIT_SECONDS = 120.0
"""For another call that opens the same agent's pull request."""


@dataclass(frozen=True, slots=True)
class PullText:
    """The caller's texts for the pull request; empty: from the objective and GitHub."""

    base: str = ""
    title: str = ""
    draft: bool = False


@dataclass(frozen=True, slots=True)
class OpenedPull:
    """The pull request. ``made``: just now; ``pushed``: its branch was behind the agent's. ``uncommitted``: files."""

    pull: Offer
    made: bool
    pushed: bool
    uncommitted: int


@dataclass(frozen=True, slots=True)
class _Work:
    """What is to be proposed: the branch's commit here, where it is pushed to, and the target repository."""

    git: Git
    branch: str
    commit: str
    remote: Repository
    place: Place
    owner: str
    """The owner of the repository that the branch is pushed to."""


def open_pull(settings: Settings, fleet: Fleet, agent: Agent, wanted: PullText) -> OpenedPull:
    """Push the agent's commits and open its pull request, or find the open one; raises Refusal."""
    work = _work(settings, fleet, agent)
    with hold(settings.fleet_home / "open-pr" / f"{agent.key.replace('/', '_')[-100:]}.lock", WAIT_SECONDS):
        found = ask_by_name(settings, OpenPulls(work.place, work.owner, work.branch), Offers)
        base = wanted.base or (found.open[0].base if found.open else found.default_branch)
        _refuse_other(agent, found.open)
        _require_commits(work, base)
        pushed = _push(work)
        made = not found.open
        pull = found.open[0] if found.open else _make(settings, work, agent, replace(wanted, base=base))
        _note(settings, agent, pull, made=made, pushed=pushed)
    return OpenedPull(pull, made, pushed, len(changes(work.git).paths))


def _work(settings: Settings, fleet: Fleet, agent: Agent) -> _Work:
    remote = agent.repository
    if remote is None or not remote.url:
        raise Refusal(f"no remote was recorded for {agent.called}: push its branch and open the pull request by hand")
    if not agent.branch:
        raise Refusal(f"{agent.called} has no branch on record: {spelled('update-agent')} {agent.handle} branch=NAME")
    rules = user_command_rules(settings.fleet_home)
    protected = {*rules.protected_branches, *settings.protected_branches}
    if is_protected(agent.branch, protected) or spare_number(agent.branch) is not None:
        raise Refusal(f"{sanitize(agent.branch)} is a branch that nothing is pushed to without a person: use another")
    git = Git.in_worktree(agent.worktree_path, remote)
    commit = git.maybe("rev-parse", "--verify", "--quiet", "--end-of-options", f"refs/heads/{agent.branch}^{{commit}}")
    if commit is None:
        raise Refusal(f"there is no branch {sanitize(agent.branch)} in {remote.common_dir}: expected the agent's work")
    meant = repository_of(agent, fleet)
    source = from_address(remote.url)
    if source is not None and source.host != meant.host:
        raise Refusal(f"its branch is pushed to {source.host}, and the pull request would be at {meant.host}")
    for leads in redirections(git, remote.url):
        if from_address(leads) is None or from_address(leads) != source:
            raise Refusal(
                f"git would push to {sanitize(leads)} in place of {sanitize(remote.url)}: take that setting out"
            )
    place = Place(meant.host, meant.owner, meant.name)
    return _Work(git, agent.branch, commit, remote, place, source.owner if source else meant.owner)


def _refuse_other(agent: Agent, found: tuple[Offer, ...]) -> None:
    """The record names a pull request that is not among the open ones."""
    if agent.pr_number and agent.pr_number not in {str(offer.number) for offer in found}:
        raise Refusal(
            f"{agent.called} has #{sanitize(agent.pr_number)} on record, which is not open for its branch: clear it "
            f"first ({spelled('update-agent')} {agent.handle} pr_number=)"
        )


def _require_commits(work: _Work, base: str) -> None:
    """Refuse if the base has all of the branch's commits, or is the branch."""
    same_place = work.remote.url == work.remote.base_url
    if same_place and base == work.branch:
        raise Refusal(f"{sanitize(base)} is the branch that the pull request would be made to: use another")
    url = work.remote.base_url or work.remote.url
    there = remote_head(work.git, url, base)
    if there is None:
        raise Refusal(f"there is no branch {sanitize(base)} at {sanitize(url)}: expected the one to merge into")
    if not work.git.says("cat-file", "-e", f"{there}^{{commit}}"):
        fetch(work.git, work.remote.remote or "origin", base, url)
    if work.git.says("merge-base", "--is-ancestor", work.commit, there):
        raise Refusal(f"{sanitize(work.branch)} has no commit that {sanitize(base)} has not: nothing to offer yet")


def _push(work: _Work) -> bool:
    """Push if needed; returns whether it was."""
    if remote_head(work.git, work.remote.url, work.branch) == work.commit:
        return False
    push_commit(work.git, work.remote.url, work.commit, work.branch)
    return True


def _make(settings: Settings, work: _Work, agent: Agent, wanted: PullText) -> Offer:
    title = sanitize(wanted.title) or pull_title(agent.objective, work.branch)
    pull = NewPull(work.owner, work.branch, wanted.base, title, pull_body(agent.objective), wanted.draft)
    return ask_by_name(settings, MakePull(work.place, pull), Offer)


def _note(settings: Settings, agent: Agent, pull: Offer, *, made: bool, pushed: bool) -> None:
    number = str(pull.number)
    if agent.pr_number != number:
        Store(settings.state_file).update(lambda fleet: fleet.change(agent, pr_number=number))
    if made or pushed:
        why = f"#{number} {'opened' if made else 'was open'}, branch {'pushed' if pushed else 'as pushed before'}"
        told = {"id": agent.id, "branch": agent.branch, "url": pull.url}
        Journal(settings.journal_file).write("pull-request", window=agent.window, why=why, **told)
