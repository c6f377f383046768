"""Start-up decisions: which conversation, which dialogs first, what has been accepted before."""

from __future__ import annotations

import json
import os

from fleetscripts.practice import dialog as dialogs
from fleetscripts.practice.options import Options
from fleetscripts.practice.session import Session
from fleetscripts.practice.transcript import conversation_of, latest_session
from fleetscripts.practice.turn import course


def control_pipe(options: Options) -> list[int]:
    """The pipe for tests' commands, open; None without a folder for it."""
    if not options.control:
        return []
    path = f"{options.control}/{options.session_id}.ctl"
    if not os.path.exists(path):
        os.mkfifo(path, 0o600)
    return [os.open(path, os.O_RDWR | os.O_NONBLOCK)]


def _memory(config_dir: str) -> dict[str, list[str]]:
    path = f"{config_dir}/practice.json"
    if not os.path.exists(path):
        return {}
    with open(path, encoding="utf-8") as file:
        known: dict[str, list[str]] = json.load(file)
    return known


def remember(config_dir: str, dialog: str, cwd: str) -> None:
    """Stores what the user accepted; the practice agent touches none of the real client's own settings."""
    from fcntl import LOCK_EX, flock

    with open(f"{config_dir}/practice.lock", "w", encoding="utf-8") as lock:
        flock(lock, LOCK_EX)
        known = _memory(config_dir)
        known[dialog] = sorted({*known.get(dialog, []), cwd})
        with open(f"{config_dir}/practice.json.new", "w", encoding="utf-8") as fresh:
            json.dump(known, fresh)
        os.replace(f"{config_dir}/practice.json.new", f"{config_dir}/practice.json")


def startup_dialogs(options: Options, session: Session) -> list[dialogs.Dialog]:
    """The dialogs before the prompt in this folder and this mode."""
    if options.trusted:
        return []
    known = _memory(options.config_dir)
    asked = [] if session.cwd in known.get("trust", []) else [dialogs.trust(session.cwd)]
    if session.mode == "bypassPermissions" and not known.get("bypass") and not session.skips_bypass_warning:
        asked.append(dialogs.bypass())
    return asked


def session_for(options: Options) -> tuple[Session, str]:
    """The session to run and how it starts; ValueError with the line to print."""
    cwd = os.getcwd()
    if options.latest:
        options.session_id = options.resume = latest_session(options.config_dir, cwd)
    path = conversation_of(options.config_dir, cwd, options.session_id)
    if (options.resume or options.latest) and path is None:
        raise ValueError(f"No conversation found with session ID: {options.session_id}")
    if not options.resume and path is not None:
        raise ValueError(f"Error: Session ID {options.session_id} is already in use.")
    session = Session(options, course)
    if path is None:
        return session, "startup"
    from fleetscripts.practice.recall import recall

    found = recall(path)
    session.script, session.position, session.fails = found.script, found.position, found.failed
    session.view.entries, session.transcript.leaf = found.entries, found.leaf
    return session, "resume"
