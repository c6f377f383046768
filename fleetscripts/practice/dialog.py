"""The client's dialogs: words, rows, focused row, and effect of keys."""

from __future__ import annotations

from fleetscripts.practice.script import Step, command_of, questions_of

DEAF_SECONDS = 0.25
"""Keys this soon after a start-up dialog is drawn are ignored, as by the client."""

NO, YES = "No, exit", "Yes, I trust this folder"
ACCEPT = "Yes, I accept"


class Dialog:
    """Rows to choose from under a text. ``waiting_for``: the session registry's name for it. ``frame``: with rules."""

    def __init__(
        self,
        name: str,
        text: list[str],
        rows: list[str],
        footer: str = "Esc to cancel · Tab to amend",
        waiting_for: str = "permission prompt",
        numbered: bool = True,
        indent: str = " ",
    ) -> None:
        self.name = name
        self.text = text
        self.rows = rows
        self.footer = footer
        self.waiting_for = waiting_for
        self.numbered = numbered
        self.indent = indent
        self.focus = 0

    def key(self, kind: str, value: str) -> str | None:
        """Takes a key; the label of the chosen row, empty for Escape, None while nothing is chosen."""
        if kind == "text" and self.numbered and value[:1].isdigit() and 0 < int(value[0]) <= len(self.rows):
            return self.rows[int(value[0]) - 1]
        if kind != "key":
            return None
        if value in ("down", "up", "tab"):
            self.focus = (self.focus + (-1 if value == "up" else 1)) % len(self.rows)
        if value == "enter":
            return self.rows[self.focus]
        return "" if value in ("escape", "c-c") else None

    def lines(self) -> list[tuple[str, bool]]:
        """The drawn lines, and for each whether it is the focused row."""
        drawn = [(line, False) for line in self.text]
        for index, label in enumerate(self.rows):
            number = f"{index + 1}. " if self.numbered else ""
            mark = "❯ " if index == self.focus else "  "
            drawn.append((f"{self.indent}{mark}{number}{label}", index == self.focus))
        return [*drawn, ("", False), (f"{self.indent}{self.footer}", False)]


def trust(directory: str) -> Dialog:
    """The question before a folder that has not been worked in."""
    text = [
        " Accessing workspace:",
        "",
        f" {directory}",
        "",
        " Quick safety check: Is this a project you created or one you trust? (Like your own code, a well-known open",
        " source project, or work from your team). If not, take a moment to review what's in this folder first.",
        "",
        " Claude Code'll be able to read, edit, and execute files here.",
        "",
        " Security guide",
        "",
    ]
    return Dialog("trust", text, [NO, YES], "Enter to confirm · Esc to cancel", "dialog open", numbered=False)


def bypass() -> Dialog:
    """The warning before the mode that asks nothing."""
    text = [
        "  WARNING: Claude Code running in Bypass Permissions mode",
        "",
        "  In Bypass Permissions mode, Claude Code will not ask for your approval before running potentially dangerous",
        "  commands.",
        "",
        "  By proceeding, you accept all responsibility for actions taken while running in Bypass Permissions mode.",
        "",
    ]
    footer = "Enter to confirm · Esc to cancel"
    return Dialog("bypass", text, [NO, ACCEPT], footer, "dialog open", numbered=False, indent="  ")


def permission(step: Step, directory: str) -> Dialog:
    """The request to run a command or to write a file."""
    if step.name == "edit":
        path, _, content = step.argument.partition(" ")
        name = path or "x.txt"
        text = [" Create file", f" {name}", "╌", f"  1 {content or 'hello'}", "╌", f" Do you want to create {name}?"]
        rows = ["Yes", "Yes, and switch to accept edits (auto-approve file edits) for this session (shift+tab)", "No"]
        return Dialog("permission", text, rows)
    command = command_of(step)
    text = [" Bash command", "", " Run a command", "╌", *[f" {line}" for line in command.split("\n")], "╌"]
    text += [" This command requires approval", "", " Do you want to proceed?"]
    rows = ["Yes", f"Yes, and don't ask again for {command.split()[0]} commands in {directory}", "No"]
    return Dialog("permission", text, rows)


def plan(step: Step) -> Dialog:
    """The approval of a plan."""
    text = [" Ready to code?", "", " Here is Claude's plan:", "╌"]
    text += [f" {line}" for line in (step.argument or "1. Do it\n2. Test it").split("\n")]
    text += ["╌", "", " Claude has written up a plan and is ready to execute. Would you like to proceed?", ""]
    rows = ["Yes, and bypass permissions", "Yes, manually approve edits", "No, keep planning"]
    return Dialog("plan", text, rows, "ctrl-g to edit in Vim")


def questions(step: Step) -> list[Dialog]:
    """The questions of a step, one dialog each."""
    footer = "Enter to select · ↑/↓ to navigate · Esc to cancel"
    dialogs = []
    for number, (question, options, _several) in enumerate(questions_of(step), 1):
        text = [f" ☐ Q{number}", "", question, ""]
        rows = [*options, "Type something.", "Chat about this"]
        dialogs.append(Dialog("question", text, rows, footer, "input needed", indent=""))
    return dialogs


def limit(clock: str) -> Dialog:
    """The menu at a usage limit; some rows spend money."""
    rows = [f"Wait here, then continue automatically at {clock}", "Switch to usage credits", "Upgrade your plan"]
    rows.append("Stop and wait for limit to reset")
    return Dialog("limit", [" What do you want to do?", ""], rows, "Enter to confirm · Esc to cancel", "dialog open")


def model() -> Dialog:
    """The menu that ``/model`` opens."""
    text = [" Select model", " Switch between Claude models. Applies to this session and future sessions.", ""]
    rows = ["Default (recommended)", "Opus", "Haiku"]
    return Dialog("model", text, rows, "Enter to confirm · Esc to exit", "dialog open")
