"""Runs a command by its name: ``python -m fleetscripts find-spare``, or this file by its path."""

from __future__ import annotations

import os
import sys

CALLED_FROM = "--called-from="
"""The folder of the called script, as given."""


def _import_from_bundle() -> None:
    """Put the bundle's root on the module path, and remove what running by path or ``-m`` put there.

    Neither the current folder (agents write there) nor this package's own folder (``config`` or ``models`` would shadow
    other libraries) may be imported from."""
    package = os.path.dirname(os.path.realpath(__file__))
    bundle = os.path.dirname(package)
    try:
        here = os.getcwd()
    except FileNotFoundError:  # removed under the shell that stands in it
        here = ""
    sys.path[:] = [bundle, *(entry for entry in sys.path if entry not in {"", package, here} - {bundle})]


def main(argv: list[str] | None = None) -> int:
    """Run ``NAME ARGS...``; the exit code is the command's."""
    import gc
    import importlib

    gc.disable()  # until start_quickly sets how often: nothing that is loaded until then is ever garbage
    from fleetscripts import commands
    from fleetscripts.invocation import called_with, prefix_of_scripts

    arguments = sys.argv[1:] if argv is None else argv
    if arguments and arguments[0].startswith(CALLED_FROM):
        called_with(prefix_of_scripts(arguments[0].removeprefix(CALLED_FROM), os.environ.get("PATH", "")))
        arguments = arguments[1:]
    known = commands.names()
    name = arguments[0] if arguments else "--help"
    if name in ("-h", "--help"):
        print(f"usage: fleetscripts NAME [ARGS...]\nnames: {' '.join(known)}")
        return 0 if arguments else 2
    if name not in known:
        from fleetscripts.core.records.near_names import instead_of

        print(f"fleetscripts: no command {name!r}; {instead_of(name, known, most=len(known))}", file=sys.stderr)
        return 2
    module = importlib.import_module(commands.module_of(name))
    return int(module.main(arguments[1:]))


def leave(code: int) -> None:
    """End this process without taking its modules apart, which costs as much as Python's own start.

    Exit handlers are run. A process with threads, or with failed output, ends in the usual way."""
    import atexit
    import threading

    if threading.active_count() == 1:
        atexit._run_exitfuncs()
        for stream in (sys.stdout, sys.stderr):
            if stream is not None:
                try:
                    stream.flush()
                except (OSError, ValueError):  # Python itself says so at its end, with an exit code of its own
                    sys.exit(code)
        os._exit(code)
    sys.exit(code)


if __name__ == "__main__":
    if not __package__:
        _import_from_bundle()
    leave(main())
