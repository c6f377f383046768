"""The README's pictures, made from runs of the demo: the live view as it stands in a pane, and the timeline."""

from __future__ import annotations

import io
import shlex
import shutil
import subprocess
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import TerminalTheme
from rich.text import Text

from fleetscripts.practice.stage import Stage
from fleetscripts.services.demo.demo import Demo
from fleetscripts.services.demo.demo_hosts import DemoHosts
from tests.places import BUNDLE
from tests.waiting import comes, wait_until

COLUMNS, LINES = 118, 20
DOCS = BUNDLE / "docs"
QUESTION = "a question that only a person may answer"

THEME = TerminalTheme(
    (24, 27, 33), (205, 211, 219),
    [(60, 66, 76), (224, 108, 117), (126, 200, 130), (229, 192, 103), (97, 165, 235), (190, 140, 230), (86, 190, 200),
     (205, 211, 219)],
    [(92, 99, 112), (240, 125, 133), (150, 220, 150), (245, 210, 125), (125, 185, 250), (210, 165, 245),
     (110, 210, 220), (245, 247, 250)],
)  # fmt: skip

FORMAT = """<svg xmlns="http://www.w3.org/2000/svg" class="rich-terminal" viewBox="0 0 {width} {height}">
<style>
.{unique_id}-matrix {{ font-family: "DejaVu Sans Mono", Menlo, Consolas, monospace;
  font-size: {char_height}px; line-height: {line_height}px; font-variant-east-asian: full-width; }}
.{unique_id}-title {{ font-size: 18px; font-weight: bold; font-family: system-ui, sans-serif; }}
{styles}
</style>
<defs>
<clipPath id="{unique_id}-clip-terminal">
<rect x="0" y="0" width="{terminal_width}" height="{terminal_height}" />
</clipPath>
{lines}
</defs>
{chrome}
<g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}
<g class="{unique_id}-matrix">
{matrix}
</g>
</g>
</svg>
"""
"""Rich's own without its fonts from the net: a picture that fetches nothing."""


@dataclass
class Painter:
    """Watches the demo's words, and takes its picture when a question waits."""

    stage: Stage
    pane: str = ""
    taken: list[str] = field(default_factory=list)

    def hear(self, line: str) -> None:
        """One line of the demo's."""
        print(line)
        if "run-loop watches them" in line:
            self.open()
        elif QUESTION in line:
            self.take()

    def open(self) -> None:
        """The live view, in a session of its own so that it has the picture's size."""
        command = shlex.join(Demo(self.stage, print).scripts.argv("status", "--watch"))
        size = ["-x", str(COLUMNS), "-y", str(LINES)]
        answer = self.stage.tmux("new-session", "-d", "-P", "-F", "#{pane_id}", "-s", "view", *size, command)
        self.pane = (answer or "").strip()

    def take(self) -> None:
        """The pane with its colours, once the question stands there and its agent is selected."""
        wait_until(lambda: "waiting approval" in self.screen() and "loop in" in self.screen(), 20, self.screen)
        wait_until(lambda: self.is_selected() and "needs a decision" in self.screen(), 20, self.screen)
        self.taken.append(self.stage.tmux("capture-pane", "-eNp", "-t", self.pane) or "")
        self.stage.tmux("kill-session", "-t", "=view")

    def is_selected(self) -> bool:
        """Whether the question's row is; rows change their order meanwhile, so the next key goes towards it."""
        rows = self.screen().splitlines()[3:]
        wanted = next((at for at, row in enumerate(rows) if "waiting approval" in row), 0)
        selected = next((at for at, row in enumerate(rows) if row.startswith("▌")), wanted)
        if selected != wanted:
            self.stage.tmux("send-keys", "-t", self.pane, "j" if selected < wanted else "k")
            comes(lambda: rows != self.screen().splitlines()[3:], 1)
        return selected == wanted

    def screen(self) -> str:
        """Its text."""
        return self.stage.tmux("capture-pane", "-p", "-t", self.pane) or ""


@dataclass
class HostsPainter:
    """Watches the demo on several machines, and takes its picture while one of them is lost."""

    demo: DemoHosts
    taken: str = ""

    def hear(self, line: str) -> None:
        """One line of the demo's."""
        print(line)
        if "run-loop watches" in line:
            command = shlex.join(self.demo.scripts.argv("status", "--watch"))
            self.tmux("-f", "/dev/null", "new-session", "-d", "-x", str(COLUMNS), "-y", str(LINES), command)
        elif "is unreachable" in line and not self.taken:
            wait_until(lambda: "unreachable" in self.tmux("capture-pane", "-p"), 40)
            self.taken = self.tmux("capture-pane", "-eNp")
            self.tmux("kill-server")

    def tmux(self, *arguments: str) -> str:
        """What tmux prints, on a server of the view's own."""
        words = ["tmux", "-u", "-L", "view", *arguments]
        return subprocess.run(words, env=self.demo.environment(), check=True, capture_output=True, text=True).stdout


def as_svg(ansi: str, title: str) -> str:
    """A captured pane as a picture."""
    console = Console(record=True, width=COLUMNS, file=io.StringIO(), force_terminal=True, color_system="truecolor")
    console.print(Text.from_ansi(ansi), no_wrap=True, overflow="crop")
    return console.export_svg(title=title, theme=THEME, code_format=FORMAT, unique_id="watch")


def main() -> int:
    """Play both demos once and write the pictures."""
    DOCS.mkdir(exist_ok=True)
    _one_machine()
    _several_machines()
    return 0


def _one_machine() -> None:
    folder = Path(tempfile.mkdtemp(prefix="fleet-demo-", dir="/tmp")).resolve()
    painter = Painter(Stage(folder))
    demo = Demo(painter.stage, painter.hear)
    try:
        demo.play()
        (DOCS / "watch.svg").write_text(as_svg(painter.taken[0], "scripts/status --watch"), encoding="utf-8")
        demo.scripts.must("status", "--timeline", "--output", str(DOCS / "timeline.svg"))
    finally:
        painter.stage.stop()
        shutil.rmtree(folder, ignore_errors=True)
    print(f"wrote {DOCS}/watch.svg and {DOCS}/timeline.svg")


def _several_machines() -> None:
    folder = Path(tempfile.mkdtemp(prefix="fleet-demo-", dir="/tmp")).resolve()
    painter = HostsPainter(DemoHosts(folder, 3, print))
    painter.demo.show = painter.hear
    try:
        painter.demo.play()
        (DOCS / "hosts.svg").write_text(as_svg(painter.taken, "scripts/status --watch"), encoding="utf-8")
    finally:
        painter.demo.stop()
        shutil.rmtree(folder, ignore_errors=True)
    print(f"wrote {DOCS}/hosts.svg")


if __name__ == "__main__":
    raise SystemExit(main())
