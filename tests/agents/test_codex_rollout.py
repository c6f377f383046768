"""The state of a Codex session, read from a rollout that the real client wrote, line by line as it grows."""

from __future__ import annotations

import json
import os
import shutil
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from fleetscripts.agents.codex import KIND
from fleetscripts.agents.codex_rollout import evidence_of, last_messages
from fleetscripts.agents.kinds import Launch, Places
from fleetscripts.models import Client, ErrorKind, PaneState
from tests.places import BUNDLE

SAMPLE = BUNDLE / "tests" / "evidence" / "codex" / "turns-0.169.0.jsonl"
SESSION = "01a1fb99-0414-7831-b6d5-c37eeebee745"


def event(kind: str, **payload: object) -> dict[str, object]:
    return {"timestamp": "2026-11-21T00:54:36.700Z", "type": "event_msg", "payload": {"type": kind, **payload}}


def message(role: str, text: str) -> dict[str, object]:
    content = [{"type": "input_text" if role == "user" else "output_text", "text": text}]
    payload = {"type": "message", "role": role, "content": content}
    return {"timestamp": "2026-11-21T00:54:36.700Z", "type": "response_item", "payload": payload}


def failed(info: object) -> dict[str, object]:
    return event("task_complete", last_agent_message=None, error={"message": "x", "codex_error_info": info})


STARTED = event("task_started")
CASES = [
    ("a turn that began is running", [STARTED], PaneState.RUNNING, None),
    ("a message in the middle of a turn ends nothing", [STARTED, message("assistant", "x")], PaneState.RUNNING, None),
    ("a DONE in the middle of a turn ends nothing",
     [STARTED, message("assistant", "ORCHESTRATOR:DONE")], PaneState.RUNNING, None),
    ("a finished turn is a prompt", [STARTED, event("task_complete", last_agent_message="x")], PaneState.PROMPT, None),
    ("DONE in the last message of a finished turn is complete",
     [STARTED, event("task_complete", last_agent_message="x\n\nORCHESTRATOR:DONE")], PaneState.COMPLETE, None),
    ("DONE inside a sentence is not",
     [STARTED, event("task_complete", last_agent_message="I will say ORCHESTRATOR:DONE")], PaneState.PROMPT, None),
    ("an interrupted turn is a prompt", [STARTED, event("turn_aborted")], PaneState.PROMPT, None),
    ("a usage limit is a wall", [STARTED, failed("usage_limit_exceeded")], PaneState.RATE_LIMITED, None),
    ("an empty account is no limit, though it is filed as one",
     [STARTED, event("task_complete", error={"message": "Quota exceeded. Check your plan and billing details.",
                                             "codex_error_info": "usage_limit_exceeded"})],
     PaneState.API_ERROR, ErrorKind.BILLING),
    ("a full context is an error",
     [STARTED, failed("context_window_exceeded")], PaneState.API_ERROR, ErrorKind.CONTEXT),
    ("a login that ended is an error", [STARTED, failed("unauthorized")], PaneState.API_ERROR, ErrorKind.AUTH),
    ("a lost connection is the server's",
     [STARTED, failed({"response_stream_disconnected": {"http_status_code": 502}})],
     PaneState.API_ERROR, ErrorKind.SERVER),
    ("an unknown error is an error", [STARTED, failed("something_new")], PaneState.API_ERROR, ErrorKind.OTHER),
    ("an error before the end of the turn counts, as older releases write it",
     [STARTED, event("error", message="x", codex_error_info="usage_limit_exceeded"), event("task_complete")],
     PaneState.RATE_LIMITED, None),
    ("an error of an earlier turn does not",
     [event("error", message="x", codex_error_info="usage_limit_exceeded"), STARTED,
      event("task_complete", last_agent_message="x")], PaneState.PROMPT, None),
    ("without marks of turns the agent's message is the end", [message("assistant", "x")], PaneState.PROMPT, None),
    ("without marks of turns a message to the agent is a turn", [message("user", "go")], PaneState.RUNNING, None),
    ("what the client wrote itself is no message",
     [message("assistant", "x"), message("user", "<environment_context>")], PaneState.PROMPT, None),
]  # fmt: skip


