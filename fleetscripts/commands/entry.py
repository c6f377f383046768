"""The boundary between a command and its process: arguments in, exit code out, errors as one line."""

from __future__ import annotations

import errno
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import click

from fleetscripts import __version__
from fleetscripts.commands.elsewhere import HERE_ALONE, run_elsewhere
from fleetscripts.commands.examples import ONLY_TELLS, epilog
from fleetscripts.commands.options import WANTS_JSON, with_host
from fleetscripts.commands.output import begin_output, print_json
from fleetscripts.commands.patience import told_when_slow
from fleetscripts.core.records.sanitize import sanitize
from fleetscripts.errors import EXIT_DONE, EXIT_FAILED, EXIT_USAGE, FleetError
from fleetscripts.invocation import called_with
from fleetscripts.own_folder import fleet_home

EXIT_INTERRUPTED = 130
EXIT_BROKEN_PIPE = 141
"""128 + SIGPIPE, what a shell reports for any filter whose reader has gone."""


def run(command: click.Command, argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; whatever goes wrong becomes one line on stderr."""
    name = command.name or "fleet"
    if argv is None and Path(sys.argv[0]).name.startswith("fleet-"):
        called_with("fleet-")
    arguments = list(sys.argv[1:] if argv is None else argv)
    if arguments[:1] == ["--version"] and name != "cl":  # which has its client's
        print(f"fleetscripts {__version__}")
        return EXIT_DONE
    closed = sys.stdout is None
    output = begin_output()
    try:
        code = _invoke(command, name, arguments)
        sys.stdout.flush()
        if closed and name in ONLY_TELLS:
            return _untold(name, code, OSError(errno.EBADF, os.strerror(errno.EBADF)))
        return code if output is None or output.lost is None else _untold(name, code, output.lost)
    except FleetError as error:
        return _complain(name, str(error), error.exit_code)
    except click.ClickException as error:
        return _complain(name, _usage_message(error, name), EXIT_USAGE)
    except click.exceptions.Exit as leaving:
        return leaving.exit_code
    except (KeyboardInterrupt, click.Abort):
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        _silence_stdout()
        return EXIT_BROKEN_PIPE
    except Exception as error:
        return _complain(name, _record(name, error), EXIT_FAILED)


def _invoke(command: click.Command, name: str, arguments: list[str]) -> int:
    command.epilog = command.epilog or epilog(name)
    for verb, below in command.commands.items() if isinstance(command, click.Group) else ():
        below.epilog = below.epilog or epilog(f"{name} {verb}")
    if name not in HERE_ALONE:
        with_host(command)
    try:
        with command.make_context(name, list(arguments), help_option_names=["-h", "--help"]) as context:
            try:
                with told_when_slow("" if context.params.get("watch") else name):
                    there = run_elsewhere(name, context, arguments)
                    result = command.invoke(context) if there is None else there
            except FleetError as error:
                if context.meta.get(WANTS_JSON):
                    print_json({"error": sanitize(str(error)), "exit_code": error.exit_code})
                raise
    except click.exceptions.Exit as leaving:
        return leaving.exit_code
    return result if isinstance(result, int) else EXIT_DONE


def _untold(name: str, code: int, why: OSError) -> int:
    """The command's own code if it did something, failure if its output was its only purpose."""
    words = f"what it prints could not be written ({why.strerror}); by its exit code {code} it ended as it should"
    only_tells = name in ONLY_TELLS and code == EXIT_DONE
    return _complain(name, words.split(";")[0] if only_tells else words, EXIT_FAILED if only_tells else code)


def _usage_message(error: click.ClickException, name: str) -> str:
    if not isinstance(error, click.UsageError):
        return error.format_message().rstrip(".")
    from fleetscripts.commands.usage_words import usage_message

    return usage_message(error, name)


def _complain(name: str, message: str, code: int) -> int:
    one_line = sanitize(message)
    try:
        print(f"{name}: {one_line}", file=sys.stderr)
    except BrokenPipeError:
        _silence_stdout()
    return code


def _record(name: str, error: Exception) -> str:
    """Append the traceback to ``errors.log`` in FLEET_HOME; return the line that names the file."""
    import traceback

    from fleetscripts.adapters.records.files import private_folder

    summary = f"unexpected {type(error).__name__}: {error}"
    log = fleet_home(os.environ) / "errors.log"
    stamp = time.strftime("%Y-%m-%dT%H:%M:%S%z")
    text = f"{stamp} {name}\n{''.join(traceback.format_exception(error))}\n"
    try:
        private_folder(log.parent)
        descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8", errors="backslashreplace") as stream:
            stream.write(text)
    except OSError as problem:
        return f"{summary} (no log: {problem})"
    return f"{summary} (details in {log})"


def _silence_stdout() -> None:
    """Keep the interpreter's last flush from reporting a reader that has gone."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for descriptor in (1, 2):
        os.dup2(nowhere, descriptor)
    os.close(nowhere)
