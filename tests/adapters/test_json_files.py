"""JSON files: orjson and Python's own module say the same."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetscripts.adapters.records import json_files
from fleetscripts.errors import FleetError

WHOLE = st.integers(min_value=-(2**63), max_value=2**64 - 1)
TEXT = st.text(st.characters(blacklist_categories=()))
VALUES = st.recursive(
    st.none() | st.booleans() | WHOLE | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=12,
)
ODD = {
    "half of a surrogate pair": rb'{"said": "\ud83d"}',
    "no number": b'{"at": NaN}',
    "endless": b'{"at": 1e999}',
    "a byte order mark": b"\xef\xbb\xbf{}",
}
NONE = {"nothing": b"", "half a file": b'{"at": 1', "no text": b"\xff\xff", "deep": b"[" * 200_000}


@given(VALUES)
def test_what_is_written_is_read_again_whoever_writes_and_reads(value: object) -> None:
    for indent in (False, True):
        fast = json_files.encode(value, indent=indent)
        assert json.loads(fast) == json_files.decode(fast) == value


@given(VALUES)
def test_both_write_the_same_bytes_of_what_has_no_fraction(value: object) -> None:
    if "." not in repr(value) and "e-" not in repr(value) and "e+" not in repr(value):
        separators = {True: None, False: (",", ":")}
        for indent, between in separators.items():
            try:
                plain = json.dumps(value, ensure_ascii=False, indent=2 if indent else None, separators=between).encode()
            except UnicodeEncodeError:
                return
            assert json_files.encode(value, indent=indent) == plain + b"\n" * indent


@pytest.mark.parametrize("content", ODD.values(), ids=ODD)
def test_what_others_write_and_the_fast_one_refuses_is_read_as_python_reads_it(content: bytes) -> None:
    found, expected = json_files.decode(content), json.loads(content)
    assert repr(found) == repr(expected)


@pytest.mark.parametrize("content", NONE.values(), ids=NONE)
def test_what_is_no_json_is_one_kind_of_error(content: bytes, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"."):
        json_files.decode(content)
    (tmp_path / "file.json").write_bytes(content)
    assert json_files.read_json(tmp_path / "file.json") is None


def test_what_is_no_number_is_written_as_python_writes_it_or_refused() -> None:
    assert json_files.encode([math.nan]) == b"[NaN]"
    with pytest.raises(ValueError, match="not JSON compliant"):
        json_files.encode([math.nan], finite=True)


def test_what_killed_writers_left_goes_only_where_nobody_else_writes(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    path, left = folder / "a.json", folder / ".a.json.0123456789ab.tmp"
    left.write_bytes(b"{")
    json_files.write_json(path, {"one": 1})
    assert left.exists()
    json_files.write_json(path, {"two": 2}, alone=True)
    assert [entry.name for entry in folder.iterdir()] == ["a.json"]
    assert json_files.load(path) == {"two": 2}


def test_a_file_that_cannot_be_written_is_said_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "folder").write_text("in the way", encoding="utf-8")
    with pytest.raises(FleetError, match=r"^cannot write .*a\.json: "):
        json_files.write_json(tmp_path / "folder" / "a.json", {})


@given(VALUES | st.dictionaries(TEXT, st.integers(-(10**40), 10**40), max_size=4))
def test_integers_of_any_length_are_kept_where_reading_is_exact(value: object) -> None:
    assert json_files.decode(json.dumps(value).encode(), exact=True) == value


@pytest.mark.parametrize("content", [b"[NaN]", b"[-Infinity]", b"\xef\xbb\xbf{}", *NONE.values()])
def test_exact_reading_refuses_what_is_no_json(content: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        json_files.decode(content, exact=True)