@pytest.mark.parametrize(("records", "state", "error"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_the_end_of_a_rollout(records: list[dict[str, object]], state: PaneState, error: ErrorKind | None) -> None:
    piece = evidence_of(records)
    assert piece is not None
    assert (piece.state, piece.error) == (state, error)


@pytest.mark.parametrize(
    ("records", "started", "state"),
    [
        ([STARTED, failed("usage_limit_exceeded")], -1, PaneState.RATE_LIMITED),
        ([STARTED, failed("usage_limit_exceeded")], 1, PaneState.PROMPT),
        ([STARTED, failed("unauthorized")], 1, PaneState.PROMPT),
        ([STARTED], 1, PaneState.PROMPT),
        ([STARTED, event("task_complete", last_agent_message="x\n\nORCHESTRATOR:DONE")], 1, PaneState.COMPLETE),
    ],
    ids=["a limit after the start", "a limit before", "a lost login before", "a turn begun before", "DONE before"],
)
def test_what_ended_before_the_client_started_is_history(
    records: list[dict[str, object]], started: float, state: PaneState
) -> None:
    at = datetime.fromisoformat(str(records[-1]["timestamp"])).timestamp()
    piece = evidence_of(records, client_started=at + started)
    assert piece is not None
    assert piece.state is state
    assert piece.resets_at is None


def test_a_time_without_its_seconds_is_the_end_of_that_minute() -> None:
    words = "You’ve hit your usage limit. Try again at 5:07 AM."
    piece = evidence_of([STARTED, event("error", message=words, codex_error_info="usage_limit_exceeded")])
    assert piece is not None
    assert datetime.fromtimestamp(piece.resets_at or 0, UTC).strftime("%H:%M:%S") == "05:08:00"


def test_an_empty_rollout_says_nothing() -> None:
    assert evidence_of([]) is None


def test_a_reset_is_the_latest_of_the_full_windows() -> None:
    limits = {"primary": {"used_percent": 100.0, "resets_at": 200}, "secondary": {"used_percent": 30, "resets_at": 900}}
    piece = evidence_of([STARTED, event("token_count", rate_limits=limits), failed("usage_limit_exceeded")])
    assert piece is not None
    assert piece.resets_at == 200


def test_the_users_words_are_not_the_agents() -> None:
    records = [message("assistant", "old"), message("user", "ORCHESTRATOR:DONE"), message("assistant", "new")]
    assert [said.text for said in last_messages(records)] == ["new"]


def test_a_growing_rollout_is_followed_from_where_reading_stopped(tmp_path: Path) -> None:
    folder = tmp_path / "codex" / "sessions" / "2026" / "11" / "21"
    folder.mkdir(parents=True)
    rollout = folder / f"rollout-2026-11-21T00-54-31-{SESSION}.jsonl"
    places = Places(tmp_path / "codex", tmp_path / "fleet")
    client = Client(pid=0, started_at=0.0)
    states = []
    for line in SAMPLE.read_bytes().splitlines(keepends=True):
        with rollout.open("ab") as file:
            file.write(line[:20])
        KIND.look(client, places, 0.0, SESSION)  # a half-written line says nothing yet
        with rollout.open("ab") as file:
            file.write(line[20:])
        view = KIND.look(client, places, 0.0, SESSION)
        if view.evidence and view.evidence[0].state not in states[-1:]:
            states.append(view.evidence[0].state)
    assert states == ["running", "complete", "running", "prompt", "running", "rate_limited", "running"]
    assert [checkpoint.step for checkpoint in view.checkpoints] == ["pr-address"]
    assert (view.session_id, view.shown) == (SESSION, {"version": "0.169.0"})


def test_a_rollout_is_found_by_the_process_that_holds_it_open(tmp_path: Path) -> None:
    rollout = tmp_path / f"rollout-2026-11-21T00-54-31-{SESSION}.jsonl"
    shutil.copy(SAMPLE, rollout)
    places = Places(tmp_path / "codex", tmp_path / "fleet")
    with rollout.open("ab"):
        view = KIND.look(Client(pid=os.getpid(), started_at=0.0), places, 0.0)
    assert view.transcript == rollout
    assert view.evidence[0].state is PaneState.RUNNING


PARENT, CHILD = "01a1fb99-0414-7831-b6d5-c37eeebee745", "01a1fb99-ffff-7831-b6d5-c37eeebee745"
THIRD = "01a1fb99-eeee-7831-b6d5-c37eeebee745"


@pytest.mark.parametrize(
    "child",
    [
        {"source": {"subagent": {"thread_spawn": {"parent_thread_id": PARENT, "depth": 1}}}},
        {"source": {"subagent": "review"}},
        {"source": "sub_agent"},
        {"source": "cli", "thread_source": "subagent"},
        {"source": "cli", "parent_thread_id": PARENT},
    ],
)
@pytest.mark.parametrize("known", [PARENT, CHILD, None])
def test_a_sub_agents_rollout_never_takes_its_parents_place(
    tmp_path: Path, child: dict[str, object], known: str | None
) -> None:
    parent = rollout_of(tmp_path, "2026-11-21T00-54-31", PARENT, {"source": "cli"})
    newer = rollout_of(tmp_path, "2026-11-21T00-59-59", CHILD, child)
    places = Places(tmp_path / "codex", tmp_path / "fleet")
    with parent.open("ab"), newer.open("ab"):
        view = KIND.look(Client(pid=os.getpid(), started_at=0.0), places, 0.0, known)
    assert (view.transcript, view.session_id) == (parent, PARENT)


def test_what_a_daemon_holds_open_is_the_conversation_of_the_only_client_of_its_folder(tmp_path: Path) -> None:
    here, home = str(tmp_path / "work"), tmp_path / "codex"
    rollouts = tmp_path / "rollouts"
    rollouts.mkdir()
    own = rollout_of(rollouts, "2026-11-21T00-54-31", PARENT, {"source": "cli", "cwd": here})
    elsewhere = rollout_of(rollouts, "2026-11-21T00-56-00", CHILD, {"source": "cli", "cwd": str(tmp_path)})
    places, client = Places(home, tmp_path / "fleet"), Client(pid=0, started_at=time.time() - 5, cwd=here)
    (home / "app-server-daemon").mkdir(parents=True)
    said = home / "app-server-daemon" / "daemon.pid"
    with own.open("ab"), elsewhere.open("ab"):
        for nothing in ("", "[]", '{"pid": "x"}', '{"pid": 0}'):
            said.write_text(nothing)
            assert KIND.look(client, places, 0.0).session_id is None
        said.write_text(json.dumps({"pid": os.getpid()}))
        assert KIND.look(client, places, 0.0).session_id == PARENT
        assert KIND.look(replace(client, started_at=time.time() + 5), places, 0.0).session_id is None
        second = rollout_of(rollouts, "2026-11-21T00-58-00", THIRD, {"source": "cli", "cwd": here})
        with second.open("ab"):
            assert KIND.look(client, places, 0.0).session_id is None, "it may be another client's"
            assert KIND.look(client, places, 0.0, PARENT).evidence == ()


def test_the_known_conversation_stays_while_its_rollout_is_held_open(tmp_path: Path) -> None:
    first = rollout_of(tmp_path, "2026-11-21T00-54-31", PARENT, {"source": "cli"})
    second = rollout_of(tmp_path, "2026-11-21T00-59-59", CHILD, {"source": "cli"})
    places = Places(tmp_path / "codex", tmp_path / "fleet")
    client = Client(pid=os.getpid(), started_at=0.0)
    with first.open("ab"), second.open("ab"):
        assert KIND.look(client, places, 0.0, PARENT).transcript == first
        assert KIND.look(client, places, 0.0).transcript == second
    with second.open("ab"):
        assert KIND.look(client, places, 0.0, PARENT).transcript == second


def rollout_of(folder: Path, when: str, session: str, meta: dict[str, object]) -> Path:
    path = folder / f"rollout-{when}-{session}.jsonl"
    record = {"timestamp": "2026-11-21T00:54:31Z", "type": "session_meta", "payload": {"id": session, **meta}}
    path.write_text(json.dumps(record) + "\n", encoding="utf-8")
    return path


def test_launch_and_resume_lines() -> None:
    line = KIND.launch(Launch("/bin/codex", permission_mode="bypassPermissions"))
    assert line.argv[:2] == ("/bin/codex", "--dangerously-bypass-approvals-and-sandbox")
    assert "check_for_update_on_startup=false" in line.argv
    assert KIND.resume(Launch("/bin/codex", session_id=SESSION)).argv[1:3] == ("resume", SESSION)
    assert KIND.launch(Launch("/bin/codex", permission_mode="default")).argv[1:5] == (
        "-a", "on-request", "-s", "workspace-write",
    )  # fmt: skip


def test_every_line_of_the_sample_is_a_real_record() -> None:
    kinds = {json.loads(line)["type"] for line in SAMPLE.read_text().splitlines()}
    assert kinds == {"session_meta", "event_msg", "response_item"}
