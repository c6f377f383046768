"""Commands and other machines: a call that names an agent there runs there, and reports include every host."""

from __future__ import annotations

import contextlib
import json
import os
import re
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fleetscripts.commands.options import SETTINGS_FLAGS, WANTED_HOST, Function
from fleetscripts.errors import EXIT_DONE, EXIT_NO, FleetError, Refusal, UsageProblem
from fleetscripts.invocation import spelled
from fleetscripts.own_folder import fleet_home

if TYPE_CHECKING:
    from fleetscripts.config import Settings
    from fleetscripts.services.hosts.mirrors import HostView
    from fleetscripts.services.hosts.registry import Host
    from fleetscripts.services.links.asking import Reply
    from fleetscripts.services.links.everywhere import Answer

NAMING = ("window", "author", "pane", "allow", "mine", "windows")
NAMING_FIRST = ("words",)
"""Parameters whose value or values, or whose first word, name an agent."""

OF_FILES = "screens"
"""With this parameter the same words name files."""

HERE_ALONE = frozenset({"attach", "cl", "demo", "fleet", "host", "hosts", "permission-check"})
"""Commands that are not called on another machine: they need this terminal, or reach others themselves."""

STAYS = frozenset({"attach"})
"""Commands that handle an agent elsewhere themselves."""

JUDGING = frozenset({"verify-complete", "evaluate"})
"""Commands that judge by a pull request: it is read here and sent there first."""

ASKING = frozenset({"open-pr"})
"""Commands with further questions to GitHub: the other machine asks this one meanwhile."""

WITH_VERBS = frozenset({"test-queue"})
LOOP = "run-loop"
BEGINS = "spawn-agent"
ANY = "any"
"""In place of a host's name: the one with the most room."""

LONGEST_CALL_SECONDS = 4 * 3600.0
ASK_SECONDS = 30.0


def here_option(function: Function) -> Function:
    """Add ``--here`` as ``here``: leave the other hosts out."""
    return click.option("--here", is_flag=True, help="Only this machine, not the other hosts.")(function)


def run_elsewhere(name: str, context: click.Context, arguments: Sequence[str]) -> int | None:
    """Run the call on the host that it names, and return its exit code; None if it names none."""
    wanted = context.params.get("host") or context.meta.get(WANTED_HOST) or ""
    if name in STAYS or not (wanted or any("/" in word for word in arguments)):
        return None
    given = {flag: context.params[flag] for flag in SETTINGS_FLAGS if context.params.get(flag) is not None}
    folder = Path(given.get("fleet_home") or fleet_home(os.environ)) / "hosts"
    if not folder.is_dir() and wanted in ("", ANY):
        return None
    from fleetscripts.core.hosts.names import split
    from fleetscripts.services.context import load_settings_here
    from fleetscripts.services.hosts.mirrors import mirrors
    from fleetscripts.services.hosts.registry import host_named

    settings = load_settings_here(os.environ, given)
    views = {view.name: view for view in mirrors(settings, time.time())}
    if wanted and name == LOOP:
        return _loop_on(settings, views, wanted, context, arguments)
    if wanted and name == BEGINS:
        return _begin_on(settings, views, wanted, name, arguments)
    meant = {word: split(word) for word in _targets(name, context, arguments)}
    named = {word: place for word, place in meant.items() if place[0] in views}
    if not (named or wanted):
        _require_known(settings, meant)
        return None
    hosts = {host for host, _ in named.values()} | ({wanted} if wanted else set())
    if len(hosts) > 1 or (len(named) != len(meant) and not wanted):
        raise Refusal("expected agents of one machine in one call")
    host_named(settings, wanted or "".join(hosts))
    targets = {word: place[1] for word, place in named.items()}
    return forward(settings, views["".join(hosts)], name, arguments, {word: word for word in meant} | targets)


