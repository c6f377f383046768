"""Hands a conversation over to another client: the facts that the new agent needs, from the transcript."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterable
from pathlib import Path

from fleetscripts.adapters.git.git import Git
from fleetscripts.adapters.records.files import private_folder, replace_file
from fleetscripts.adapters.sessions.json_lines import parse_line
from fleetscripts.adapters.sessions.transcripts import Cursor, read_new
from fleetscripts.agents.kinds import AgentKind, Launch, Words, kind_named
from fleetscripts.agents.session_view import ConversationMessage
from fleetscripts.config import Settings
from fleetscripts.core.gates.completion import checkpoints
from fleetscripts.core.records.redact import redact
from fleetscripts.core.records.sanitize import sanitize_lines
from fleetscripts.dataclass import dataclass
from fleetscripts.errors import FleetError
from fleetscripts.fleet import Agent
from fleetscripts.services.briefing.briefing import Brief, Record, takeover
from fleetscripts.services.clients.client_words import transcript_of
from fleetscripts.services.clients.launch_record import recorded

MOST_MESSAGES = 24
LONGEST_MESSAGE = 3000
LONGEST_OBJECTIVE = 8000
MOST_GIT_LINES = 60
KEPT_SECONDS = 8 * 86_400.0
"""How long hand-over texts are kept: as long as a weekly limit lasts."""

DEFAULT_OBJECTIVE = "Go on with the work that the messages below are about."


@dataclass(frozen=True, slots=True)
class HandOver:
    """What the other client is started with, and what a person is shown."""

    words: tuple[str, ...]
    note: str


def handover_text(settings: Settings, agent: Agent, transcript: Path | None) -> str:
    """The briefing of the agent that takes over: objective, steps, checkpoints, git state, the last messages.

    Secrets are masked; messages are quoted line by line. ``transcript`` None: from the record and git alone."""
    said = _messages(kind_named(agent.agent), transcript) if transcript is not None else []
    named = [step for one in said if one.by_agent for step in checkpoints(one.text)]
    reached = tuple(dict.fromkeys((*agent.checkpoints, *named)))
    folder = Path(agent.worktree_path or ".")
    first = next((one.text for one in said if not one.by_agent), "")
    task = Brief(
        objective=agent.objective or redact(sanitize_lines(first))[:LONGEST_OBJECTIVE] or DEFAULT_OBJECTIVE,
        folder=str(folder),
        branch=agent.branch,
        steps=agent.steps,
        pr_number=agent.pr_number,
        image_path=agent.task.image,
        verify_command=agent.task.verify_command or settings.verify_command,
    )
    record = Record(agent.agent, reached, _git_state(folder), _quoted(said[-MOST_MESSAGES:]))
    return takeover(task, record, protocol=bool(agent.window))


def hand_over(
    settings: Settings, before: AgentKind, words: Words, folder: Path, agent: str, program: str, *, write: bool
) -> HandOver:
    """How ``cl`` starts another client (``agent``) on the conversation that its own (``before``) was to resume.

    The text goes into a private file, since argument lists are visible to everybody. ``write``: False for a dry run."""
    kind = kind_named(agent)
    prompt = words.prompt
    note = f"starts {agent} instead, which cannot read the conversation"
    if words.resumes:
        place = settings.fleet_home / "handovers" / f"{words.session_id or 'newest'}-{int(time.time())}.md"
        transcript = transcript_of(before, words, settings, folder)
        if transcript is None:
            raise FleetError(
                f"no transcript of conversation {words.session_id or 'of this folder'}: nothing to hand over"
            )
        if write:
            _keep(place, handover_text(settings, _subject(settings, before, words, folder), transcript))
        prompt = f"Read the hand-over in {place} and go on with the work it describes.{' ' if prompt else ''}{prompt}"
        note = f"this is a hand-over to {agent}: its briefing is in {place}"
    if words.others:
        note += f"; not passed on: {' '.join(words.others)}"
    session_id = str(uuid.uuid4()) if kind.takes_session_id else ""
    extra = (prompt,) if prompt else ()
    launch = Launch(program, session_id, words.permission_mode, extra=extra)
    return HandOver(kind.launch(launch).argv[1:], note)


def _subject(settings: Settings, kind: AgentKind, words: Words, folder: Path) -> Agent:
    """The fleet's record of this conversation; without one, what is known without a fleet."""
    return recorded(settings, words.session_id) or Agent(window="", agent=kind.name, worktree_path=str(folder))


def _messages(kind: AgentKind, transcript: Path) -> list[ConversationMessage]:
    """The messages of user and agent in the last megabytes."""
    reading = read_new(transcript, Cursor())
    records = (parse_line(line) for line in (reading.lines if reading is not None else ()))
    return [said for record in records if record is not None and (said := kind.said(record)) is not None]


def _quoted(said: Iterable[ConversationMessage]) -> str:
    """Each message with its speaker, every line of it marked."""
    parts = []
    for one in said:
        text = redact(sanitize_lines(one.text)).strip()
        if len(text) > LONGEST_MESSAGE:
            text = f"{text[: LONGEST_MESSAGE // 3]}\n[…]\n{text[-2 * LONGEST_MESSAGE // 3 :]}"
        lines = "\n".join(f"> {line}".rstrip() for line in text.splitlines())
        parts.append(f"{'The other agent' if one.by_agent else 'To the other agent'}:\n{lines}")
    return "\n\n".join(parts) or "(none are known)"


def _git_state(folder: Path) -> str:
    """Branch, uncommitted files, last commits; or why git cannot say."""
    try:
        git = Git.in_worktree(str(folder))
        status = git.text("status", "--short", "--branch", "--untracked-files=normal", "--ignore-submodules=dirty")
        commits = git.maybe("log", "--oneline", "--no-decorate", "-8") or ""
        changed = (
            git.maybe("diff", "--ignore-submodules=dirty", "--stat", "--no-ext-diff", "--no-textconv", "HEAD") or ""
        )
    except FleetError as error:
        return str(error)
    lines = [
        *status.splitlines()[:MOST_GIT_LINES],
        "",
        *commits.splitlines(),
        "",
        *changed.splitlines()[-MOST_GIT_LINES:],
    ]
    return redact(sanitize_lines("\n".join(lines))).replace("```", "'''").strip()


def _keep(place: Path, text: str) -> None:
    try:
        private_folder(place.parent)
        for old in place.parent.glob("*.md"):
            if old.stat().st_mtime < time.time() - KEPT_SECONDS:
                old.unlink(missing_ok=True)
        replace_file(place, text.encode())
    except OSError as error:
        raise FleetError(f"cannot write {place}: {error.strerror}") from error
