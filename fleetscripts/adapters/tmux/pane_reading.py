"""Reads panes: what tmux says of them, their screens, and which server they are on, told in one step of that server.

A reading is begun, and called for its answer: a command loads the rest of its code while tmux works."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Sequence
from itertools import accumulate

from fleetscripts.adapters.tmux.tab_stops import without_tabs
from fleetscripts.adapters.tmux.tmux_client import NoServer, ServerUnreachable, TmuxClient, TmuxReply
from fleetscripts.adapters.tmux.tmux_listing import ListingRow, row_format, rows, token
from fleetscripts.adapters.tmux.tmux_words import line
from fleetscripts.errors import FleetError
from fleetscripts.models import Frame, PaneFacts, ServerId
from fleetscripts.pattern import pattern

PANE_ID = pattern(r"%\d+")
WHICH_SERVER = ("display-message", "-p", "#{pid} #{start_time} #{socket_path}")

FEW_PANES = 50
"""Up to so many, tmux selects panes sooner than it tells of 200; for more, that takes longer."""

PanesAndServer = tuple[list[PaneFacts], ServerId | None]
FramesAndServer = tuple[list[Frame], ServerId | None]


def begin_listing(client: TmuxClient, only: Collection[str] | None = None) -> Callable[[], PanesAndServer]:
    """Every pane, each once, and which server they are on; [] and None when none runs. ``only``: others than those with
    these ids may be left out."""
    mark = token()
    told = row_format(mark)
    if only is not None and len(only) <= FEW_PANES:
        told = f"#{{?#{{m:* #{{pane_id}} *, {' '.join(filter(PANE_ID.fullmatch, only))} }},{told},}}"
    call = client.begin("list-panes", "-a", "-F", told, ";", *WHICH_SERVER)

    def answer() -> PanesAndServer:
        try:
            said = call()
        except NoServer:
            return [], None
        server = server_in(client, said.stdout.rpartition(mark.encode())[2], said.stderr)
        return list(each_once(list(rows(said.stdout, mark))).values()), server

    return answer


def begin_frames(client: TmuxClient, pane_ids: Sequence[str], styled: bool) -> Callable[[], FramesAndServer]:
    """Facts and screens of these panes, and which server they are on; missing panes are left out, [] and None if none
    runs. One script is one step of the server, so the panes it lists are the panes that answer, each with its height. A
    mark before every screen would say the same and cost half as much again."""
    mark = token()
    capture = "capture-pane -ep -t" if styled else "capture-pane -p -t"
    if wrong := [pane_id for pane_id in pane_ids if not PANE_ID.fullmatch(pane_id)]:
        raise ValueError(f"not a pane id: {wrong[0]!r}")
    captures = [f"{capture} {pane_id}" for pane_id in pane_ids]
    call = client.begin_script(line(*WHICH_SERVER), line("list-panes", "-a", "-F", row_format(mark)), *captures)

    def answer() -> FramesAndServer:
        try:
            said = call()
        except NoServer:
            return [], None
        server = server_in(client, said.stdout.partition(mark.encode())[0], said.stderr)
        return _frames(said, mark, pane_ids, styled), server

    return answer


def server_in(client: TmuxClient, answer: bytes, problem: str) -> ServerId:
    """The server in an answer to ``WHICH_SERVER``."""
    try:
        pid, start_time, socket = answer.decode("utf-8", "surrogateescape").strip("\n").split(" ", 2)
        return ServerId(socket=socket, pid=int(pid), start_time=int(start_time))
    except ValueError:
        said = problem or "no reason given"
        raise ServerUnreachable(f"the tmux server at socket {client} does not say which it is: {said}") from None


def each_once(found: Sequence[ListingRow]) -> dict[str, PaneFacts]:
    """Facts by pane id; for a window in several sessions (grouped, linked) those of the oldest session."""
    oldest_last = sorted(found, key=lambda row: row.facts.session_number, reverse=True)
    return {row.facts.pane_id: row.facts for row in oldest_last}


def _frames(answer: TmuxReply, mark: str, pane_ids: Sequence[str], styled: bool) -> list[Frame]:
    now = time.time()
    listing, _, screens = answer.stdout.rpartition(f"{mark}\n".encode())
    facts = each_once(list(rows(listing + mark.encode(), mark)))
    there = [facts[pane_id] for pane_id in pane_ids if pane_id in facts]
    text = screens.decode("utf-8", "replace")
    lines = [without_tabs(line) for line in text.split("\n")] if "\t" in text else text.split("\n")
    ends = list(accumulate((pane.height for pane in there), initial=0))
    if len(lines) != ends[-1] + 1:
        problem = answer.stderr or f"{len(lines) - 1} lines where {ends[-1]} were expected"
        raise FleetError(f"tmux did not read its panes: {problem}")
    return [
        Frame(pane, tuple(lines[start:end]), now, styled)
        for pane, start, end in zip(there, ends, ends[1:], strict=False)
    ]
