"""Adds, checks and removes hosts."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from dataclasses import replace

from fleetscripts.adapters.records.store import Store
from fleetscripts.adapters.ssh.problems import SshProblem, SshProblemKind
from fleetscripts.adapters.system.steady_clock import boot_id
from fleetscripts.config import Settings
from fleetscripts.core.hosts.names import valid_address, valid_name
from fleetscripts.core.hosts.names_from_here import HostNames, text_from_here
from fleetscripts.core.hosts.wire import Call
from fleetscripts.core.records.sanitize import sanitize
from fleetscripts.core.reports.counts import counted
from fleetscripts.errors import EXIT_DONE, EXIT_NO, FleetError, Refusal, UsageProblem
from fleetscripts.fleet import Fleet
from fleetscripts.invocation import spelled
from fleetscripts.services.hosts.mirrors import HostView, read_link, read_mirror, view_of
from fleetscripts.services.hosts.registry import Host, host_named, hosts, keep
from fleetscripts.services.links.asking import HostUnreachable, Reply, ask, call, settle
from fleetscripts.services.links.bundle_copy import copy_bundle, prepare, remove_old
from fleetscripts.services.links.connection import remote_command, ssh_of
from fleetscripts.services.links.facts import NOTICES
from fleetscripts.services.links.probe import REQUIRED, probe
from fleetscripts.services.links.processes import end_link, keep_links
from fleetscripts.services.links.telling import LEAVE, TAKE, forget_notices, message

CHECK_SECONDS = 120.0
ASK_SECONDS = 15.0
MOST_APART_SECONDS = 10.0
NOT_JOINED = "it has left this central, so it reads GitHub and notifies people by itself"
MEND, MEND_THERE = "; to mend it:", "; to mend it there:"
MOST_ROW = 300
LONG_SILENT_SECONDS = 300.0
"""A rebooting machine may take this long."""


def checked(settings: Settings, name: str, address: str) -> Host:
    """The host as given, not stored yet; a known one keeps what is not given."""
    known = next((host for host in hosts(settings) if host.name == name), Host(name))
    address = address or known.address
    if not valid_name(name):
        raise UsageProblem(f"expected a name of small letters, digits and dashes for the host, found {name[:80]!r}")
    if not valid_address(address):
        raise UsageProblem(f"expected [USER@]HOST as ssh takes it, found {address[:80]!r}")
    return replace(known, address=address)


def add(settings: Settings, host: Host) -> Iterator[str]:
    """Set the host up and store it; returns what was done, line by line. ``host`` may already exist: it is set up anew.
    Raises SshProblem, or FleetError with what is missing there."""
    ssh = ssh_of(settings, host)
    with _help_for(host):
        found = probe(ssh)
    programs = ", ".join(f"{name} {path}" for name, path in sorted(found.programs.items()))
    yield f"{host.name}: {found.system}, {programs}"
    missing = [name for name in REQUIRED if name not in found.programs]
    missing += [] if found.base else ["python3 (3.11 or newer)"]
    if missing:
        raise FleetError(f"{host.name}: install {', '.join(missing)} there: searched {sanitize(found.path)}")
    bundle = copy_bundle(ssh, found.home)
    python = prepare(ssh, bundle, found.path)
    yield f"{host.name}: our program is in {bundle}"
    kept = replace(
        host, python=python, bundle=bundle, path=found.path, programs=found.programs, added_at=time.time(), gone_at=0,
        drained_at=0,
    )  # fmt: skip
    others = [one.name for one in hosts(settings) if one.name != host.name]
    joining = {"join": True, "boot": boot_id(), "host": host.name, "hosts": others}
    joined = ssh.run(remote_command(kept, TAKE), message(settings, joining))
    if joined.returncode:
        said = sanitize(joined.stderr.decode("utf-8", "replace"))
        raise FleetError(f"{host.name}: it could not be registered with this central: {said}")
    done = ssh.run(remote_command(kept, ["setup", "--check"]))
    if done.returncode not in (EXIT_DONE, EXIT_NO):
        ssh.run(remote_command(kept, LEAVE))
        raise FleetError(f"{host.name}: setup --check failed there: {sanitize(done.stderr.decode('utf-8', 'replace'))}")
    yield from _rows(host, done.stdout)
    forget_notices(host.files(settings))
    keep(settings, kept)
    Store(settings.state_file).update(lambda fleet: fleet, create=Fleet())
    remove_old(ssh)
    keep_links(settings, [kept])
    yield f"{host.name}: added"


def connect(settings: Settings, host: Host) -> None:
    """Log in, answering ssh's prompts; the connection then serves every command."""
    ssh_of(settings, host).open(asking=True)


def check(settings: Settings, host: Host) -> tuple[list[str], bool]:
    """The host's report, and results of calls that had none yet; whether nothing is missing. Raises HostUnreachable."""
    reply = call(settings, host, ["setup", "--check"], timeout=CHECK_SECONDS)
    link = read_link(host.files(settings))
    told = link.hello or {}
    apart = told.get("apart_seconds", 0)
    logged_in = f"{counted(link.handshakes, 'log-in')} over ssh" if link.handshakes else "over an open ssh connection"
    said = [f"{host.name}: {host.address}, version {sanitize(str(told.get('version')))}, {logged_in}"]
    if abs(apart) > MOST_APART_SECONDS:
        side = "ahead" if apart > 0 else "behind"
        said.append(f"{host.name}: its clock is {abs(apart):.0f} s {side}; nothing here goes by it")
    said += _rows(host, reply.stdout)
    for call_id, members in host.files(settings).unheard().items():
        ended = ask(settings, host, Call(call_id), ASK_SECONDS)
        settle(host.files(settings), call_id)
        words = members.get("argv") or ["a call"]
        said.append(f"{host.name}: {sanitize(' '.join(words))[:80]}: {_end(ended)}")
    joined = is_joined(settings, host)
    said += [] if joined else [f"{host.name}: {NOT_JOINED}: {spelled('hosts add')} {host.name}"]
    return said, joined and reply.exit_code == EXIT_DONE


