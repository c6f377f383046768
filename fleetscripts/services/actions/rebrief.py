"""Sends an agent that reported DONE what the verification found missing."""

from __future__ import annotations

import time
from collections.abc import Mapping

from fleetscripts.core.gates.check_gates import failed_checks
from fleetscripts.core.gates.gates import GateResult, GateVerdict
from fleetscripts.core.gates.github_limit import WAIT_SECONDS
from fleetscripts.core.gates.remarks import remarks_since
from fleetscripts.dataclass import dataclass
from fleetscripts.errors import Refusal
from fleetscripts.fleet import Agent
from fleetscripts.models import AgentState
from fleetscripts.services.actions.case import NOT_TOLD, Case
from fleetscripts.services.briefing.briefing import Rebrief, rebriefing
from fleetscripts.services.pulls.failed_logs import FailedJob, FailedLogs
from fleetscripts.services.typing.deliver import deliver
from fleetscripts.services.typing.pane_io import open_pane_io
from fleetscripts.services.verification.verify import Finding

THREAD_GATES = frozenset({"threads", "resolutions"})

_LOGS = FailedLogs()


@dataclass(frozen=True, slots=True)
class _FailedJobs:
    """The failed jobs of a verdict: those not reported yet, the others by name, and each one's new report count."""

    jobs: tuple[FailedJob, ...] = ()
    told_before: tuple[str, ...] = ()
    counted: Mapping[str, int] | None = None

    def logs(self) -> list[str]:
        """The shown end of each log."""
        steps = [str(step) for job in self.jobs for step in job.steps]
        return steps + [f"{job.name}: its log could not be read: {job.problem}" for job in self.jobs if job.problem]


def rebrief(case: Case, finding: Finding, now: float) -> str:
    """Send the agent what is missing, at most once per cooldown, and not while it was asked to wait."""
    agent = case.current()
    if has_another_task(agent, case.agent):
        return "not told: it has been given another task since"
    again = max(
        agent.last_rebriefed_at + case.settings.nudge_cooldown_seconds, agent.notices.github_told_at + WAIT_SECONDS
    )
    if again > now:
        return f"not sent now, again in {again - now:.0f} s"
    red = _red(case, agent, finding)
    try:
        receipt = deliver(
            open_pane_io(case.settings, case.fleet),
            agent.pane_id,
            rebriefing(agent, _found_missing(agent, finding, red, now)),
            why="not complete",
            known_obstacle=case.agent.attempts.obstacle,
        )
    except Refusal as refusal:
        return f"{NOT_TOLD}{refusal}"
    case.change(
        state=AgentState.RUNNING,
        last_rebriefed_at=now,
        revision_count=agent.revision_count + 1,
        attempts=agent.attempts.rebriefed(),
        verdict={"failures_told": red.counted},
    )
    logs = f", with the log of {', '.join(job.name for job in red.jobs)}" if red.jobs else ""
    return f"re-briefed (proof: {receipt.proof}){logs}"


def _found_missing(agent: Agent, finding: Finding, red: _FailedJobs, now: float) -> Rebrief:
    failed = failing(finding.verdict)
    return Rebrief(
        findings=[f"{gate.name}: {gate.evidence}" for gate in failed],
        threads=finding.pull.open_threads if THREAD_GATES & {gate.name for gate in failed} else None,
        remarks=remarks_since(finding.pull.pull) if finding.pull.pull is not None else (),
        github_limits=finding.pull.limited_until > now or now - agent.seen.github_limited_at < 2 * WAIT_SECONDS,
        logs=red.logs(),
        told_before=red.told_before,
    )


def _red(case: Case, agent: Agent, finding: Finding) -> _FailedJobs:
    """Only for an agent that can receive messages now: nobody else needs the logs."""
    pull, known = finding.pull.pull, dict(agent.verdict.failures_told or {})
    if pull is None or not any(gate.name == "checks" and gate.status == "fail" for gate in finding.verdict.gates):
        return _FailedJobs(counted=known or None)
    jobs = _LOGS.of(pull, case.settings, list(known))
    again = {str(check.job): check.name for check in failed_checks(pull) if str(check.job) in known}
    told = {str(job.job): 1 for job in jobs if not job.problem}
    counted = {job: int(known[job]) + 1 for job in again}
    before = tuple(f"{name} (told {known[job]} times)" for job, name in again.items())
    return _FailedJobs(tuple(jobs), before, {**counted, **told} or None)


def hand_back(case: Case) -> str:
    """Send now what was found missing while the agent could not receive it."""
    agent = case.current()
    if not agent.verdict.waiting or has_another_task(agent, case.agent):
        raise Refusal(f"{agent.called}: nothing is waiting to be sent")
    text = rebriefing(agent, Rebrief([agent.verdict.waiting]))
    receipt = deliver(
        open_pane_io(case.settings, case.fleet),
        agent.pane_id,
        text,
        why="evaluation",
        known_obstacle=case.agent.attempts.obstacle,
    )
    case.change(
        state=AgentState.RUNNING,
        last_rebriefed_at=time.time(),
        revision_count=agent.revision_count + 1,
        verdict={"waiting": ""},
    )
    return f"sent what was found missing (proof: {receipt.proof})"


def has_another_task(agent: Agent, judged: Agent) -> bool:
    """Whether the verdict is about a former task."""
    return agent.task.pending is not None or agent.task.started_at != judged.task.started_at


def failing(verdict: GateVerdict) -> tuple[GateResult, ...]:
    """The gates that an agent can do something about; a pull request unknown to GitHub is not among them."""
    return tuple(gate for gate in verdict.holding_back() if _is_the_agents(gate))


def _is_the_agents(gate: GateResult) -> bool:
    return gate.status == "fail" and gate.name != "github" and not gate.by_person
