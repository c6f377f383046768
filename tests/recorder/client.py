"""What every client on the stage has in common: an input box that is tried by typing into it, a start and an end."""

from __future__ import annotations

import re
from abc import abstractmethod
from typing import Any, ClassVar

from tests.recorder.stage import TYPED_SECONDS, Stage
from tests.recorder.terminal import NotReached

PROBE = "zq"
KEY_SECONDS = 0.5


class Client(Stage):
    """One client in one pane. ``box``: how the row of its input box begins; ``choice``: a dialog's row that begins so.

    ``exits``: the command that ends it; ``queues``: the key that leaves a text for after the turn.
    """

    box: ClassVar[str]
    choice: ClassVar[str]
    exits: ClassVar[str]
    queues: ClassVar[str]

    @abstractmethod
    def launch(self, *arguments: str, **start: Any) -> None:
        """Start and go on to the prompt, past whatever stands before it."""

    @abstractmethod
    def newest_session(self) -> str:
        """The id of the conversation that was written to last."""

    @abstractmethod
    def dialog_drawn(self) -> bool:
        """True when a dialog stands where the input box was."""

    def dialog_stands(self, pattern: str) -> None:
        """Wait until a dialog stands and says so: the words alone may be an earlier message's."""
        self.terminal.wait(lambda: self.dialog_drawn() and self.terminal.shows(pattern), f"a dialog {pattern!r}", 8)

    def at_prompt(self) -> bool:
        """True when two letters typed now stand in the input box; they are taken away again."""
        screen = self.terminal.screen()
        if self.terminal.command() == "bash" or not re.search(self.box, screen, re.MULTILINE):
            return False
        if re.search(self.choice, screen, re.MULTILINE):
            return False
        self.terminal.type(PROBE)
        if not self.terminal.comes(lambda: self._in_box(PROBE), 2):
            return False
        for _ in range(3 * len(PROBE)):
            self.terminal.keys("BSpace")
            if self.terminal.comes(lambda: not self._in_box(PROBE[0]), KEY_SECONDS):
                self.terminal.settle(TYPED_SECONDS, 1.0)
                return True
        raise NotReached("the box keeps the probe")

    def _in_box(self, text: str) -> bool:
        return bool(re.search(self.box + re.escape(text), self.terminal.screen(), re.MULTILINE))

    def boxed(self, text: str) -> bool:
        """True when the input box (the last row that begins like one) holds this text."""
        rows = [line for line in self.terminal.screen().splitlines() if re.match(self.box, line)]
        return bool(rows) and text in rows[-1]

    def ready(self, **start: Any) -> None:
        """Have a client at its prompt, a new one if need be."""
        self.script.release()
        try:
            if self.at_prompt():
                return
        except NotReached:
            pass
        self.restart(**start)

    def restart(self, *arguments: str, **start: Any) -> None:
        """End the client and start a new one."""
        self.script.release()
        if self.terminal.command() != "bash":
            self.terminal.kill_client()
        self.launch(*arguments, **start)

    def moves(self, seconds: float) -> bool:
        """True when the screen changes in time."""
        before = self.terminal.screen()
        return self.terminal.comes(lambda: self.terminal.screen() != before, seconds)
