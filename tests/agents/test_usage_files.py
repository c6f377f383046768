"""What the clients' own files come to: each answer once, over sub-agents, compaction, resume and forks."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from fleetscripts.agents.kinds import kind_named
from fleetscripts.core.spending.ledger import total
from fleetscripts.core.spending.tokens import NONE, Tokens

SESSION, FORK = "01a21c20-1833-4420-8282-bdf494b3de7b", "01a21c24-9622-4113-a14d-8b45fd4fb9cd"
CHILD = "01a21c25-9622-4113-a14d-8b45fd4fb9cd"
AT = "2026-11-27T12:00:00.000Z"


@pytest.fixture(autouse=True)
def zone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "UTC")


def write(path: Path, *records: Mapping[str, Any], more: bool = False) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a" if more else "w") as file:
        file.writelines(f"{json.dumps(record)}\n" for record in records)
    return path


def answer(name: str, used: tuple[int, int, int, int], at: str = AT, **more: Any) -> dict[str, Any]:
    kinds = ("input_tokens", "output_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")
    message = {"id": name, "role": "assistant", "usage": dict(zip(kinds, used, strict=True))}
    return {"type": "assistant", "timestamp": at, "sessionId": SESSION, "message": message, **more}


def claude(home: Path, transcript: Path) -> Mapping[str, Tokens]:
    return kind_named("claude").used(home / "fleet", transcript)


@pytest.fixture
def transcript(home: Path) -> Path:
    return home / ".claude" / "projects" / "-work" / f"{SESSION}.jsonl"


def test_an_answer_in_several_records_counts_as_its_last_one_says(home: Path, transcript: Path) -> None:
    write(transcript, answer("a", (10, 1, 1000, 100)), answer("b", (20, 2, 0, 0)), answer("a", (10, 50, 1000, 100)))
    assert claude(home, transcript) == {"2026-11-27": Tokens(30, 52, 1000, 100)}
    write(transcript, answer("b", (20, 60, 0, 0)), more=True)
    assert claude(home, transcript) == {"2026-11-27": Tokens(30, 110, 1000, 100)}
    assert claude(home, transcript) == {"2026-11-27": Tokens(30, 110, 1000, 100)}


def test_each_day_is_that_of_the_answer_and_one_without_a_time_is_of_the_day_before_it(
    home: Path, transcript: Path
) -> None:
    late, early = "2026-11-26T23:59:59.999Z", "2026-11-27T00:00:00.000Z"
    write(transcript, answer("a", (1, 0, 0, 0), late), answer("b", (2, 0, 0, 0), early), answer("c", (4, 0, 0, 0), "x"))
    assert claude(home, transcript) == {"2026-11-26": Tokens(1), "2026-11-27": Tokens(6)}


def test_sub_agents_count_with_their_conversation_also_when_their_files_are_gone(home: Path, transcript: Path) -> None:
    write(transcript, answer("a", (1, 0, 0, 0)))
    folder = transcript.with_suffix("") / "subagents"
    write(folder / "agent-one.jsonl", answer("x", (2, 0, 0, 0), isSidechain=True))
    write(folder / "workflow" / "agent-two.jsonl", answer("y", (4, 0, 0, 0), isSidechain=True))
    write(folder / "other.jsonl", answer("z", (8, 0, 0, 0)))
    assert total(claude(home, transcript).values()) == Tokens(7)
    (folder / "agent-one.jsonl").unlink()
    assert total(claude(home, transcript).values()) == Tokens(7)


def test_a_fork_counts_only_what_came_after_it(home: Path, transcript: Path) -> None:
    first = answer("a", (100, 0, 0, 0))
    write(transcript, first)
    copied = {**first, "sessionId": FORK, "requestSessionId": SESSION, "session_id": SESSION}
    fork = write(transcript.with_stem(FORK), copied, answer("b", (5, 0, 0, 0)) | {"sessionId": FORK})
    assert total(claude(home, fork).values()) == Tokens(5)


def test_half_a_line_is_waited_for_and_what_is_no_record_counts_for_nothing(home: Path, transcript: Path) -> None:
    write(transcript, answer("a", (1, 0, 0, 0)))
    whole = json.dumps(answer("b", (2, 0, 0, 0)))
    with transcript.open("a") as file:
        file.write(f'"usage"\n[1, "usage"]\n{{"type": "assistant", "message": {{"usage": 7}}}}\n{whole[:40]}')
    assert total(claude(home, transcript).values()) == Tokens(1)
    with transcript.open("a") as file:
        file.write(f"{whole[40:]}\n")
    assert total(claude(home, transcript).values()) == Tokens(3)


def test_more_than_one_part_of_a_long_file_is_read(home: Path, transcript: Path, tmp_path: Path) -> None:
    filler = {"type": "user", "text": "x" * (1 << 20)}
    write(transcript, answer("first", (1, 0, 0, 0)), *[filler] * 70, answer("last", (2, 0, 0, 0)))
    assert total(claude(home, transcript).values()) == Tokens(3)


def test_what_is_remembered_may_be_lost(home: Path, transcript: Path) -> None:
    write(transcript, answer("a", (1, 2, 3, 4)))
    before = claude(home, transcript)
    for kept in (home / "fleet" / "cursors").iterdir():
        kept.write_text("{")
    assert claude(home, transcript) == before


def count(given: int, read: int, put_out: int, last: int | None = None) -> dict[str, Any]:
    whole = {"input_tokens": given, "cached_input_tokens": read, "output_tokens": put_out}
    latest = whole if last is None else {"input_tokens": last, "cached_input_tokens": 0, "output_tokens": 0}
    info = {"total_token_usage": whole, "last_token_usage": latest}
    return {"type": "event_msg", "timestamp": AT, "payload": {"type": "token_count", "info": info}}


def meta(name: str, **more: Any) -> dict[str, Any]:
    return {"type": "session_meta", "timestamp": AT, "payload": {"id": name, **more}}


def rollout(home: Path, name: str, day: str = "2026/11/27") -> Path:
    return home / ".codex" / "sessions" / day / f"rollout-{day.replace('/', '-')}T08-29-55-{name}.jsonl"


def codex(home: Path, path: Path) -> Tokens:
    return total(kind_named("codex").used(home / "fleet", path).values())


def test_a_rollouts_total_counts_once_though_it_is_told_again_and_begins_anew(home: Path) -> None:
    path = write(rollout(home, SESSION), meta(SESSION), count(1201, 1001, 51), count(1201, 1001, 51))
    assert codex(home, path) == Tokens(200, 51, 1001)
    no_info = {"type": "event_msg", "timestamp": AT, "payload": {"type": "token_count", "info": None}}
    write(path, no_info, count(2405, 2005, 105, 1204), more=True)
    assert codex(home, path) == Tokens(400, 105, 2005)
    write(path, count(30, 0, 5), more=True)
    assert codex(home, path) == Tokens(430, 110, 2005)


def test_a_fork_of_codex_goes_on_from_a_total_that_is_not_its_own(home: Path) -> None:
    path = write(rollout(home, FORK), meta(FORK, forked_from_id=SESSION), count(3610, 3010, 160, 25))
    assert codex(home, path) == Tokens(25)


def test_sub_agents_of_codex_count_with_the_conversation_that_began_them(home: Path) -> None:
    path = write(rollout(home, SESSION), meta(SESSION), count(1, 0, 0))
    write(rollout(home, CHILD), meta(CHILD, parent_thread_id=SESSION), count(2, 0, 0))
    spawned = {"subagent": {"thread_spawn": {"parent_thread_id": CHILD}}}
    write(rollout(home, FORK, "2026/11/28"), meta(FORK, source=spawned), count(4, 0, 0))
    write(rollout(home, SESSION.replace("01a2", "01b2")), meta("other"), count(8, 0, 0))
    write(rollout(home, SESSION.replace("01a2", "01c2")), {"half": 1})
    assert codex(home, path) == Tokens(7)


def test_what_is_no_conversation_has_used_nothing(home: Path, tmp_path: Path) -> None:
    for kind in ("claude", "codex"):
        assert total(kind_named(kind).used(home / "fleet", tmp_path / "gone.jsonl").values()) == NONE
