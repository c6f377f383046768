"""Parses bytes from the terminal into keys, typed text and pastes."""

from __future__ import annotations

_CONTROLS = {
    0x01: "c-a",
    0x02: "c-b",
    0x03: "c-c",
    0x04: "c-d",
    0x05: "c-e",
    0x08: "backspace",
    0x09: "tab",
    0x0A: "newline",
    0x0B: "c-k",
    0x0C: "c-l",
    0x0D: "enter",
    0x0F: "c-o",
    0x15: "c-u",
    0x17: "c-w",
    0x19: "c-y",
    0x7F: "backspace",
}
_SEQUENCES = {
    b"A": "up",
    b"B": "down",
    b"C": "right",
    b"D": "left",
    b"H": "home",
    b"F": "end",
    b"Z": "shift-tab",
    b"3~": "delete",
}
_PASTE_START = b"\x1b[200~"
_PASTE_END = b"\x1b[201~"


class Keys:
    """Turns chunks of bytes, cut anywhere, into ``(kind, value)``: ``key`` and its name, ``text``, ``paste``."""

    def __init__(self) -> None:
        self._bytes = b""

    def feed(self, data: bytes) -> list[tuple[str, str]]:
        """The events that this chunk completes."""
        self._bytes += data
        events = []
        while self._bytes:
            event, length = self._next()
            if not length:
                break
            self._bytes = self._bytes[length:]
            if event is not None:
                events.append(event)
        return events

    @property
    def waiting(self) -> bool:
        """Whether there is a lone escape byte: the key, unless more follows at once."""
        return self._bytes == b"\x1b"

    def settle(self) -> list[tuple[str, str]]:
        """Nothing followed: the escape byte was the key."""
        if not self.waiting:
            return []
        self._bytes = b""
        return [("key", "escape")]

    def _next(self) -> tuple[tuple[str, str] | None, int]:
        data = self._bytes
        if data.startswith(_PASTE_START):
            end = data.find(_PASTE_END)
            if end < 0:
                return None, 0
            pasted = data[len(_PASTE_START) : end].decode("utf-8", "replace")
            return ("paste", pasted.replace("\r\n", "\n").replace("\r", "\n")), end + len(_PASTE_END)
        if data[0] == 0x1B:
            return self._escape(data)
        if data[0] < 0x20 or data[0] == 0x7F:
            name = _CONTROLS.get(data[0])
            return (("key", name) if name else None), 1
        return _text(data)

    def _escape(self, data: bytes) -> tuple[tuple[str, str] | None, int]:
        if len(data) == 1:
            return None, 0
        if data[1] not in b"[O":
            return (("key", "newline") if data[1] == 0x0D else ("key", "escape")), (2 if data[1] == 0x0D else 1)
        for index in range(2, len(data)):
            if 0x40 <= data[index] <= 0x7E:
                name = _SEQUENCES.get(data[2 : index + 1])
                return (("key", name) if name else None), index + 1
        return None, 0


def _text(data: bytes) -> tuple[tuple[str, str] | None, int]:
    """The printable bytes at the front, without an incomplete character."""
    end = 0
    while end < len(data) and data[end] >= 0x20 and data[end] != 0x7F:
        end += 1
    try:
        text = data[:end].decode("utf-8")
    except UnicodeDecodeError as error:
        if end == len(data) and error.reason == "unexpected end of data":
            end = error.start
        text = data[:end].decode("utf-8", "replace")
    return (("text", text) if text else None), end
