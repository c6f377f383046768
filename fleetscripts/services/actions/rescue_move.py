"""Moves one agent: ends its client, starts it again in the same window and worktree, and prompts it to continue.

Each step looks at the pane first and does only what is left, so that the same call continues a move interrupted at any
point. The caller holds the conversation's lock."""

from __future__ import annotations

import time
import uuid
from dataclasses import field, replace
from pathlib import Path

from fleetscripts.adapters.records.ledger import AccountLedger
from fleetscripts.agents.kinds import kind_named
from fleetscripts.core.planning.observation import Observation
from fleetscripts.core.planning.progress import JUDGED
from fleetscripts.core.planning.rescue import has_reset, limit_of
from fleetscripts.dataclass import dataclass
from fleetscripts.errors import FleetError, Refusal
from fleetscripts.fleet import Agent
from fleetscripts.models import AgentState, Classification, Client, DialogKind, ErrorKind, PaneFacts, PaneState, Source
from fleetscripts.services.accounts.account_choice import account_of, note_wall
from fleetscripts.services.actions.case import Case
from fleetscripts.services.actions.resume import children_of, refuse_other_branch, session_for, stands
from fleetscripts.services.briefing.briefing import go_on
from fleetscripts.services.clients.client_start import client_start
from fleetscripts.services.clients.closing import free_conversation
from fleetscripts.services.clients.handover import handover_text
from fleetscripts.services.clients.launch import open_window, restart_in
from fleetscripts.services.clients.readiness import at_prompt
from fleetscripts.services.observe.servers import refuse_unseen
from fleetscripts.services.typing import input_box as drafts
from fleetscripts.services.typing.deliver import deliver
from fleetscripts.services.typing.end_client import end_client
from fleetscripts.services.typing.pane_io import PAUSE_SECONDS, PaneIO
from fleetscripts.usage import LOGIN, model_of

ENDING, STARTING, HANDING_OVER = "ending", "starting", "handing over"
"""The step in progress by ``rescue_stage``: in the last two the client may or may not have been started."""

LIMIT = "a usage limit"

ANSWER_SECONDS = 60.0
"""For the first answer on another account; refusals come at once."""

WHOLE_TURN_SECONDS = 10.0
"""For clients that record only a turn's beginning and end: a turn this long is being answered."""

UNANSWERED = frozenset({"user", "none", "task_started"})
"""The last record of a transcript that has no answer yet."""

DEAD_ENDS = frozenset({PaneState.RATE_LIMITED, PaneState.API_ERROR})


@dataclass(frozen=True, slots=True)
class Target:
    """The destination. ``account`` empty: the user's own. ``fresh``: a new conversation with the old one's known
    facts."""

    account: str
    kind: str
    fresh: bool = False
    from_rest: bool = False
    """It is at its prompt, and only its account is to change."""


