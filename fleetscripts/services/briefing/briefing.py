"""Texts sent to agents: the first briefing and later prompts, built from ``skill/briefing``."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path

from fleetscripts.core.records.sanitize import fenced
from fleetscripts.dataclass import dataclass
from fleetscripts.errors import FleetError, UsageProblem
from fleetscripts.fleet import Agent
from fleetscripts.pattern import pattern
from fleetscripts.pull_request import Comment

PACKAGE = Path(__file__).resolve().parents[2]
_PLACES = (PACKAGE.parent / "skill" / "briefing", PACKAGE / "briefing")
"""In a bundle, and in an installed package."""

MANY_THREADS = 20
"""With more than these, replies come so fast that GitHub's secondary limit requires longer pauses."""

MOST_REMARKS = 5
SHOWN_REMARK = 600
"""Characters of one remark."""

_BLANK = pattern(r"\{(\w+)\}")


@dataclass(frozen=True, slots=True)
class Brief:
    """One agent's task and place. ``pr_number`` and ``image_path`` may be empty."""

    objective: str
    folder: str
    branch: str
    steps: tuple[str, ...] = ()
    pr_number: str = ""
    image_path: str = ""
    verify_command: str = ""
    open_threads: int | None = None
    """Unresolved review threads of the pull request, if known."""
    opening: str = "task"
    """The text it begins with: ``task``, or ``follow-on`` for a later task."""


@dataclass(frozen=True, slots=True)
class Rebrief:
    """What was found missing. ``threads``: how many wait for an answer, None if they are not the cause."""

    findings: Sequence[str]
    threads: int | None = None
    github_limits: bool = False
    """GitHub limits requests now, or limited the agent's a moment ago."""
    remarks: Sequence[Comment] = ()
    """Comments by others outside review threads since the last push."""
    logs: Sequence[str] = ()
    """The ends of failed steps' logs on GitHub."""
    told_before: Sequence[str] = ()
    """Checks whose very failure it was sent before."""


def briefing(task: Brief) -> str:
    """The first text. The objective is inserted verbatim: its placeholders are not filled, and it is never at the
    start."""
    if not task.objective.strip():
        raise UsageProblem("expected an objective, found nothing: say what the agent is to do")
    parts = [_filled(task.opening, objective=task.objective.strip(), folder=task.folder, branch=task.branch)]
    if task.image_path:
        parts.append(_filled("image", image=task.image_path))
    if task.steps:
        lines = "\n".join(f"CHECKPOINT:{step}" for step in task.steps)
        parts.append(_filled("steps", steps=", ".join(task.steps), checkpoints=lines))
    if task.pr_number:
        parts.append(_filled("pull-request", pr=task.pr_number))
        parts.append(_threads(task.open_threads))
    if task.verify_command:
        parts.append(_filled("verify", verify_command=task.verify_command))
    parts += [_filled("recovery", status=status_command()), _filled("done")]
    return "\n\n".join(parts)


def review_briefing(folder: str, branch: str, head: str, objective: str, diff: str) -> str:
    """A reviewer's first text. The work to judge is between fences."""
    return _filled(
        "review", folder=folder, branch=branch, head=head[:12], objective=fenced(objective), diff=fenced(diff)
    )


def review_findings(head: str, findings: str) -> str:
    """A reviewer's findings, for the author."""
    return _filled("review-findings", head=head, findings=fenced(findings))


def issue_objective(url: str, issue: str) -> str:
    """The objective for an issue, whose text is between fences."""
    return _filled("issue", url=url, issue=fenced(issue))


def nudge(agent: Agent) -> str:
    """A reminder for an agent that stopped before its work was done."""
    lines = [_open_steps(agent)]
    if agent.pr_number:
        lines.append(f"\nReorient with: gh pr view {agent.pr_number} --json title,body,headRefName\n")
    if agent.task.image:
        lines.append(f"\n{_image(agent)}\n")
    return _filled("nudge", objective=agent.objective, open_steps="".join(lines))


def _image(agent: Agent) -> str:
    return f"Read the image {agent.task.image} again before you go on."


def _open_steps(agent: Agent) -> str:
    still_open = [step for step in agent.steps if step not in agent.checkpoints]
    return f"\nSteps that you have not reported yet: {', '.join(still_open)}.\n" if still_open else ""


