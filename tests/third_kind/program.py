"""The program: a raw terminal, a transcript, a box at the bottom."""

from __future__ import annotations

import json
import os
import shutil
import sys
import tty
from pathlib import Path

HOME = Path(os.environ.get("PARROT_HOME") or Path.home() / ".parrot")
BEGIN, END = "\x1b[200~", "\x1b[201~"


def main() -> None:
    how, session = sys.argv[1:3]
    talk = HOME / "talks" / f"{session}.jsonl"
    for folder in (talk.parent, HOME / "live"):
        folder.mkdir(parents=True, exist_ok=True)
    lines = talk.read_text().splitlines() if how == "--resume" else []
    said = [json.loads(line) for line in lines]
    (HOME / "live" / str(os.getpid())).write_text(session)
    tty.setraw(0)
    draft, busy, keys = "", False, ""
    sys.stdout.write("\x1b[?2004h")

    def tell(by: str, text: str) -> None:
        said.append({"by": by, "text": text})
        with talk.open("a") as file:
            file.write(json.dumps(said[-1]) + "\n")

    def draw() -> None:
        rows = shutil.get_terminal_size().lines
        shown = [f"{one['by']}: {' '.join(one['text'].split())[:80]}" for one in said][-(rows - 5) :]
        box = f"<{draft.count(chr(10))} more lines>" if "\n" in draft else draft
        screen = [*shown, *(["(working)"] if busy else []), f"] {box}", "-- parrot --"]
        sys.stdout.write("\x1b[H\x1b[J" + "\r\n".join(screen) + f"\x1b[A\r\x1b[{2 + len(box)}C")
        sys.stdout.flush()

    while True:
        draw()
        keys += os.read(0, 65536).decode()
        while keys:
            if BEGIN.startswith(keys[: len(BEGIN)]) and keys != "\x1b":
                text, closed, rest = keys[len(BEGIN) :].partition(END)
                if not closed:
                    break
                draft, keys = draft + text.replace("\r", "\n"), rest
                continue
            key, keys = keys[0], keys[1:]
            if key == "\x1b":
                busy = False
            elif key == "\x15":
                draft = ""
            elif key == "\x03" and not draft:
                sys.stdout.write(f"\x1b[H\x1b[J\x1b[?2004lparrot --resume {session}\r\n")
                return
            elif key == "\r" and draft:
                tell("user", draft)
                busy = draft.endswith("squawk")
                if not busy:
                    tell("parrot", draft)
                draft = ""
            elif key.isprintable():
                draft += key


main()
