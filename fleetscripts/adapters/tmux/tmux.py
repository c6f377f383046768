"""The tmux server: panes and screens in at most two client processes, windows by stable id."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from fleetscripts.adapters.tmux.guard import Guard
from fleetscripts.adapters.tmux.pane_reading import (
    PANE_ID,
    WHICH_SERVER,
    PanesAndServer,
    begin_frames,
    begin_listing,
    each_once,
    server_in,
)
from fleetscripts.adapters.tmux.tmux_client import NoServer, TmuxClient
from fleetscripts.adapters.tmux.tmux_listing import ListingRow, row_format, rows, token
from fleetscripts.adapters.tmux.tmux_words import is_session_name, line, literal
from fleetscripts.errors import FleetError
from fleetscripts.models import Frame, PaneFacts, ServerId

__all__ = ["Guard", "NoServer", "Tmux"]

_LASTING = ("destroy-unattached", "off")
"""The option of a session that stays when no client is attached."""


class Tmux:
    """One server, at a socket name as for ``tmux -L`` (None: ``$TMUX``, else tmux's own default)."""

    def __init__(self, socket_name: str | None = None) -> None:
        self.client = TmuxClient(socket_name or None)

    def server(self) -> ServerId | None:
        """This server's identity, None if none runs."""
        try:
            return self.require_server()
        except NoServer:
            return None

    def require_server(self) -> ServerId:
        """This server's identity; raises ``NoServer`` if none runs."""
        answer = self.client.ask(*WHICH_SERVER)
        return server_in(self.client, answer.stdout, answer.stderr)

    def panes(self) -> list[PaneFacts]:
        """Every pane of the server, each once; [] if no server runs."""
        return list(each_once(self._rows()).values())

    def panes_and_server(self) -> PanesAndServer:
        """Every pane, each once, and which server they are on, told in one step of it; [] and None when none runs."""
        return begin_listing(self.client)()

    def read_all(self, pane_ids: Sequence[str] | None = None, styled: bool = False) -> list[Frame]:
        """Facts and screen of the panes, taken in one step of the server; missing ones are left out.

        One client process if ``pane_ids`` is given, else two; [] if no server runs."""
        try:
            wanted = self._pane_ids() if pane_ids is None else list(dict.fromkeys(pane_ids))
        except NoServer:
            return []
        return begin_frames(self.client, wanted, styled)()[0] if wanted else []

    def read(self, pane_id: str, styled: bool = True) -> Frame | None:
        """Facts and screen of one pane, None if it does not exist."""
        frames = self.read_all([pane_id], styled)
        return frames[0] if frames else None

    def resolve(self, target: str) -> PaneFacts | None:
        """The pane meant by ``%pane``, ``@window`` or exactly ``SESSION:WIN`` (index, else name), or None.

        A window means its active pane. Nothing is matched by prefix or pattern."""
        found = sorted(self._rows(), key=lambda row: row.facts.session_number)
        if target.startswith(("%", "@")):
            return next((r.facts for r in found if target == r.facts.pane_id or _is_window(r, target)), None)
        session, colon, window = target.rpartition(":")
        here = [row for row in found if colon and row.active and row.facts.session == session]
        by_index = [row.facts for row in here if str(row.facts.window_index) == window]
        by_name = [row.facts for row in here if row.facts.window_name == window]
        return next(iter(by_index or (by_name if len(by_name) == 1 else [])), None)

    def panes_at(self, target: str) -> list[PaneFacts]:
        """All panes of the window meant by ``@window`` or exactly ``SESSION:INDEX``, or the one meant by ``%pane``."""
        session, colon, index = target.rpartition(":")
        found = [
            row
            for row in self._rows()
            if target in (row.facts.pane_id, row.facts.window_id)
            or (colon and (row.facts.session, str(row.facts.window_index)) == (session, index))
        ]
        return list(each_once(found).values())

    def sessions(self) -> dict[str, str]:
        """Session ids (``$3``) by exact name."""
        mark = token()
        answer = self.client.ask("list-sessions", "-F", f"#{{session_id}} #{{session_name}}{mark}")
        lines = answer.stdout.decode("utf-8", "surrogateescape").split(f"{mark}\n")[:-1]
        return {name: session_id for session_id, name in (entry.split(" ", 1) for entry in lines)}

    def show_pane(self, pane: PaneFacts) -> bool:
        """Show the pane to clients attached to its session; False if it is gone."""
        return not (self.change("select-window", pane.window_id) or self.change("select-pane", pane.pane_id))

    def switch_here(self, pane: PaneFacts) -> str:
        """Switch the client that shows our own pane to that pane; returns the error, empty on success."""
        return self.change("switch-client", pane.pane_id)

    def change(self, command: str, target: str, *words: str) -> str:
        """Run one tmux command on a session, a window or a pane that was just read; returns the error, empty on
        success."""
        return _by_libtmux(self.client.path, command, "-t", target, *words)[1]

    def attach_line(self, session: str) -> list[str]:
        """The command line that attaches this terminal to a session."""
        return self.client.argv("attach-session", "-t", f"={session}:")

    def line_to(self, pane: PaneFacts, inside: bool) -> str:
        """The command that shows the pane: ``inside`` a client of this server, else in another terminal."""
        words = ("switch-client", "-t", pane.pane_id) if inside else ("attach-session", "-t", _window_of(pane))
        return self.client.line(*words)

    def new_session(self, name: str, cwd: Path) -> None:
        """A session with the user's shell in its first window, which persists when detached; starts the server if none
        runs."""
        if not is_session_name(name):
            raise FleetError(f"expected a name that tmux can give a session, found {name!r}")
        made = ("new-session", "-d", "-s", literal(name), "-x", "200", "-y", "50")
        answer = self.client.ask(*made, ";", "set-option", "-t", f"={name}:", *_LASTING, cwd=cwd)
        if answer.code:
            raise FleetError(f"tmux made no session {name!r}: {answer.stderr or 'no reason given'}")

    def new_window(
        self,
        session: str,
        name: str,
        cwd: Path,
        argv: Sequence[str] = (),
        env: Mapping[str, str] | None = None,
    ) -> PaneFacts:
        """A new window in the background at the session's next free index; without ``argv`` it runs the user's shell.

        The session then stays when its last client detaches, whatever the global setting. The folder is also given with
        ``-c``, which overrides an alias's or a hook's; it and the environment go through stdin, where ``ps`` shows
        neither."""
        session_id = self.sessions().get(session)
        if session_id is None:
            start = self.client.line("new-session", "-d", "-s", session)
            raise FleetError(f"no tmux session named {session!r}: start one with {start}")
        mark = token()
        words = ["new-window", "-d", "-P", "-F", row_format(mark), "-t", f"{session_id}:", "-n", literal(name)]
        words += ["-c", literal(str(cwd))]
        problem = self.change("set-option", f"{session_id}:", *_LASTING)
        answer = self.client.script(line(*words, *_environment(env), *_command(argv)), cwd=cwd)
        made = next(rows(answer.stdout, mark), None)
        if made is None:
            said = answer.stderr or problem or "no reason given"
            raise FleetError(f"tmux made no window in session {session!r}: {said}")
        return made.facts

    def respawn(
        self,
        guard: Guard,
        argv: Sequence[str],
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
    ) -> bool:
        """Replace the pane's process by ``argv``, if the guard still holds; else return False."""
        where = [] if cwd is None else ["-c", literal(str(cwd))]
        words = ["respawn-pane", "-k", "-t", guard.pane_id, *where, *_environment(env), *_command(argv)]
        return self.guarded(guard, line(*words))

    def guarded(self, guard: Guard, command: str, otherwise: str = "start-server") -> bool:
        """Run one tmux command line if the guard holds, in the same step of the server; returns whether it ran.
        ``otherwise`` is run if not; the default does nothing."""
        held = token()
        then = f"display-message -p {held} ; {command}"
        answer = self.client.script(line("if-shell", "-F", "-t", guard.pane_id, guard.condition, then, otherwise))
        return held.encode() in answer.stdout and not answer.stderr

    def leave_unwatched_mode(self, facts: PaneFacts) -> bool:
        """End copy mode (or another) in a pane; False if a client shows its window."""
        shown = (
            self.client.ask("list-clients", "-F", "#{client_control_mode} #{window_id}").stdout.decode().splitlines()
        )
        if any(client == f"0 {facts.window_id}" for client in shown):
            return False
        return not self.change("copy-mode", facts.pane_id, "-q")

    def kill_pane(self, pane_id: str, server: ServerId) -> bool:
        """Close this pane of this very server, and no other; False if it does not exist."""
        if not PANE_ID.fullmatch(pane_id):
            raise ValueError(f"not a pane id: {pane_id!r}")
        same_server = f"#{{&&:#{{==:#{{pid}},{server.pid}}},#{{==:#{{start_time}},{server.start_time}}}}}"
        condition = f"#{{&&:{same_server},#{{m:?{pane_id[1:]},#{{pane_id}}}}}}"
        held = token()
        then = f"display-message -p {held} ; {line('kill-pane', '-t', pane_id)}"
        told, problem = _by_libtmux(server.socket, "if-shell", "-F", "-t", pane_id, condition, then, "start-server")
        return held in told and not problem

    def _rows(self) -> list[ListingRow]:
        mark = token()
        try:
            return list(rows(self.client.ask("list-panes", "-a", "-F", row_format(mark)).stdout, mark))
        except NoServer:
            return []

    def _pane_ids(self) -> list[str]:
        listed = self.client.ask("list-panes", "-a", "-F", "#{pane_id}").stdout.decode("ascii", "replace")
        return list(dict.fromkeys(listed.split()))


def _by_libtmux(socket: str, *words: str) -> tuple[list[str], str]:
    """The lines that a tmux command printed, and its error.

    Not for what starts a client or a server, nor for what is guarded: libtmux takes no standard input, so a client's
    environment would be in its arguments; no working folder, which a new server keeps; and no time limit, so the
    server was asked just before. It takes as long to load as a small command takes in all."""
    import libtmux

    try:
        answer = libtmux.Server(socket_path=socket).cmd(*words)
    except libtmux.exc.LibTmuxException as error:
        raise FleetError(f"cannot run tmux {words[0]}: {error}") from error
    return answer.stdout, " ".join(answer.stderr)


def _window_of(pane: PaneFacts) -> str:
    """Its window by session and stable id."""
    return f"={pane.session}:{pane.window_id}"


def _is_window(row: ListingRow, window_id: str) -> bool:
    return row.active and row.facts.window_id == window_id


def _environment(env: Mapping[str, str] | None) -> list[str]:
    return [word for name, value in (env or {}).items() for word in ("-e", f"{name}={value}")]


def _command(argv: Sequence[str]) -> list[str]:
    """The command after ``--``; tmux would hand a single word to a shell, so ``env`` precedes it."""
    return ["--", *(["/usr/bin/env"] if len(argv) == 1 else []), *argv] if argv else []