def go_on(agent: Agent, stopped: str) -> str:
    """For an agent that was cut off through no fault of its own. ``stopped``: by what, as a usage limit."""
    return _filled("go-on", stopped=stopped, open_steps=_open_steps(agent), status=status_command())


def rebriefing(agent: Agent, found: Rebrief) -> str:
    """What the check found missing, for an agent that reported DONE, with the rules that apply."""
    rules = [_image(agent)] if agent.task.image else []
    if found.threads is not None:
        rules.append(_threads(found.threads))
    if found.remarks:
        rules.append(_remarks(found.remarks))
    if found.logs:
        rules.append(_filled("failed-log", logs=fenced("\n\n".join(found.logs))))
    if found.told_before:
        rules.append(f"You have been sent the log of this failure before: {', '.join(found.told_before)}.")
    if found.github_limits:
        rules.append(github_wait())
    listed = "\n".join(f"- {finding}" for finding in found.findings)
    return _filled("rebrief", objective=agent.objective, findings="\n\n".join([listed, *rules]))


def does_not_merge(branch: str, others: str, base: str, places: Sequence[str]) -> str:
    """A finding for an agent whose branch conflicts with earlier ones of a trial merge."""
    return _filled("conflict", branch=branch, others=others, base=base, places=fenced("\n".join(places)))


def breaks_union(branch: str, base: str, after: str, command: str, how: str, lines: Sequence[str]) -> str:
    """A finding for an agent whose branch makes the check of all finished branches fail."""
    shown = fenced("\n".join(lines) or "it printed nothing")
    after = f" after {after}" if after else ""
    return _filled("breaks-union", branch=branch, base=base, after=after, command=command, how=how, lines=shown)


def _remarks(found: Sequence[Comment]) -> str:
    """The last of them, as data."""
    shown = [f"{one.author}: {one.body.strip()[:SHOWN_REMARK]}" for one in found[-MOST_REMARKS:]]
    return _filled("remarks", count=str(len(found)), remarks=fenced("\n\n".join(shown)))


def github_wait() -> str:
    """What an agent is to do at GitHub's secondary rate limit."""
    return _filled("github-wait")


def _threads(count: int | None) -> str:
    """The rule about review threads, with a pace that suits their number."""
    if count is None:
        pace = f"sleep 3 after each, sleep 5 when there are more than {MANY_THREADS} unresolved threads"
    else:
        pace = f"sleep {5 if count > MANY_THREADS else 3} after each ({count} wait for you now)"
    return _filled("threads", pace=pace)


@dataclass(frozen=True, slots=True)
class Record:
    """The facts of a conversation that another agent takes over. ``messages`` and ``git`` are other people's words."""

    client: str
    reached: Sequence[str]
    git: str
    messages: str


def takeover(task: Brief, record: Record, *, protocol: bool) -> str:
    """The first text of an agent that takes over another's work. ``protocol``: it has to report to the fleet."""
    missing = [step for step in task.steps if step not in record.reached]
    told = briefing(task) if protocol else f"The objective:\n\n{task.objective.strip()}"
    names = {"reached": ", ".join(record.reached) or "none", "missing": ", ".join(missing) or "none"}
    head = _filled("handover", from_client=record.client, folder=task.folder)
    return "\n\n".join((head, told, _filled("handover-record", git=record.git, messages=record.messages, **names)))


def status_command() -> str:
    """The command with which an agent finds its own record."""
    script = PACKAGE.parent / "scripts" / "status"
    return f"{shlex.quote(str(script)) if script.exists() else 'fleet-status'} --me"


def _filled(name: str, **blanks: str) -> str:
    """The text of that name with its placeholders filled in one pass: inserted text is not scanned again."""
    text = _text(name)
    unknown = {blank for blank in _BLANK.findall(text) if blank not in blanks}
    if unknown:
        raise FleetError(f"the briefing text {name}.md has unfilled placeholders: {', '.join(sorted(unknown))}")
    return _BLANK.sub(lambda blank: blanks[blank[1]], text).strip()


def _text(name: str) -> str:
    for place in _PLACES:
        file = place / f"{name}.md"
        if file.is_file():
            return file.read_text(encoding="utf-8")
    raise FleetError(f"the briefing text {name}.md is missing from {_PLACES[0]}: install the bundle again")