def is_joined(settings: Settings, host: Host) -> bool:
    """Whether the host, as last heard, has a central; True while nothing was heard."""
    facts = read_mirror(host.files(settings))[0].facts
    return not facts or NOTICES in facts


def _said(reply: Reply) -> str:
    """The last line that it printed."""
    return sanitize((reply.stderr or reply.stdout).decode("utf-8", "replace").strip().rpartition("\n")[2])[:200]


def _end(reply: Reply) -> str:
    if reply.state == "done":
        last = _said(reply)[:120]
        return f"ended with exit code {reply.exit_code}{f' ({last})' if last else ''}"
    return reply.problem


def remove(settings: Settings, host: Host, force: bool) -> str:
    """Remove the host, which is independent from then on; in words. Refusal while agents are at work there, unless
    forced."""
    at_work = agents_at_work(view_of(settings, host, time.time()))
    if at_work and not force:
        raise Refusal(
            f"{host.name} has {counted(at_work, 'agent')} at work: --force removes the host, and they continue there"
        )
    try:
        reply = call(settings, host, LEAVE, stdin=message(settings, {}), timeout=ASK_SECONDS)
        left = _said(reply) if reply.exit_code else "it answers for itself again"
    except HostUnreachable:
        left = f"it was not reached and waits for its central until you run '{' '.join(LEAVE)}' there"
    end_link(settings, host)
    host.files(settings).remove()
    return f"{host.name}: forgotten; {left}"


def drain(settings: Settings, host: Host, gone: bool) -> str:
    """Start nothing new there. ``gone``: the machine and its agents are lost: refused while it might be alive."""
    keep_links(settings, [host])
    view = view_of(settings, host, time.time())
    try:
        call(settings, host, ["status", "--json"], timeout=ASK_SECONDS)
        reached = True
    except HostUnreachable:
        reached = False
    if reached and gone:
        raise Refusal(f"{host.name} lives and answers: {spelled('hosts drain')} {host.name} without --gone")
    if not reached and not gone:
        raise Refusal(
            f"{host.name} does not answer, and its {counted(agents_at_work(view), 'agent')} may be at work there: reach"
            f" it, or see to it that it is switched off for good, then {spelled('hosts drain')} {host.name} --gone"
        )
    now = time.time()
    if gone:
        _refuse_if_alive(settings, host, view)
        end_link(settings, host)
    keep(settings, replace(host, drained_at=host.drained_at or now, gone_at=now if gone else 0))
    count = agents_at_work(view)
    left = f"{counted(count, 'agent')} {'is' if count == 1 else 'are'} {'lost' if gone else 'still at work there'}"
    return f"{host.name}: {'gone' if gone else 'drained'}; {left}"


def _refuse_if_alive(settings: Settings, host: Host, view: HostView) -> None:
    if 0 <= view.since_seconds < LONG_SILENT_SECONDS:
        expected = f"expected {LONG_SILENT_SECONDS:.0f} s of silence"
        raise Refusal(f"{host.name} was heard {view.since_seconds:.0f} s ago: {expected}")
    ssh = ssh_of(settings, host)
    try:
        ssh.close()
        ssh.open()
    except SshProblem as problem:
        if problem.kind is SshProblemKind.NO_NETWORK:
            raise Refusal(f"this machine reaches nobody ({problem}): nothing follows for {host.name}") from None
        if problem.kind is not SshProblemKind.SILENT:
            raise Refusal(f"something answers at {host.address} ({problem}): {host.name} may live") from None
        return
    raise Refusal(f"{host.name} lives: ssh gets through to {host.address}")


def agents_at_work(view: HostView) -> int:
    """Agents there that still need something done, as far as is known here."""
    return sum(not agent.finished for agent in view.fleet.agents)


def host_or_all(settings: Settings, name: str) -> tuple[Host, ...]:
    """The host of this name, all of them without one."""
    return (host_named(settings, name),) if name else hosts(settings)


@contextlib.contextmanager
def _help_for(host: Host) -> Iterator[None]:
    """ssh's own words, with what a person can do about them."""
    try:
        yield
    except SshProblem as problem:
        if problem.kind is not SshProblemKind.ASKS:
            raise
        line = f"{spelled('hosts connect')} {host.name} {host.address}"
        raise SshProblem(f"{problem}: a person has to log in first: {line}", problem.kind) from problem


def _rows(host: Host, printed: bytes) -> Iterator[str]:
    for row in printed.decode("utf-8", "replace").splitlines()[:40]:
        if not row.startswith("ok: "):
            said = text_from_here(sanitize(row), HostNames(host.name))
            yield f"{host.name}: {said if '--host ' in said else said.replace(MEND, MEND_THERE)}"[:MOST_ROW]