@dataclass
class Move:
    """The move of one agent. ``touched``: something was done that remains after a failure."""

    case: Case
    pane_io: PaneIO
    target: Target
    touched: bool = field(default=False, init=False)
    answered: bool = field(default=False, init=False)
    origin: str = field(default="", init=False)
    draft: str = field(default="", init=False)
    _stopped: str = field(default=LIMIT, init=False)

    @property
    def left_a_limit(self) -> bool:
        """Whether its client waited for a limit to reset, and there is now a shell, or a client whose login is
        refused."""
        if not self.touched or self._stopped != LIMIT:
            return False
        observation = self.pane_io.look_at(self.case.current())
        return observation is not None and _is_no_use(observation.classification)

    def run(self) -> str:
        """Do what is left to do; returns what was done, in words."""
        agent = self.case.current()
        self.origin = agent.account if agent.rescue.stage in ("", ENDING) else agent.rescue.origin
        before = agent.account or "the own account"
        observation = self.pane_io.look_at(agent)
        started = observation is not None and self._has_started(agent, observation)
        if not started:
            facts = self._shell(agent, observation)
            self._start(self.case.current(), facts)
        proof = self._tell()
        after = self.case.current()
        how = f"handed over to {after.agent}" if after.rescue.handover_from != agent.rescue.handover_from else "resumed"
        where = f" on {after.account}" if after.account else ""
        return f"{before} → {after.account or 'the own account'}: {how} in {after.window}{where}; {proof}"

    def give_up(self) -> None:
        """After a failure: end a client that asks for a login, or that never received a message."""
        agent = self.case.current()
        observation = self.pane_io.look_at(agent)
        handing = agent.rescue.stage == HANDING_OVER
        said = observation.classification if observation is not None else None
        if said is not None and (said.state is PaneState.RUNNING or not (handing or said.dialog is DialogKind.LOGIN)):
            return
        if agent.rescue.stage in (STARTING, HANDING_OVER) and said is not None and said.state is not PaneState.IDLE:
            end_client(self.pane_io, agent.pane_id, by_force=True, why="it could not be put to work on this account")
        if handing:
            kind, _, session_id = agent.rescue.handover_from.partition(":")
            earlier = tuple(known for known in agent.session_ids if known != session_id)
            self.case.change(
                rescue={"stage": ENDING, "handover_from": ""}, agent=kind, session_id=session_id, session_ids=earlier
            )

    def _has_started(self, agent: Agent, observation: Observation) -> bool:
        """Whether the client started by an earlier call is running, and only has to be prompted."""
        return agent.rescue.stage in (STARTING, HANDING_OVER) and observation.classification.state in (
            PaneState.STARTING, PaneState.PROMPT, PaneState.COMPLETE, PaneState.WAITING_APPROVAL,
        )  # fmt: skip

    def _shell(self, agent: Agent, observation: Observation | None) -> PaneFacts | None:
        """The pane with a shell in the client's place, None if it has to be a new window."""
        if observation is None:
            refuse_unseen(agent, self.pane_io.tmux)
            return None
        said = observation.classification
        if said.state is PaneState.IDLE:
            return observation.frame.facts
        if said.background:
            raise Refusal(f"{agent.called}: a task of its own still runs behind it: it is moved when that has ended")
        if said.state not in DEAD_ENDS and not (self.target.from_rest and said.state is PaneState.PROMPT):
            raise Refusal(f"{agent.called}: expected it at a usage limit, it is {said.state} ({said.reason})")
        if has_reset(said, time.time()):
            raise Refusal(f"{agent.called}: its limit has been reset since")
        if said.error is ErrorKind.AUTH:
            self._stopped = "a login that was not accepted"
        elif said.state is PaneState.PROMPT:
            self._stopped = "an account that bills by use"
        if not agent.rescue.stage:
            self.case.change(rescue={"stage": ENDING})
        if said.state is PaneState.RATE_LIMITED and (limited := model_of(limit_of(said))):
            known = dict.fromkeys((*agent.attempts.limited_models, limited))
            self.case.change(attempts={"limited_models": tuple(known)})
        ended = end_client(
            self.pane_io, agent.pane_id, states=frozenset({said.state}), keep_draft=True, why=self.case.action.reason
        )
        self.touched, self.draft = True, ended.draft
        return ended.facts

    def _start(self, agent: Agent, facts: PaneFacts | None) -> None:
        """Start the client on its new account; do nothing if the conversation turns out to be open somewhere."""
        case, now = self.case, time.time()
        free_conversation(case.settings, agent, self.pane_io.tmux.panes())
        if self.target.fresh and (agent.rescue.stage != HANDING_OVER or agent.agent != self.target.kind):
            agent = self._begin_anew(agent)
        fresh = agent.rescue.stage == HANDING_OVER
        kind, folder, account = kind_named(agent.agent), Path(agent.worktree_path), self.target.account
        refuse_other_branch(agent, folder)
        start = client_start(
            case.settings, case.environ, kind, folder, agent.session_id, resume=not fresh, name=agent.branch,
            account=account, reads_only=bool(agent.task.reviews),
        )  # fmt: skip
        self.touched = True
        stage = HANDING_OVER if fresh else STARTING
        case.change(rescue={"stage": stage, "origin": self.origin}, account=account, attempts={"restarted_at": now})
        case.change(seen={"spends_until": 0})
        if facts is None:
            session = session_for(case, self.pane_io.tmux)
            placed = open_window(self.pane_io.tmux, session, agent.worktree, start)
        else:
            placed = restart_in(self.pane_io.tmux, facts, start, children_of(facts))
        where = {"window": placed.window, "pane_id": placed.pane_id, "window_id": placed.window_id}
        case.change(**where, tmux_server=self.pane_io.server)

    def _begin_anew(self, agent: Agent) -> Agent:
        """The record as that of a new conversation, before there is one; it names the conversation it takes over."""
        session_id = str(uuid.uuid4()) if kind_named(self.target.kind).takes_session_id else ""
        known = agent.rescue.stage == HANDING_OVER  # nobody worked in the conversation that was begun in vain
        earlier = tuple(dict.fromkeys((*agent.session_ids, *([agent.session_id] if agent.session_id else []))))
        self.case.change(
            rescue={
                "stage": HANDING_OVER,
                "handover_from": agent.rescue.handover_from if known else f"{agent.agent}:{agent.session_id}",
            },
            agent=self.target.kind,
            session_id=session_id,
            session_ids=earlier,
        )
        return self.case.current()

    def _tell(self) -> str:
        """Wait for the prompt, prompt it to continue, and record that it is at work again."""
        case = self.case
        agent = case.current()
        observation = at_prompt(self.pane_io, case.settings, agent.pane_id, Path(agent.worktree_path), stands)
        said = observation.classification
        if said.state in DEAD_ENDS:
            raise FleetError(f"{agent.called}: it is at a dead end there too: {said.reason}")
        proof = "it had said that it has finished"
        if said.state is PaneState.PROMPT:
            why = f"its client was ended at {self._stopped} and started again"
            proof = (
                f"prompted to go on (proof: {deliver(self.pane_io, agent.pane_id, self._text(agent), why=why).proof})"
            )
            self.answered = self._first_answer()
            proof = proof if self.answered else f"{proof}; no answer came within {ANSWER_SECONDS:.0f} s"
        else:
            self.answered = True
        now = time.time()
        failed = agent.attempts.failed_accounts if self._stopped != LIMIT or not self.answered else ()
        tries = 0 if self.answered else agent.attempts.rescues
        done = {"rescues": tries, "rescued_at": now, "nudged_at": now, "failed_accounts": failed}
        case.change(rescue={"stage": "", "problem": ""}, attempts=done)
        if agent.state not in JUDGED and said.state is PaneState.PROMPT:
            case.change(
                state=AgentState.RUNNING, escalation={"reason": ""}, seen={"resets_at": 0}, rescue={"parked_until": 0}
            )
        if self.draft:
            drafts.put_back(self.pane_io, kind_named(observation.kind), agent.pane_id, self.draft)
        return proof

    def _first_answer(self) -> bool:
        """Whether an answer came on the new account; FleetError if it is refused there too."""
        case, began = self.case, time.monotonic()
        while (waited := time.monotonic() - began) < ANSWER_SECONDS:
            agent = case.current()
            observation = self.pane_io.look(agent.pane_id)
            if observation is None or observation.classification.state is PaneState.IDLE:
                raise FleetError(f"{agent.called}: its client ended before the first answer came")
            said = observation.classification
            if said.state in DEAD_ENDS:
                note_wall(case.settings, agent, said, time.time())
                raise FleetError(f"{agent.called}: it is at a dead end there too: {said.reason}")
            if _answers(said, waited):
                AccountLedger(case.settings.fleet_home).lift(account_of(case.settings, agent), LOGIN)
                return True
            time.sleep(PAUSE_SECONDS * 5)
        return False

    def _text(self, agent: Agent) -> str:
        if agent.rescue.stage != HANDING_OVER:
            return go_on(agent, self._stopped)
        kind_name, _, session_id = agent.rescue.handover_from.partition(":")
        settings, folder = self.case.settings, agent.worktree_path
        ended = Client(pid=0, started_at=0.0, cwd=folder)
        transcript = (
            kind_named(kind_name).look(ended, settings.places_of(kind_name), time.time(), session_id).transcript
        )
        return handover_text(settings, replace(agent, agent=kind_name, session_id=session_id), transcript)


def _is_no_use(said: Classification) -> bool:
    return said.state is PaneState.IDLE or (said.state is PaneState.API_ERROR and said.error is ErrorKind.AUTH)


def _answers(said: Classification, waited_seconds: float) -> bool:
    """Whether the turn has had an answer by now."""
    phase = next((piece.rule for piece in said.evidence if piece.source is Source.TRANSCRIPT), None)
    if said.state is PaneState.RUNNING and phase == "task_started":
        return waited_seconds >= WHOLE_TURN_SECONDS
    return phase not in UNANSWERED if phase is not None else said.state is not PaneState.RUNNING