def _require_known(settings: Settings, meant: Mapping[str, tuple[str, str]]) -> None:
    """UsageProblem for the name of a host that there is not. A tmux session's name may have a slash too."""
    from fleetscripts.adapters.tmux.tmux import NoServer, Tmux
    from fleetscripts.services.context import load_fleet_here
    from fleetscripts.services.hosts.registry import host_named

    doubted = {word: host for word, (host, _) in meant.items() if host}
    if not doubted:
        return
    fleet = load_fleet_here(os.environ)[1]
    try:
        sessions = set(Tmux(settings.tmux_socket).sessions())
    except NoServer:
        sessions = set()
    for word, host in doubted.items():
        if word.rpartition(":")[0] not in sessions and (fleet is None or fleet.agent_for(word) is None):
            host_named(settings, host)


def _begin_on(
    settings: Settings, views: Mapping[str, HostView], wanted: str, name: str, arguments: Sequence[str]
) -> int | None:
    """Start it on the host of that name; ``any``: where the most worktrees are free, which may be here (None)."""
    from fleetscripts.services.hosts.registry import host_named

    if wanted != ANY:
        host_named(settings, wanted)
        if views[wanted].drained:
            raise Refusal(f"{wanted} is drained: nothing new is started there")
        return forward(settings, views[wanted], name, arguments, {})
    for host in _with_room(settings, views):
        if not host:
            return None
        code = forward(settings, views[host], name, arguments, {})
        if code != EXIT_NO:
            return code
    raise Refusal(f"no machine has a free worktree ({spelled('capacity')} shows why)")


def _loop_on(
    settings: Settings, views: Mapping[str, HostView], wanted: str, context: click.Context, arguments: Sequence[str]
) -> int:
    """Begin the loop of that host in a window there."""
    from fleetscripts.services.hosts.registry import host_named

    if not context.params.get("window"):
        raise UsageProblem("--host: expected --window with it, for a loop that stays there")
    host_named(settings, wanted)
    return forward(settings, views[wanted], LOOP, arguments, {})


def _with_room(settings: Settings, views: Mapping[str, HostView]) -> list[str]:
    """Machines with a free worktree, most first; "" is this one."""
    from fleetscripts.core.planning.capacity import HERE, by_room
    from fleetscripts.services.worktrees.spares import free, survey

    room = {HERE: 0}
    with contextlib.suppress(FleetError):  # this folder may be in no repository
        room[HERE] = len(free(survey(Path.cwd(), settings)))
    answers = others(settings, ["capacity", "--json"])
    for name, said in members_of(answers).items():
        if not views[name].drained and isinstance(said, dict) and isinstance(said.get("free"), list):
            room[name] = len(said["free"])
    return by_room(room)


def _targets(name: str, context: click.Context, arguments: Sequence[str]) -> list[str]:
    if context.params.get(OF_FILES):
        return []
    given = [context.params.get(key) for key in NAMING]
    values = [word for one in given for word in (one if isinstance(one, tuple) else (one,))]
    values += [words[0] for key in NAMING_FIRST if (words := context.params.get(key))]
    if name in WITH_VERBS:
        values += [word for word in arguments[1:] if not word.startswith("-")][:1]
    return [word for word in values if isinstance(word, str) and word]


def forward(settings: Settings, view: HostView, name: str, arguments: Sequence[str], targets: Mapping[str, str]) -> int:
    """Run the call there and print its output, with windows as they are called from here."""
    from fleetscripts.commands.text_source import bytes_of
    from fleetscripts.core.hosts.forwarding import forwarded
    from fleetscripts.services.hosts.registry import host_named
    from fleetscripts.services.links.asking import call

    there = forwarded(arguments, targets)
    text = bytes_of(there.source) if there.source else b""
    host = host_named(settings, view.name)
    if name in JUDGING and targets:
        _tell_pulls(settings, view, targets.values())
    with _answering(settings, host) if name in ASKING else contextlib.nullcontext():
        reply = call(settings, host, [name, *there.arguments], stdin=text, timeout=LONGEST_CALL_SECONDS)
    if reply.state != "done":
        raise Refusal(f"{view.name}: {reply.problem}")
    as_json = "--json" in there.arguments
    sys.stdout.write(told(view, reply.stdout, as_json))
    sys.stdout.flush()
    where = f"{name}: {view.name}: "  # a host's error tells of its files and agents
    sys.stderr.write(re.sub(rf"(?m)^{re.escape(name)}: ", lambda _: where, told(view, reply.stderr)))
    sys.stderr.flush()
    return reply.exit_code


