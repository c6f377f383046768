"""A Claude Code transcript, folded record by record into one small summary: pure, and kept between looks.

Seen in 2.1.329. Only records of type ``user``, ``assistant`` and ``system`` count: others quote the same texts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from datetime import UTC, datetime, tzinfo
from typing import Any

from fleetscripts.agents.claude_alarms import Alarm, after_call, after_result
from fleetscripts.agents.claude_errors import TurnEnd, death_of
from fleetscripts.core.gates.completion import Checkpoint, Message, checkpoints, says_done
from fleetscripts.core.gates.github_limit import may_ask_github, met_limit
from fleetscripts.core.screen.reset_time import reset_instant
from fleetscripts.dataclass import dataclass
from fleetscripts.models import ErrorKind, Evidence, PaneState, Source

Record = Mapping[str, Any]

FOLD_VERSION = 5
LONGEST_TEXT = 4000
LONGEST_MODEL = 80
MOST_CHECKPOINTS = 200
MOST_PENDING = 64

# Text of "user" records that the client writes itself, around commands that start no turn.
_LOCAL = ("<command-name>", "<command-message>", "<local-command-", "<bash-input>", "<bash-stdout>", "<bash-stderr>")
# Forms of "user" records that no turn answers. A resume begins with one that lists what was running before; without
# this mark a <task-notification> begins a turn. Seen in 2.1.329 to 2.1.332.
_UNANSWERED = ("queueTranscriptOnly", "isVisibleInTranscriptOnly")
_INTERRUPTED = "[Request interrupted by user"
_OPEN = frozenset({"user", "tool_use", "tool_result", "streaming", "said"})
_REST = frozenset({"said", "over", "interrupted"})
_ENDED = frozenset({"died", "over", "interrupted"})
_WAITS = {
    "user": "a message is not answered yet",
    "tool_use": "a tool has not returned",
    "tool_result": "a tool has returned",
}
_TURN_ENDS = frozenset({"end_turn", "stop_sequence", "max_tokens", "refusal", "model_context_window_exceeded"})


@dataclass(frozen=True, slots=True)
class Turn:
    """The conversation's state. ``phase``: none user tool_use tool_result streaming said over interrupted died.
    ``said``: it ends with a text of the agent, and older clients do not say whether it was the last."""

    phase: str = "none"
    at: float = 0.0
    begun_at: float = 0.0
    """When the message came that this turn answers."""
    pending: tuple[str, ...] = ()
    key: str = ""
    text: str = ""
    text_at: float = 0.0
    done: bool = False
    state: str = ""
    error: str = ""
    resets_at: float | None = None
    problem: str = ""
    limit: str = ""
    model: str = ""
    checkpoints: tuple[tuple[str, float], ...] = ()
    alarms: tuple[Alarm, ...] = ()
    github_limited_at: float = 0.0
    """When one of its tools last printed that GitHub's secondary rate limit was hit."""
    quoting: tuple[str, ...] = ()
    """The pending calls that only show something."""

    def to_json(self) -> dict[str, Any]:
        """As stored beside the cursor."""
        return {"version": FOLD_VERSION, **asdict(self)}

    @classmethod
    def from_json(cls, kept: Mapping[str, Any]) -> Turn | None:
        """None if stored by another version, or invalid."""
        if kept.get("version") != FOLD_VERSION:
            return None
        fields = {name: value for name, value in kept.items() if name != "version"}
        fields["pending"] = tuple(fields.get("pending", ()))
        fields["quoting"] = tuple(fields.get("quoting", ()))
        fields["alarms"] = tuple(tuple(alarm) for alarm in fields.get("alarms", ()))
        fields["checkpoints"] = tuple((step, at) for step, at in fields.get("checkpoints", ()))
        return cls(**fields)

    def all_checkpoints(self) -> tuple[Checkpoint, ...]:
        """The steps reported as finished in this whole session, in order."""
        return tuple(Checkpoint(step, at) for step, at in self.checkpoints)

    def messages(self) -> tuple[Message, ...]:
        """The agent's last message of the turn, at most the last LONGEST_TEXT characters."""
        return (Message(self.text, self.text_at, self.key),) if self.text else ()


