"""Hands tasks without a free worktree here over to other machines: each to one machine, once."""

from __future__ import annotations

import json
import secrets
from collections.abc import Sequence
from dataclasses import replace

from fleetscripts.config import Settings
from fleetscripts.core.planning.capacity import by_room
from fleetscripts.core.planning.task_plan import PAUSING, READY
from fleetscripts.core.records.sanitize import sanitize
from fleetscripts.core.records.task_file import TaskFile, parse, write
from fleetscripts.errors import EXIT_DONE, FleetError
from fleetscripts.services.hosts.mirrors import mirrors
from fleetscripts.services.hosts.registry import host_named
from fleetscripts.services.links.asking import HostUnreachable, Reply, call
from fleetscripts.services.tasks.host_tasks import HostTask, drop, host_tasks, note
from fleetscripts.services.tasks.tasks import choosing, folder, note_failure, survey

ADD_SECONDS = 30.0
BEGIN_SECONDS = 180.0


def hand_over(settings: Settings, tasks: Sequence[TaskFile], now: float, most: int | None = None) -> list[str]:
    """Give each task to the machine with the most free worktrees, at most ``most``; returns what was done, a line each.

    Only tasks that name no repository: its path may differ there. Those whose arrival is unconfirmed are asked for
    again first, with the same call."""
    lines = [_give(settings, given, now) for given in host_tasks(settings).values() if not given.arrived]
    room = {
        view.name: count
        for view in mirrors(settings, now)
        if view.reachable and not view.drained and isinstance(count := view.facts.get("free_spares"), int)
    }
    for task in tasks:
        machines = by_room(room)
        if not machines or (most is not None and len(lines) >= most):
            break
        if task.repo or task.every:
            continue
        given = HostTask(task.name, machines[0], secrets.token_hex(16))
        with choosing(settings):
            one = survey(settings, now).named(task.name)
            if one is None or one.state not in (READY, PAUSING):
                continue
            note(settings, given)
        room[machines[0]] -= 1
        lines.append(_give(settings, given, now))
    return lines


def _give(settings: Settings, given: HostTask, now: float) -> str:
    """Give one task, by one call; returns the result in words."""
    text = next((entry.text for entry in folder(settings).read() if entry.name == given.task), "")
    host = host_named(settings, given.host)
    argv = ["tasks", "add", given.task, "--file", "-"]
    try:
        reply = call(settings, host, argv, _for_there(text), ADD_SECONDS, call_id=given.call_id)
        if not (_added(reply) or _has(settings, given)):
            drop(settings, given.task)
            why = reply.problem or reply.stderr.decode("utf-8", "replace").strip()
            note_failure(settings, given.task, f"{given.host}: {why}", now)
            return sanitize(f"{given.task}: {given.host} does not take it: {why}")
        note(settings, replace(given, arrived=True))
        begun = call(settings, host, ["tasks", "dispatch", "--limit", "1"], timeout=BEGIN_SECONDS)
    except HostUnreachable as error:
        return sanitize(f"{given.task}: given to {given.host}, not confirmed yet ({error})")
    said = begun.stdout.decode("utf-8", "replace").strip().splitlines()
    return sanitize(f"{given.task}: given to {given.host}: {said[-1] if said else 'it starts there when it can'}")


def _added(reply: Reply) -> bool:
    return reply.state == "done" and reply.exit_code == EXIT_DONE


def _has(settings: Settings, given: HostTask) -> bool:
    """Whether the machine has a task of that name: the answer to the call may have been lost."""
    reply = call(settings, host_named(settings, given.host), ["tasks", "list", "--json"], timeout=ADD_SECONDS)
    try:
        listed = json.loads(reply.stdout)["tasks"]
        return any(one["name"] == given.task for one in listed)
    except (ValueError, LookupError, TypeError) as error:
        raise FleetError(f"{given.host}: tasks list gave no list") from error


def _for_there(text: str) -> bytes:
    """The task for the other machine, without dependencies that are met here."""
    return write(replace(parse("task", text), after=(), not_before="")).encode()
