"""The first program in the window of an agent with a memory limit: ``python -I join_scope.py PID BYTES``.

If there can be no limit, one line says why, and the client starts without: ``setup --check`` said so before."""

from __future__ import annotations

import sys
from pathlib import Path


def main(argv: list[str]) -> int:
    """Limit the process; always exit 0."""
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
    from fleetscripts.adapters.system.memory_limit import limit_memory

    try:
        problem = limit_memory(int(argv[0]), int(argv[1]))
    except Exception as error:  # noqa: BLE001 -- whatever went wrong, the client starts
        problem = f"{type(error).__name__}: {error}"
    if problem:
        print(f"its memory is not limited: {problem}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