def _tell_pulls(settings: Settings, view: HostView, handles: Iterable[str]) -> None:
    from fleetscripts.services.context import load_fleet_here
    from fleetscripts.services.links.pulls_for_hosts import tell_pull_of

    fleet = load_fleet_here(os.environ)[1]
    for handle in handles:
        tell_pull_of(settings, fleet, view, handle)


def _answering(settings: Settings, host: Host) -> contextlib.AbstractContextManager[None]:
    from fleetscripts.fleet import Fleet
    from fleetscripts.services.context import load_fleet_here
    from fleetscripts.services.links.questions_for_hosts import answering

    return answering(settings, load_fleet_here(os.environ)[1] or Fleet(), host, lambda line: click.echo(line, err=True))


def told(view: HostView, content: bytes, as_json: bool = False) -> str:
    """Output from there in printable form, with its agents' names from here. The host is not trusted: only text reaches
    a terminal."""
    from fleetscripts.core.hosts.printed_from_here import printed_from_here
    from fleetscripts.core.records.sanitize import sanitize_lines

    text = printed_from_here(sanitize_lines(content.decode("utf-8", "replace")), view.names, as_json)
    return text if not text or text.endswith("\n") else f"{text}\n"


def others(settings: Settings, argv: Sequence[str], seconds: float = ASK_SECONDS) -> tuple[Answer, ...]:
    """Every other host's answer to a command of ours; empty if there are none."""
    if not (settings.fleet_home / "hosts").is_dir():
        return ()
    from fleetscripts.services.links.everywhere import ask_all

    return ask_all(settings, argv, time.time(), seconds)


def print_others(answers: Sequence[Answer]) -> None:
    """Each host's output below its name."""
    for answer in answers:
        click.echo(f"{answer.view.name}: {unreachable(answer)}" if answer.reply is None else f"{answer.view.name}:")
        if answer.reply is not None:
            click.echo(told(answer.view, answer.reply.stdout or answer.reply.stderr), nl=False)


def members_of(answers: Sequence[Answer]) -> dict[str, Any]:
    """For JSON, by host: the object that it printed, or since when it has been silent and why."""
    return {answer.view.name: _member(answer) for answer in answers}


def named_from_here(answers: Sequence[Answer], said: Mapping[str, Any]) -> dict[str, Any]:
    """What each host printed, with its agents under the names by which they are called from here."""
    from fleetscripts.core.hosts.printed_from_here import members_from_here

    views = {answer.view.name: answer.view for answer in answers}
    return {name: members_from_here(members, views[name].names) for name, members in said.items()}


def rows_of(hosts: Mapping[str, Any]) -> list[Any]:
    """For JSON, every host's rows with its name; a silent host is one row."""
    rows = [(name, row) for name, said in hosts.items() for row in (said if isinstance(said, list) else [said])]
    return [{"host": name, **row} for name, row in rows if isinstance(row, dict)]


def _member(answer: Answer) -> Any:
    problem = answer.problem
    if answer.reply is not None and answer.reply.exit_code == EXIT_DONE:
        try:
            return json.loads(answer.reply.stdout)
        except (ValueError, RecursionError):
            problem = "its answer is no JSON"
    elif answer.reply is not None:
        problem = _said(answer.reply)
    return {"unreachable_seconds": answer.view.since_seconds, "problem": problem}


def _said(reply: Reply) -> str:
    return reply.problem or reply.stderr.decode("utf-8", "replace").strip()[:500]


def unreachable(answer: Answer) -> str:
    """``unreachable 4m (timed out): nothing is known of its 3 agents now``."""
    from fleetscripts.core.records.sanitize import sanitize
    from fleetscripts.core.reports.counts import counted
    from fleetscripts.core.reports.status_text import age

    count = len(answer.view.fleet.agents)
    whose = f"nothing is known of its {counted(count, 'agent')} now" if count else "nothing is known of it now"
    since = age(answer.view.since_seconds) if answer.view.since_seconds >= 0 else "since it was added"
    return sanitize(f"unreachable {since} ({answer.problem or 'no answer'}): {whose}")