def fold(turn: Turn, record: Record) -> Turn:
    """The summary after one more record. Sidechains and the client's own insertions are ignored."""
    if record.get("isSidechain") or record.get("isMeta") or record.get("isCompactSummary"):
        return turn
    match record.get("type"):
        case "user":
            return _user(turn, record)
        case "assistant":
            return _assistant(turn, record)
        case "system" if record.get("subtype") == "turn_duration" and turn.phase in _OPEN:
            return replace(turn, phase="over", pending=(), at=_time(record))
    return turn


def evidence_of(turn: Turn, client_started: float, session_id: str | None = None, zone: tzinfo = UTC) -> Evidence:
    """Evidence from the transcript. Turns from before the client's start are history, except for a last message.

    ``zone``: of the reset time in an older client's limit text."""
    past = turn.at < client_started
    at = turn.at or None

    def say(state: PaneState | None, reason: str, **more: Any) -> Evidence:
        more |= {"session_id": session_id, "rule": turn.phase, "model": turn.model}
        return Evidence(Source.TRANSCRIPT, state, reason, at=at, **more)

    if turn.phase == "none":
        return say(None, "the transcript holds no turn yet")
    if turn.done and turn.phase in ("said", "over"):
        return say(PaneState.COMPLETE, "the agent's own last message says ORCHESTRATOR:DONE")
    if past:
        return say(PaneState.PROMPT, "no turn in the transcript since the client started")
    if turn.phase == "died":
        error = ErrorKind(turn.error) if turn.error else None
        state, resets_at = PaneState(turn.state), turn.resets_at
        if state is PaneState.RATE_LIMITED and resets_at is None:
            resets_at = reset_instant(turn.problem, turn.at, zone)
        return say(state, turn.problem, error=error, resets_at=resets_at, limit=turn.limit)
    if turn.phase in _REST:
        how = "was interrupted" if turn.phase == "interrupted" else "is over"
        return say(PaneState.PROMPT, f"the transcript says the turn {how}")
    return say(PaneState.RUNNING, f"the transcript: {_WAITS.get(turn.phase, 'an answer is being written')}")


def _user(turn: Turn, record: Record) -> Turn:
    content = _message(record).get("content")
    blocks = content if isinstance(content, list) else []
    results = {block.get("tool_use_id") for block in _typed(blocks, "tool_result")}
    texts = [str(block.get("text")) for block in _typed(blocks, "text")]
    text = content if isinstance(content, str) else "\n".join(texts)
    at = _time(record)
    if _came_late(turn, at):
        return turn
    if results:
        own = [block for block in _typed(blocks, "tool_result") if block.get("tool_use_id") not in turn.quoting]
        if any(met_limit(_printed(block)) for block in own):
            turn = replace(turn, github_limited_at=at)
        for block in _typed(blocks, "tool_result") if turn.alarms else ():
            named = str(block.get("tool_use_id"))
            turn = replace(turn, alarms=after_result(turn.alarms, named, _printed(block)))
        pending, quoting = (
            tuple(call for call in known if call not in results) for known in (turn.pending, turn.quoting)
        )
        turn = replace(turn, phase="tool_use" if pending else "tool_result", pending=pending, quoting=quoting, at=at)
        if not text:
            return turn
    if text.startswith(_INTERRUPTED):
        return replace(turn, phase="interrupted", pending=(), at=at)
    if text.lstrip().startswith(_LOCAL) or any(record.get(mark) for mark in _UNANSWERED):
        return turn
    asked = replace(turn, phase="user", pending=(), at=at, begun_at=at, done=False, key="", text="", text_at=0.0)
    return replace(asked, problem="", limit="")


