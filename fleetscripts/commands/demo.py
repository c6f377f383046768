"""``demo``: shows a fleet at work, in a temporary folder and on a tmux server of its own."""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from fleetscripts.commands.entry import run
from fleetscripts.commands.options import Whole, yes_option
from fleetscripts.errors import EXIT_FAILED, FleetError, UsageProblem
from fleetscripts.invocation import spelled
from fleetscripts.practice.install import NAME
from fleetscripts.practice.real_client import PACKAGE, REAL, install_client, installed_client
from fleetscripts.practice.stage import SESSION, Stage

if TYPE_CHECKING:
    from fleetscripts.services.demo.demo_hosts import DemoHosts

PACKAGES = Path(__file__).resolve().parent.parent / "packages.sh"
REMOVE_SECONDS = 10.0
"""A script's last child, a git or a shell, may still write for a moment after its parent was ended."""
MOST_HOSTS = 5
SHOWN = ("TMUX_TMPDIR", "FLEET_TMUX_SOCKET", "FLEET_HOME", "ORCHESTRATOR_STATE_FILE")


@click.command("demo")
@click.option(
    "--keep",
    is_flag=True,
    help="Leave agents at work in the end, one with a question, and print how to look and how to end it.",
)
@click.option(
    "--client",
    type=click.Choice([NAME, REAL]),
    default=NAME,
    show_default=True,
    help=f"{REAL}: the real client from npm with a scripted model, without account or network (Linux).",
)
@click.option("--hosts", metavar="N", type=Whole(2, MOST_HOSTS), help="On N machines, sshd on loopback each.")
@yes_option
def command(keep: bool, client: str, hosts: int | None, yes: bool) -> int:
    """Watch three practice agents be spawned, monitored, verified and recycled.

    One of them crashes and is resumed, one asks a question. Takes less than a minute, needs no account, and changes
    nothing outside a temporary folder that is removed afterwards. Exits 1 when something went wrong.
    """
    if hosts is not None and client == REAL:
        raise UsageProblem(f"--hosts: expected the {NAME} client")
    from fleetscripts.services.demo.demo import Demo

    signal.signal(signal.SIGTERM, _interrupt)
    signal.signal(signal.SIGHUP, _interrupt)
    _install_programs(client, yes, hosts)
    if hosts is not None:
        return _on_hosts(hosts, keep)
    program = _real_client() if client == REAL else None
    folder = Path(tempfile.mkdtemp(prefix="fleet-demo-", dir="/tmp")).resolve()
    demo = Demo(Stage(folder, program), _say)
    if keep:
        _say(f"To watch it: {_tmux(demo.stage)} attach -t {SESSION}\n")
    try:
        demo.play()
        if keep:
            demo.linger()
        click.echo("")
        for line in demo.summary():
            click.echo(line)
    except FleetError:
        _explain(folder)
        raise
    finally:
        _keep(demo.stage) if keep else _clean(demo.stage, folder)
    return 0


def _install_programs(client: str, yes: bool, hosts: int | None) -> None:
    """Install missing system packages, if that is allowed; otherwise the script has said so."""
    programs = ["git", "tmux", "ps", *(["node", "npm", "ip", "unshare"] if client == REAL else [])]
    programs += ["ssh", "sshd"] if hosts is not None else []
    done = subprocess.run(["sh", str(PACKAGES), *(["--yes"] if yes else []), *programs], check=False)
    if done.returncode:
        raise click.exceptions.Exit(EXIT_FAILED)


def _on_hosts(count: int, keep: bool) -> int:
    from fleetscripts.services.demo.demo_hosts import DemoHosts

    folder = Path(tempfile.mkdtemp(prefix="fleet-demo-", dir="/tmp")).resolve()
    demo = DemoHosts(folder, count, _say)
    try:
        demo.play()
        if keep:
            demo.linger()
        click.echo("")
        for line in demo.summary():
            click.echo(line)
        if keep:
            _keep_hosts(demo)
    except BaseException:
        keep = False
        raise
    finally:
        if not keep:
            _clean(demo, folder)
    return 0


def _keep_hosts(demo: DemoHosts) -> None:
    """Your home is not changed: ssh reads the demo's configuration through a launcher at the front of PATH."""
    variables = " ".join(f"{name}={shlex.quote(value)}" for name, value in demo.shell_variables().items())
    folder, names = shlex.quote(str(demo.folder)), " ".join(host.name for host in demo.hosts)
    click.echo("\nThe machines are still up. For the scripts to work on them, as their central:")
    click.echo(f"  export PATH={shlex.quote(str(demo.client.bin))}:$PATH {variables}")
    click.echo(f"For example: {spelled('status')}, {spelled('heartbeat')}, {spelled('attach')} {demo.left[0]}")
    click.echo("To end them, in that shell:")
    remove = f"{spelled('hosts remove')} $host --force; TMUX_TMPDIR={folder}/$host tmux kill-server"
    click.echo(f"  for host in {names}; do {remove}; kill $(cat {folder}/$host/sshd.pid); done; rm -rf {folder}")


def _interrupt(number: int, frame: object) -> None:
    raise KeyboardInterrupt


def _say(line: str) -> None:
    click.echo(line)
    sys.stdout.flush()


def _real_client() -> Path:
    found = installed_client(os.environ)
    if found is None:
        click.echo(f"demo: installing {PACKAGE} from npm, once", err=True)
        found = install_client(os.environ)
    return found.absolute()


def _explain(folder: Path) -> None:
    """The end of the loop's log, to help find the reason."""
    log = folder / "loop.out"
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines() if log.exists() else []
    for line in lines[-8:]:
        click.echo(f"demo: run-loop said: {line}", err=True)


def _clean(stage: Stage | DemoHosts, folder: Path) -> None:
    """Remove everything; not interruptible, since a second Ctrl-C would leave half of it."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    stage.stop()
    deadline = time.monotonic() + REMOVE_SECONDS
    while folder.exists():
        shutil.rmtree(folder, ignore_errors=True)
        if folder.exists() and time.monotonic() > deadline:
            click.echo(f"demo: {folder} could not be removed, please remove it", err=True)
            return
        time.sleep(0.02)


def _tmux(stage: Stage) -> str:
    return f"TMUX_TMPDIR={shlex.quote(str(stage.folder))} tmux -L {stage.socket}"


def _keep(stage: Stage) -> None:
    """Your home is not changed: only the clients' folder is named."""
    environment = stage.environment()
    variables = {name: environment[name] for name in SHOWN} | stage.client_folder()
    tmux = _tmux(stage)
    click.echo("\nIt is still up. To look at it:")
    click.echo(f"  {tmux} attach -t {SESSION}")
    click.echo("For the scripts to work on it:")
    click.echo(f"  export {' '.join(f'{name}={shlex.quote(value)}' for name, value in variables.items())}")
    click.echo("To end it:")
    # What ran in the panes still writes for a moment while it dies.
    click.echo(f"  {tmux} kill-server; until rm -rf {shlex.quote(str(stage.folder))} 2>/dev/null; do sleep 0.1; done")


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point."""
    return run(command, argv)
