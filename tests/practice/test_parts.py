"""The pieces of the practice agent that decide without a terminal."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetscripts.practice.box import Box
from fleetscripts.practice.budget import Budget
from fleetscripts.practice.keys import Keys
from fleetscripts.practice.progress import Piece, PieceKind, failing, next_steps, standing
from fleetscripts.practice.script import Step, says, steps_in
from fleetscripts.practice.view import width_of, wrapped

KEYSTROKES = [
    (b"abc\r", [("text", "abc"), ("key", "enter")]),
    (b"\x1b[A\x1b[B", [("key", "up"), ("key", "down")]),
    (b"\x1b[200~a\rb\nc\x1b[201~\r", [("paste", "a\nb\nc"), ("key", "enter")]),
    (b"\x1b[200~\x1b[31m\x1b[201~", [("paste", "\x1b[31m")]),
    ("é ✳ 漢\x03".encode(), [("text", "é ✳ 漢"), ("key", "c-c")]),
    (b"\x1b\x1b[A", [("key", "escape"), ("key", "up")]),
    (b"\x1b[I\x1b[Ox", [("text", "x")]),
]


@pytest.mark.parametrize(("typed", "events"), KEYSTROKES)
def test_bytes_are_read_as_keys(typed: bytes, events: list[tuple[str, str]]) -> None:
    assert Keys().feed(typed) == events


@given(st.text(alphabet=st.characters(exclude_categories=("Cs", "Cc"))), st.integers(1, 5))
def test_it_does_not_matter_where_chunks_are_cut(text: str, size: int) -> None:
    data = b"\x1b[200~" + text.encode() + b"\x1b[201~" + text.encode() + b"\r"
    keys = Keys()
    events = [event for start in range(0, len(data), size) for event in keys.feed(data[start : start + size])]
    assert events[0] == ("paste", text)
    assert "".join(value for kind, value in events[1:] if kind == "text") == text
    assert events[-1] == ("key", "enter")


def test_a_lone_escape_is_a_key_once_nothing_follows() -> None:
    keys = Keys()
    assert keys.feed(b"\x1b") == []
    assert keys.waiting
    assert keys.settle() == [("key", "escape")]
    assert not keys.waiting


def test_a_long_paste_is_a_placeholder_and_is_sent_whole() -> None:
    box = Box()
    box.type("look: ")
    box.paste("a\nb\nc\nd\n")
    assert box.shown() == "look: [Pasted text #1 +4 lines]"
    assert "\na\nb\nc\nd\n" in box.sent()
    assert "<pasted_content id=" in box.sent()


def test_a_line_is_erased_at_a_time() -> None:
    box = Box()
    box.type("one\ntwo")
    box.erase_line()
    assert box.shown() == "one\n"
    box.erase_line()
    box.erase_line()
    assert not box


@given(st.text(max_size=300), st.integers(20, 80))
def test_no_line_is_wider_than_the_screen(text: str, width: int) -> None:
    lines = wrapped(text, width, "❯ ", "  ")
    assert all(width_of(line) <= width for line in lines)
    assert all(character >= " " for line in lines for character in line)


def test_a_text_scripts_its_steps_in_order() -> None:
    steps = steps_in(
        '<pasted_content id="x">first [[write a.txt some\ntext]] then [[done]] [[nonsense]]</pasted_content>'
    )
    assert [(step.name, step.argument) for step in steps] == [("write", "a.txt some\ntext"), ("done", "")]
    assert says(steps[1]).endswith("ORCHESTRATOR:DONE")


def conversation(*pieces: tuple[str, str]) -> list[Piece]:
    return [Piece(PieceKind(kind), text) for kind, text in pieces]


SCRIPT = "[[bash true]] [[checkpoint a]] [[bash false]] [[done]]"

STANDINGS = [
    ([("user", SCRIPT)], 0),
    ([("user", SCRIPT), ("tool", "toolu_s0_x")], 0),
    ([("user", SCRIPT), ("tool", "toolu_s0_x"), ("result", "toolu_s0_x")], 1),
    ([("user", SCRIPT), ("result", "toolu_s0_x"), ("agent", "CHECKPOINT:a")], 2),
    ([("user", SCRIPT), ("result", "toolu_s0_x"), ("agent", "CHECKPOINT:a"), ("user", "go on")], 2),
    ([("user", SCRIPT), ("result", "toolu_s2_x"), ("agent", "All steps complete.\n\nORCHESTRATOR:DONE")], 4),
    ([("user", SCRIPT), ("result", "toolu_s2_x"), ("user", "[[done]]")], 0),
    ([("user", SCRIPT), ("result", "toolu_s0_x"), ("user", f"Your task was: {SCRIPT}")], 1),
    ([("user", "[[done]]"), ("agent", "All steps complete.\n\nORCHESTRATOR:DONE"), ("user", "[[done]]")], 0),
    ([("user", "hello")], 0),
]


@pytest.mark.parametrize(("pieces", "position"), STANDINGS)
def test_a_conversation_says_where_its_script_stands(pieces: list[tuple[str, str]], position: int) -> None:
    found = standing(conversation(*pieces))
    assert len(found.script) - len(found.remaining) == position


def test_an_answer_ends_with_the_next_tool_or_asks_again_before_a_failure() -> None:
    names = [step.name for step in next_steps(standing(conversation(("user", "[[say a]] [[bash x]] [[done]]"))))]
    assert names == ["say", "bash"]
    steps = next_steps(standing(conversation(("user", "[[say a]] [[ratelimit]] [[done]]"))))
    assert [(step.name, step.argument) for step in steps] == [("say", "a"), ("bash", "true")]


def test_a_wall_is_one_tokens_and_falls_in_time() -> None:
    budget = Budget()
    found = standing(conversation(("user", "[[ratelimit 60]] [[done]]")))
    assert failing(found, budget, "first", now=1000) == "ratelimit"
    assert budget.charge("first", 1001).walled_until == 1060
    assert budget.charge("second", 1001).walled_until is None
    assert failing(found, budget, "second", now=1001) is None
    assert budget.charge("first", 1061).walled_until is None


def test_a_token_that_has_used_what_it_may_is_walled_until_its_window_ends() -> None:
    budget = Budget()
    budget.allow("token", requests=2, window_seconds=100)
    assert [budget.charge("token", at).walled_until for at in (0, 1, 2, 99)] == [None, None, 100, 100]
    assert budget.charge("token", 101).walled_until is None


@given(st.lists(st.sampled_from(["say x", "bash true", "checkpoint a", "think 0", "done"]), min_size=1, max_size=8))
def test_a_script_is_done_step_by_step_whatever_it_is(script: list[str]) -> None:
    """The model is asked again and again, as a client asks; every step is done once, in order."""
    pieces = conversation(("user", " ".join(f"[[{step}]]" for step in script)))
    done: list[Step] = []
    while len(done) < len(script):
        steps = next_steps(standing(pieces))
        done += steps
        pieces += [
            Piece(PieceKind.RESULT, f"toolu_s{step.index}_x")
            if step.name == "bash"
            else Piece(PieceKind.AGENT, says(step))
            for step in steps
        ]
    assert [step.index for step in done] == list(range(len(script)))