def _assistant(turn: Turn, record: Record) -> Turn:
    message, at = _message(record), _time(record)
    content = message.get("content")
    blocks = content if isinstance(content, list) else [{"type": "text", "text": content}]
    text = "\n".join(str(block["text"]) for block in _typed(blocks, "text") if block.get("text"))
    late = _came_late(turn, at)
    if record.get("isApiErrorMessage"):
        return _died(turn, death_of(record, text), at) if _ended_by(turn, at) else turn
    if message.get("model") == "<synthetic>":
        return replace(turn, phase="over", pending=(), at=at)
    if text:
        turn = _said(turn, text, str(message.get("id") or record.get("uuid") or ""), at)
    if late:
        return turn
    turn = replace(turn, model=str(message.get("model") or turn.model)[:LONGEST_MODEL])
    uses = list(_typed(blocks, "tool_use"))
    for block in uses:
        turn = replace(turn, alarms=after_call(turn.alarms, block, at))
    if uses:
        calls = tuple(str(block.get("id")) for block in uses)
        shown = [block for block in uses if not may_ask_github(str(block.get("name")), block.get("input"))]
        quoting = (*turn.quoting, *(str(block.get("id")) for block in shown))[-MOST_PENDING:]
        pending = (*turn.pending, *calls)[-MOST_PENDING:]
        return replace(turn, phase="tool_use", pending=pending, quoting=quoting, at=at)
    why = message.get("stop_reason")
    if why in _TURN_ENDS:
        return replace(turn, phase="over", pending=(), at=at)
    phase = "tool_use" if turn.pending else "said" if text and why is None else "streaming"
    return replace(turn, phase=phase, at=at)


def _said(turn: Turn, text: str, key: str, at: float) -> Turn:
    """One more text of the agent; the parts of one message are records with the same id."""
    goes_on = bool(key) and key == turn.key
    whole = f"{turn.text}\n{text}" if goes_on else text
    steps = (*turn.checkpoints, *((step, at) for step in checkpoints(text)))
    return replace(
        turn,
        key=key,
        text=whole[-LONGEST_TEXT:],
        text_at=at,
        done=says_done(text) or (goes_on and turn.done),
        checkpoints=steps[-MOST_CHECKPOINTS:],
    )


def _died(turn: Turn, death: TurnEnd, at: float) -> Turn:
    return replace(
        turn,
        phase="died",
        pending=(),
        at=max(at, turn.at),
        state=death.state.value,
        error=death.error.value if death.error else "",
        resets_at=death.resets_at,
        problem=death.reason,
        limit=death.limit,
    )


def _came_late(turn: Turn, at: float) -> bool:
    """Whether a record is older than the end of its turn: the client writes from several places, a refusal before the
    message that was refused (seen in 2.1.119 and 2.1.187)."""
    return turn.phase in _ENDED and 0 < at < turn.at


def _ended_by(turn: Turn, at: float) -> bool:
    """Whether a refusal of that moment ended the turn: nothing was said or asked since."""
    return at >= turn.at or (turn.phase == "over" and at >= max(turn.begun_at, turn.text_at))


def _printed(result: Mapping[str, Any]) -> str:
    """A tool's output, as far as it is text."""
    content = result.get("content")
    blocks = content if isinstance(content, list) else [{"type": "text", "text": content}]
    return "\n".join(str(block["text"]) for block in _typed(blocks, "text") if block.get("text"))


def _message(record: Record) -> Mapping[str, Any]:
    message = record.get("message")
    return message if isinstance(message, Mapping) else {}


def _typed(blocks: list[Any], kind: str) -> list[Mapping[str, Any]]:
    return [block for block in blocks if isinstance(block, Mapping) and block.get("type") == kind]


def _time(record: Record) -> float:
    stamp = record.get("timestamp")
    try:
        return datetime.fromisoformat(stamp).timestamp() if isinstance(stamp, str) else 0.0
    except ValueError:
        return 0.0
