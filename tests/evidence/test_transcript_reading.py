"""A growing file is read from where reading stopped, whatever happens to the file meanwhile."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fleetscripts.adapters.sessions import transcripts
from fleetscripts.adapters.sessions.transcripts import Cursor, SavedCursor, read_new, recall, remember
from fleetscripts.agents.claude_session import read_turn, transcript_path

SESSION = "550e8400-e29b-41d4-a716-446655440000"


def record(text: str, kind: str = "assistant") -> bytes:
    content = [{"type": "text", "text": text}] if kind == "assistant" else text
    message = {"id": text[:9], "content": content, "stop_reason": "end_turn"}
    line = {"type": kind, "timestamp": "2026-11-21T01:00:00Z", "message": message}
    return json.dumps(line).encode() + b"\n"


def test_only_what_is_new_is_read(tmp_path: Path) -> None:
    path = tmp_path / "t"
    path.write_bytes(b"one\ntwo\n")
    first = read_new(path, Cursor())
    assert first is not None
    assert (first.lines, first.restarted) == ((b"one", b"two"), True)
    with path.open("ab") as file:
        file.write(b"three\n")
    second = read_new(path, first.cursor)
    assert second is not None
    assert (second.lines, second.restarted) == ((b"three",), False)


def test_a_half_written_line_waits_for_its_end(tmp_path: Path) -> None:
    path = tmp_path / "t"
    path.write_bytes(b'one\n{"half')
    first = read_new(path, Cursor())
    assert first is not None
    assert first.lines == (b"one",)
    with path.open("ab") as file:
        file.write(b'":1}\n')
    second = read_new(path, first.cursor)
    assert second is not None
    assert second.lines == (b'{"half":1}',)


@pytest.mark.parametrize("how", ["truncated", "rewritten in place", "replaced"])
def test_a_file_that_does_not_go_on_is_read_anew(tmp_path: Path, how: str) -> None:
    path = tmp_path / "t"
    path.write_bytes(b"one\ntwo\n")
    first = read_new(path, Cursor())
    assert first is not None
    if how == "replaced":
        path.rename(tmp_path / "old")
    path.write_bytes(b"new\n" if how == "truncated" else b"other\nlines\nhere\n")
    second = read_new(path, first.cursor)
    assert second is not None
    assert second.restarted
    assert second.lines[0] in (b"new", b"other")


def test_the_first_look_at_a_large_file_reads_its_tail_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transcripts, "FIRST_TAIL_BYTES", 100)
    path = tmp_path / "t"
    path.write_bytes(b"".join(b"line %d\n" % number for number in range(1000)))
    reading = read_new(path, Cursor())
    assert reading is not None
    assert reading.lines[-1] == b"line 999"
    assert 5 < len(reading.lines) < 15
    assert all(line.startswith(b"line ") for line in reading.lines)


def test_a_missing_a_compressed_and_an_unreadable_file_say_nothing(tmp_path: Path) -> None:
    packed = tmp_path / "packed"
    packed.write_bytes(gzip.compress(record("hello")))
    assert read_new(tmp_path / "none", Cursor()) is None
    assert read_new(packed, Cursor()) is None
    assert read_new(tmp_path, Cursor()) is None


def test_what_was_made_of_the_lines_is_kept_for_the_next_process(tmp_path: Path) -> None:
    path = tmp_path / "t"
    kept = SavedCursor(Cursor(5, 6, "seal"), {"version": 1})
    remember(tmp_path, path, kept)
    assert recall(tmp_path, path) == kept
    assert recall(tmp_path, tmp_path / "other") == SavedCursor()
    assert [entry.stat().st_mode & 0o777 for entry in (tmp_path / "cursors").iterdir()] == [0o600]


@pytest.mark.parametrize("content", ["", "{", "[]", '{"path": 1}'])
def test_a_damaged_cursor_is_as_none(tmp_path: Path, content: str) -> None:
    remember(tmp_path, tmp_path / "t", SavedCursor(Cursor(5, 6, "seal")))
    next((tmp_path / "cursors").iterdir()).write_text(content, encoding="utf-8")
    assert recall(tmp_path, tmp_path / "t") == SavedCursor()


def test_no_more_cursors_are_kept_than_a_bound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transcripts, "_MOST_CURSORS", 3)
    for number in range(9):
        remember(tmp_path, tmp_path / str(number), SavedCursor())
    assert len(list((tmp_path / "cursors").iterdir())) == 3


def test_where_nothing_can_be_kept_the_transcript_is_read_all_the_same(tmp_path: Path) -> None:
    path = tmp_path / "t"
    path.write_bytes(record("CHECKPOINT:a"))
    (tmp_path / "no-folder").write_text("a file where a folder is wanted", encoding="utf-8")
    turn = read_turn(tmp_path / "no-folder", path)
    assert turn is not None
    assert [checkpoint.step for checkpoint in turn.all_checkpoints()] == ["a"]


lines = st.lists(
    st.sampled_from(["hello", "CHECKPOINT:a", "CHECKPOINT:b", "ORCHESTRATOR:DONE", "❯ ü\u2028"]), max_size=12
)


@settings(max_examples=40)
@given(lines, st.lists(st.integers(0, 2000), max_size=6))
def test_looking_at_any_moments_comes_to_the_same_as_looking_once(
    tmp_path_factory: pytest.TempPathFactory, texts: list[str], cuts: list[int]
) -> None:
    content = b"".join(record(text, "user" if text == "hello" else "assistant") for text in texts)
    folder = tmp_path_factory.mktemp("t")
    path, whole = folder / "t", folder / "whole"
    whole.write_bytes(content)
    written = 0
    path.write_bytes(b"")
    for cut in (*sorted(min(cut, len(content)) for cut in cuts), len(content)):
        with path.open("ab") as file:
            file.write(content[written:cut])
        written = cut
        piecemeal = read_turn(folder, path)
    assert piecemeal == read_turn(folder, whole)


def test_the_transcript_is_found_by_session_in_any_project_folder(tmp_path: Path) -> None:
    moved = tmp_path / "projects" / "-somewhere-else"
    moved.mkdir(parents=True)
    (moved / f"{SESSION}.jsonl").write_bytes(b"")
    assert transcript_path(tmp_path, "/home/dev/a.b", SESSION) == moved / f"{SESSION}.jsonl"
    own = tmp_path / "projects" / "-home-dev-a-b"
    own.mkdir()
    (own / f"{SESSION}.jsonl").write_bytes(b"")
    assert transcript_path(tmp_path, "/home/dev/a.b", SESSION) == own / f"{SESSION}.jsonl"


def test_a_project_folder_that_has_just_come_is_searched_too(tmp_path: Path) -> None:
    assert transcript_path(tmp_path, "/x", SESSION) is None
    for number in range(20):
        folder = tmp_path / "projects" / f"-later-{number}"
        folder.mkdir(parents=True)
        session = SESSION[:-2] + f"{number:02}"
        assert transcript_path(tmp_path, "/x", session) is None
        (folder / f"{session}.jsonl").write_bytes(b"")
        assert transcript_path(tmp_path, "/x", session) == folder / f"{session}.jsonl"


def test_a_session_id_that_is_none_leads_nowhere(tmp_path: Path) -> None:
    assert transcript_path(tmp_path, "/x", "../../etc/passwd") is None
    assert transcript_path(tmp_path, "/x", "*") is None


def test_without_a_session_id_the_only_recent_transcript_of_the_folder_is_taken(tmp_path: Path) -> None:
    folder = tmp_path / "projects" / "-x"
    folder.mkdir(parents=True)
    (folder / f"{SESSION}.jsonl").write_bytes(b"")
    assert transcript_path(tmp_path, "/x", None, client_started=1.0) == folder / f"{SESSION}.jsonl"
    (folder / f"{SESSION.replace('5', '6')}.jsonl").write_bytes(b"")
    assert transcript_path(tmp_path, "/x", None, client_started=1.0) is None
    assert transcript_path(tmp_path, "/x", None, client_started=9e12) is None
