"""The test queue as JSON, and back; every error names the field."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fleetscripts import schema
from fleetscripts.core.pr_testing.queue import Entry, Lease, PrTestOutcome, Queue

_ENTRY_ALWAYS = frozenset({"host", "owner", "name", "number", "window", "added_at", "pending"})
_LEASE_ALWAYS = frozenset({"pull", "run_id", "who", "since"})
_OUTCOME_ALWAYS = frozenset({"pull", "worktree_path", "spawned_at", "head", "at", "results", "told"})


def parsed(members: Mapping[str, Any]) -> Queue:
    """The queue in a file's members; raises WrongShape that names the field."""
    try:
        first = members.get("lease")
        leases = [*([] if first is None else [first]), *members.get("more_leases", [])]
        return Queue(
            tuple(schema.read(Entry, f"entries[{n}]", one) for n, one in enumerate(members.get("entries", []))),
            tuple(schema.read(Lease, f"leases[{n}]" if n else "lease", one) for n, one in enumerate(leases)),
            tuple(
                schema.read(PrTestOutcome, f"outcomes[{n}]", one) for n, one in enumerate(members.get("outcomes", []))
            ),
        )
    except TypeError as error:
        raise schema.WrongShape(f"the test queue's file: {error}") from error


def written(queue: Queue) -> dict[str, Any]:
    """The file's members. ``more_leases``: those of tests beside the first."""
    leases = [schema.write(lease, _LEASE_ALWAYS) for lease in queue.leases]
    return {
        "entries": [schema.write(entry, _ENTRY_ALWAYS) for entry in queue.entries],
        "lease": leases[0] if leases else None,
        "more_leases": leases[1:],
        "outcomes": [schema.write(outcome, _OUTCOME_ALWAYS) for outcome in queue.outcomes],
    }
