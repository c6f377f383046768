"""Wake-ups that an agent has scheduled: Claude Code's ScheduleWakeup and Cron tools, which ``/loop`` uses too.

They live in the client's memory: those set before the client started are gone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import tzinfo
from typing import Any

from fleetscripts.core.planning.cron import next_time
from fleetscripts.core.planning.progress import LATE_SECONDS

Alarm = tuple[str, str, str, float, str]
"""The call's id, ``in``, ``once`` or ``every``, the seconds or the expression, when it was set, the tool's answer."""

MOST_ALARMS = 20
LONGEST_ANSWER = 200
LONGEST_DELAY_SECONDS = 86_400.0
SOONEST_SECONDS, LATEST_SECONDS = 60.0, 3600.0
"""The client limits a wake-up's delay to these."""


def after_call(alarms: Sequence[Alarm], call: Mapping[str, Any], at: float) -> tuple[Alarm, ...]:
    """The alarms after one more tool call."""
    name, given = call.get("name"), call.get("input")
    known, members = str(call.get("id") or ""), given if isinstance(given, Mapping) else {}
    if name == "ScheduleWakeup":
        others = tuple(alarm for alarm in alarms if alarm[1] != "in")
        delay = members.get("delaySeconds")
        if isinstance(delay, bool) or not isinstance(delay, int | float) or not 0 < delay <= LONGEST_DELAY_SECONDS:
            return others
        seconds = min(max(float(delay), SOONEST_SECONDS), LATEST_SECONDS)
        return (*others, (known, "in", f"{seconds:.0f}", at, ""))[-MOST_ALARMS:]
    if name == "CronCreate" and isinstance(members.get("cron"), str):
        how = "once" if members.get("recurring") is False else "every"
        return (*alarms, (known, how, members["cron"][:80], at, ""))[-MOST_ALARMS:]
    if name == "CronDelete" and members.get("id"):
        return tuple(alarm for alarm in alarms if str(members["id"]) not in alarm[4])
    return tuple(alarms)


def after_result(alarms: Sequence[Alarm], call_id: str, said: str) -> tuple[Alarm, ...]:
    """The alarms after a tool's answer, which names the one that it made."""
    return tuple((*alarm[:4], said[:LONGEST_ANSWER]) if alarm[0] == call_id else alarm for alarm in alarms)


def next_alarm(alarms: Sequence[Alarm], client_started: float, now: float, zone: tzinfo) -> float:
    """When the first of them goes off, or has just gone off; 0 if there is none."""
    since = now - LATE_SECONDS
    times = [_goes_off(alarm, since, zone) for alarm in alarms if alarm[3] >= client_started]
    return min((at for at in times if at > since), default=0.0)


def _goes_off(alarm: Alarm, now: float, zone: tzinfo) -> float:
    _, how, what, set_at, _ = alarm
    if how == "in":
        return set_at + float(what)
    return next_time(what, set_at if how == "once" else max(set_at, now), zone) or 0.0
