"""Texts on their way into an input box, and found again in it and in a transcript."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetscripts.agents.kinds import kind_named
from fleetscripts.core.records.message import (
    COMMAND_SIGNS,
    as_message,
    holds_placeholder,
    is_placeholder,
    joined_from,
    rejoined,
    same_message,
    squeezed,
    stands_in,
    stands_queued,
    without_ours,
)

CLAUDE = kind_named("claude").folded
"""A long paste as Claude Code shows it."""


def rollout_message(role: str, text: str) -> dict[str, object]:
    content = [{"type": "input_text", "text": text}]
    return {"type": "response_item", "payload": {"type": "message", "role": role, "content": content}}


@pytest.mark.parametrize(
    "text", ["/clear", "!rm -rf .", "@secret", "# note", "  /exit now please", "exit", "1", "?", "\u200b/clear now"]
)
def test_nothing_begins_as_a_command(text: str) -> None:
    message = as_message(text)
    assert message.startswith("From the orchestrator:\n")


@pytest.mark.parametrize("text", ["see @README.md", "try /help", "a line that goes on \\", "what is #12"])
def test_nothing_ends_in_a_completion_or_a_line_to_be_continued(text: str) -> None:
    assert as_message(text) == f"{text} ."


@given(st.text())
def test_any_text_is_safe_or_empty(text: str) -> None:
    message = as_message(text)
    assert not message or not message.startswith(COMMAND_SIGNS)
    assert not any(ord(char) < 32 and char != "\n" for char in message)
    assert "\x1b" not in message
    assert as_message("\x1b\x00\u200e ") == ""


@given(st.text(alphabet="ab c\n", min_size=1))
def test_a_text_stands_in_a_box_however_it_is_wrapped(text: str) -> None:
    if squeezed(text):
        assert stands_in("\n".join(text), text, CLAUDE)
        assert not stands_in(text + "x", text, CLAUDE)


@pytest.mark.parametrize(
    ("kind", "box", "lines", "stands"),
    [
        ("claude", "[Pasted text #3 +59 lines]", 60, True),
        ("claude", "[Pasted text #1]", 1, True),
        ("claude", "[Pasted text #1]", 60, False),
        ("claude", "[Pasted text #3 +9 lines]", 60, False),
        ("claude", "[Pasted text #3 +59 lines] and more", 60, False),
        ("claude", "[...Truncated text #1 +59 lines...]", 60, True),
        ("claude", "line li[...Truncated text #1 +57 lines...]ine line", 60, True),
        ("claude", "mine [...Truncated text #1 +57 lines...]ine line", 60, False),
        ("claude", "[Pasted Content 1234 chars]", 60, False),
        ("claude", "something else", 60, False),
        ("claude", "", 3, False),
        ("codex", "[Pasted Content 1234 chars]", 60, True),
        ("codex", "line [Pasted Content 1234 chars]", 60, True),
        ("codex", "mine [Pasted Content 1234 chars]", 60, False),
        ("codex", "[Pasted text #3 +59 lines]", 60, False),
        ("codex", "", 3, False),
    ],
)
def test_a_long_paste_is_known_by_its_placeholder(kind: str, box: str, lines: int, stands: bool) -> None:
    assert stands_in(box, "\n".join(["line"] * lines), kind_named(kind).folded) is stands


def test_placeholders_alone_are_placeholders() -> None:
    assert is_placeholder("[Pasted text #1 +3 lines]", CLAUDE)
    assert not is_placeholder("[Pasted text #1 +3 lines] hm", CLAUDE)


@pytest.mark.parametrize(
    ("box", "theirs"),
    [
        ("hello ours text", "hello"),
        ("ours text and more", "and more"),
        ("ours text", ""),
        ("nothing of it", None),
        ("ours text ours text", None),
    ],
)
def test_what_somebody_typed_beside_our_text_is_told_apart(box: str, theirs: str | None) -> None:
    assert without_ours(box, "ours text", CLAUDE) == theirs


def test_what_somebody_typed_beside_our_long_paste_is_told_apart() -> None:
    assert without_ours("hm [Pasted text #2 +2 lines]", "a\nb\nc", CLAUDE) == "hm"
    assert without_ours("[Pasted text #1 +9 lines][Pasted text #2 +2 lines]", "a\nb\nc", CLAUDE) is None


@pytest.mark.parametrize(
    ("box", "ours"),
    [
        ("go on\nthen test it", True),
        ("then test it\ngo on", True),
        ("go on\nthen test it\nand push", True),
        ("go   on then\ntest it", True),
        ("go on\ngo on", False),
        ("go on", False),
        ("go on\nthen test it, please", False),
        ("I say: go on\nthen test it", False),
        ("", False),
    ],
)
def test_several_of_our_texts_are_known_as_one_and_somebodys_words_among_them_are_not(box: str, ours: bool) -> None:
    assert joined_from(box, ["and push", "go on", "then test it"]) is ours


def test_rows_that_were_broken_for_space_become_one_line_again() -> None:
    assert rejoined(["one two", "three"], 10) == "one two three"
    assert rejoined(["one", "two"], 10) == "one\ntwo"
    assert rejoined(["aaaaaaaaaa", "aa"], 10) == "aaaaaaaaaaaa"
    assert rejoined([], 10) == ""


def test_a_client_that_collapses_no_paste_shows_every_text_as_it_is() -> None:
    assert stands_in("some text", "some text", "")
    assert not stands_in("", "some text", ""), "an empty box does not hold it"
    assert not is_placeholder("", "")
    assert not holds_placeholder("a draft", "")
    assert without_ours("theirs some text", "some text", "") == "theirs"


def test_a_transcripts_record_is_the_message_without_its_wrapping() -> None:
    recorded = '\n\n<pasted_content id="d951">\nline one\nline two\n</pasted_content id="d951">\n'
    assert same_message(recorded, "line one\nline two")
    assert not same_message(recorded + "more", "line one\nline two")


@pytest.mark.parametrize(
    ("row", "queued"),
    [
        ("  ↳ look at the prices first", True),
        ("  ↳ look at the pri…", True),
        ("  ↳ look at something else", False),
        ("look at the prices first", False),
        ("  ↳ ", False),
    ],
)
def test_a_queued_text_is_known_by_its_row(row: str, queued: bool) -> None:
    rows = ["• Queued follow-up inputs", row, "    shift+← edit last queued message"]
    text = "look at the prices first\nand then sum up"
    assert stands_queued(rows, text, kind_named("codex").queued_row) is queued
    assert not stands_queued(rows, text, ""), "a client that shows no queue"


def test_each_kind_says_how_its_client_shows_a_queued_text() -> None:
    assert stands_queued(["queued: look at the prices"], "look at the prices first", r"queued: (?P<text>.+)")


@pytest.mark.parametrize(
    ("kind", "record", "text"),
    [
        ("claude", {"type": "user", "message": {"content": "hi"}}, "hi"),
        ("claude", {"type": "user", "message": {"content": [{"type": "text", "text": "hi"}]}}, "hi"),
        ("claude", {"type": "user", "message": {"content": [{"type": "tool_result", "content": "hi"}]}}, None),
        ("claude", {"type": "user", "isSidechain": True, "message": {"content": "hi"}}, None),
        ("claude", {"type": "assistant", "message": {"content": "hi"}}, None),
        ("claude", {"type": "queue-operation", "operation": "enqueue", "content": "hi"}, "hi"),
        ("claude", {"type": "queue-operation", "operation": "dequeue"}, None),
        ("codex", rollout_message("user", "hi"), "hi"),
        ("codex", rollout_message("user", "<environment_context>\nhi"), None),
        ("codex", rollout_message("assistant", "hi"), None),
        ("codex", rollout_message("developer", "hi"), None),
    ],
)
def test_only_what_the_user_sent_counts(kind: str, record: dict[str, object], text: str | None) -> None:
    assert kind_named(kind).typed_text(record) == text


NFC_PAIRS = [
    ("an accent", "se\u0301ance.txt", "s\u00e9ance.txt"),
    ("several accents", "u\u031bo\u031b\u0301", "\u01b0\u1edb"),
    ("Hangul", "\u1112\u1161\u11ab\u1100\u1173\u11af", "\ud55c\uae00"),
    ("Kana", "か\u3099", "が"),
    ("a skin tone", "well done \U0001f44d\U0001f3fd", "well done \U0001f44d"),
    ("tags", "flag \U0001f3f4\U000e0067\U000e0062\U000e007f", "flag \U0001f3f4"),
    ("a variation selector", "heart \u2764\ufe0f", "heart \u2764"),
    ("a soft hyphen", "co\u00adoperate", "cooperate"),
    ("a Mongolian selector", "\u1820\u180b", "\u1820"),
    ("an Angstrom sign", "\u212b", "\u00c5"),
]


@pytest.mark.parametrize(("sent", "shown"), [pair[1:] for pair in NFC_PAIRS], ids=[pair[0] for pair in NFC_PAIRS])
def test_a_text_is_known_as_the_client_writes_it(sent: str, shown: str) -> None:
    text, box = f"look at {sent} please", f"look at {shown} please"
    assert stands_in(box, text, CLAUDE)
    assert same_message(box, text)
    assert without_ours(f"mine {box}", text, CLAUDE) == "mine"
    assert without_ours(f"{box} théirs", text, CLAUDE) == "théirs"
    assert not stands_in(f"{box}!", text, CLAUDE)


@given(st.text(min_size=1, max_size=40))
def test_every_text_is_known_in_each_form_of_normalisation(text: str) -> None:
    message = as_message(text)
    for form in ("NFC", "NFD"):
        assert not message or same_message(unicodedata.normalize(form, message), message)


@pytest.mark.parametrize("joiner", ["\u200c", "\u200d"])
def test_joiners_are_spelling_and_kept(joiner: str) -> None:
    assert as_message(f"می{joiner}خواهم and more") == f"می{joiner}خواهم and more"
    assert stands_in("میخواهم and more", f"می{joiner}خواهم and more", CLAUDE)
