"""The script language: a text given to a practice agent or a scripted model says in ``[[…]]`` what the agent does.

A text may hold any number of steps, anywhere in it; they are done in order. ``[[name argument]]``; the argument may
span lines. A name that is not in the tables below is not a step. Kept free of heavy imports: 200 practice agents
start at once.

    [[say TEXT]] [[slow TEXT]] [[think SECONDS]] [[lines N]] [[checkpoint NAME]] [[done]] [[table]]
    [[bash COMMAND]] [[bgbash COMMAND]] [[longbash]] [[edit FILE TEXT]] [[write FILE TEXT]] [[commit MESSAGE]] [[push]]
    [[ask QUESTION|OPTION|…]] [[plan]] [[task PROMPT with {{steps}}]] [[crash]]
    [[tool NAME JSON]] any tool of a real client; the practice agent has none
    [[ratelimit SECONDS]] [[overloaded TIMES]] [[server TIMES]] [[auth]] [[credit]] [[context]]

An ``ask`` may hold several questions, ``||`` between them; one that ends with ``*`` takes several options.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

QUOTED_DIALOG = """\
| col a | col b |
|---|---|
| 1 | 2 |

```bash
$ claude
❯ hello
✻ Thinking… (4s · esc to interrupt)
```

Do you want to proceed?
 ❯ 1. Yes
   2. No

Esc to cancel"""

TEXTS = frozenset({"say", "slow", "think", "lines", "checkpoint", "done", "table"})
TOOLS = frozenset(
    {"bash", "bgbash", "longbash", "edit", "write", "commit", "push", "ask", "plan", "task", "tool", "crash"}
)
FAILURES = frozenset({"ratelimit", "overloaded", "server", "auth", "credit", "context"})
NOTHING_LEFT = "Hello from the scripted model. Nothing to do."
TOOL_FINISHED = "Tool finished."
DEFAULT_THINK_SECONDS = 20.0
DEFAULT_WALL_SECONDS = 7200.0

_STEP = re.compile(r"\[\[([a-z][a-z0-9]*)(?:\s+(.*?))?\s*\]\]", re.S)


class Step:
    """One thing to do: its name, its argument, and its place in its script."""

    __slots__ = ("argument", "index", "name")

    def __init__(self, name: str, argument: str, index: int) -> None:
        self.name = name
        self.argument = argument
        self.index = index

    def number(self, default: float) -> float:
        """The argument as a number, ``default`` without one."""
        try:
            return float(self.argument.split()[0])
        except (IndexError, ValueError):
            return default


def steps_in(text: str) -> list[Step]:
    """The steps in a text, in order."""
    known = TEXTS | TOOLS | FAILURES
    found = [match.groups() for match in _STEP.finditer(text) if match[1] in known]
    return [Step(name, argument or "", index) for index, (name, argument) in enumerate(found)]


def resumes(script: Sequence[Step], position: int, told: Sequence[Step]) -> bool:
    """Whether a text only repeats the script in progress, as a reminder of the task does: it then continues."""
    same = [(step.name, step.argument) for step in script] == [(step.name, step.argument) for step in told]
    return same and position < len(script)


def says(step: Step) -> str:
    """The agent's text for a step of ``TEXTS``."""
    if step.name == "checkpoint":
        return f"CHECKPOINT:{step.argument}"
    if step.name == "done":
        return "All steps complete.\n\nORCHESTRATOR:DONE"
    if step.name == "think":
        return "Done thinking."
    if step.name == "lines":
        return "\n".join(f"line {number}" for number in range(1, int(step.number(100)) + 1))
    if step.name == "table":
        return QUOTED_DIALOG
    return step.argument.strip() or "word " * 60


def quoted(text: str) -> str:
    """A word that every POSIX shell reads as ``text``."""
    return "'" + text.replace("'", "'\"'\"'") + "'"


def command_of(step: Step) -> str:
    """The shell command of a step that runs one; empty for the others."""
    argument = step.argument
    if step.name in ("bash", "bgbash"):
        return argument
    if step.name == "longbash":
        return "\n".join(f"echo step {i} && ls -la ./dir{i} | head -n {i}" for i in range(60))
    if step.name == "write":
        path, _, text = argument.partition(" ")
        return f"mkdir -p -- \"$(dirname -- {quoted(path)})\" && printf '%s\\n' {quoted(text)} >> {quoted(path)}"
    if step.name == "commit":
        return f"git add -A && git commit -q -m {quoted(argument or 'Work')}"
    if step.name == "push":
        return "git push -q -u origin HEAD"
    if step.name == "crash":
        once = f'"$(git rev-parse --absolute-git-dir)/practice-crash-{step.index}"'
        return f"test -e {once} || {{ : > {once}; kill -9 $PPID; }}"
    return ""


def questions_of(step: Step) -> list[tuple[str, list[str], bool]]:
    """The questions of an ``ask`` step, each with its options and whether it takes several of them."""
    found = []
    for written in step.argument.split("||"):
        question, *options = [part.strip() for part in written.split("|")]
        several = question.endswith("*")
        found.append((question.rstrip("*") or "Which approach should I take?", options or ["A", "B"], several))
    return found
