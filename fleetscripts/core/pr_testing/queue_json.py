"""The test queue as JSON, and back; every error names the field."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fleetscripts import schema
from fleetscripts.core.pr_testing.queue import Entry, Lease, Queue, TestOutcome

_ENTRY_ALWAYS = frozenset({"host", "owner", "name", "number", "window", "added_at", "pending"})
_LEASE_ALWAYS = frozenset({"pull", "run_id", "who", "since"})
_OUTCOME_ALWAYS = frozenset({"pull", "worktree_path", "spawned_at", "head", "at", "results", "told"})


def parsed(members: Mapping[str, Any]) -> Queue:
    """The queue in a file's members; raises WrongShape that names the field."""
    lease = members.get("lease")
    try:
        return Queue(
            tuple(schema.read(Entry, f"entries[{n}]", one) for n, one in enumerate(members.get("entries", []))),
            None if lease is None else schema.read(Lease, "lease", lease),
            tuple(schema.read(TestOutcome, f"outcomes[{n}]", one) for n, one in enumerate(members.get("outcomes", []))),
        )
    except TypeError as error:
        raise schema.WrongShape(f"the test queue's file: {error}") from error


def written(queue: Queue) -> dict[str, Any]:
    """The members that go into the file."""
    return {
        "entries": [schema.write(entry, _ENTRY_ALWAYS) for entry in queue.entries],
        "lease": None if queue.lease is None else schema.write(queue.lease, _LEASE_ALWAYS),
        "outcomes": [schema.write(outcome, _OUTCOME_ALWAYS) for outcome in queue.outcomes],
    }
