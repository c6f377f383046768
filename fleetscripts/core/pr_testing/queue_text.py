"""The test queue for people."""

from __future__ import annotations

from collections.abc import Collection

from fleetscripts.core.pr_testing.queue import PrTestOutcome, Queue
from fleetscripts.core.pr_testing.results import failing
from fleetscripts.core.records.sanitize import sanitize
from fleetscripts.core.reports.status_text import age
from fleetscripts.core.reports.table import table
from fleetscripts.invocation import spelled

HEADINGS = ("PULL REQUEST", "WINDOW", "PENDING", "QUEUED", "NOW", "NOTE")
SHOWN_OUTCOMES = 5


def lines(queue: Queue, alive: Collection[str], now: float) -> list[str]:
    """Tests in progress, those waiting in order, and results that an agent has not received yet. ``alive``: the runs
    whose processes are alive."""
    under_test = [entry for lease in queue.leases if (entry := queue.entry(lease.pull)) is not None]
    rows = []
    for entry in (*under_test, *queue.waiting()):
        state = "waits"
        if (lease := queue.lease_of(str(entry.key))) is not None:
            tested = f"tested {age(now - lease.since)} by {lease.who}"
            state = tested if lease.run_id in alive else "its tester is gone"
        pending = "-" if entry.pending is None else str(entry.pending)
        rows.append((str(entry.key), entry.window, pending, age(now - entry.added_at), state, entry.ask_again))
    said = table([HEADINGS, *rows]) if rows else ["nothing waits"]
    recent = queue.outcomes[-SHOWN_OUTCOMES:]
    shown = [outcome for outcome in queue.outcomes if outcome in recent or not outcome.told]
    return said + [sanitize(_outcome(outcome, now)) for outcome in shown]


def _outcome(outcome: PrTestOutcome, now: float) -> str:
    found = outcome.scenarios
    blocking = failing(found)
    verdict = (
        f"{len(blocking)} of {len(found)} do not pass: {'; '.join(map(str, blocking))}" if blocking else "all PASS"
    )
    told = "" if outcome.told else f"; its agent is NOT TOLD yet: {spelled('test-queue')} done WINDOW"
    return f"{outcome.pull} was tested {age(now - outcome.at)} ago at {outcome.head[:10] or '?'}: {verdict}{told}"
