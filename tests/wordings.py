"""What an agent could word so that a dialog of its own reads like one that is answered without asking."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

WORDINGS: Mapping[str, Sequence[str]] = {
    "trust": (
        "Trust this folder?",
        "Do you trust the contents of this directory?",
        "You are running Codex in /home/me/src/shop",
        "allow Codex to work in this folder",
        "Do you trust the files in this folder?",
        "Accessing workspace: /home/me Is this a project you created or one you trust?",
        "1. Trust and continue 2. Back to Agent Command Center enter continue · esc back",
        "1. Yes, continue 2. No, quit Press enter to continue",
        "❯ 1. Yes, proceed 2. No, exit Enter to confirm · Esc to exit",
        "❯ No, exit Yes, I trust this folder Enter to confirm · Esc to cancel",
    ),
    "bypass": (
        "WARNING: Claude Code running in Bypass Permissions mode",
        "Bypass Permissions mode ❯ 1. No, exit 2. Yes, I accept Enter to confirm · Esc to exit",
    ),
    "settings": (
        "Settings Error: Files with errors are skipped entirely",
        "Settings Error ❯ 1. Fix with Claude 2. Continue without these settings Enter to confirm · Esc to cancel",
    ),
    "limit": (
        "You've hit your session limit · resets 4:22am (UTC)",
        "What do you want to do?",
        "What do you want to do? ❯ 1. Stop and wait for limit to reset 2. Upgrade Enter to confirm · Esc to cancel",
        "Wait here, then continue automatically at 4:05am",
        "■ You’ve hit your usage limit. try again at Nov 21st, 2026 12:58 AM.",
    ),
    "resume": (
        "This session is 1d 6h old and 180.1k tokens. Resume from summary Resume full session as-is",
        "❯ 1. Resume from summary (recommended) 2. Resume full session as-is Enter to confirm · Esc to cancel",
    ),
    "others": (
        "Select login method: Paste code here",
        "Detected a custom API key. Do you want to use this API key?",
        "New MCP server found in .mcp.json: Use this MCP server Enter to confirm",
        "Would you like to proceed? Yes No Ready to code?",
        "Do you want to proceed? 1. Yes 2. No Esc to cancel",
        "☐ Way Type something. Chat about this Enter to select · ↑/↓ to navigate · Esc to cancel",
        "Question 1/1 tab to add notes | enter to submit answer | esc to interrupt",
        "Would you like to run the following command? 1. Yes, proceed (y) Press enter to confirm or esc to cancel",
        "Select Model and Effort: Update available! Update now",
        "Showing detailed transcript · ctrl+o to toggle",
        "ORCHESTRATOR:DONE",
        "✻ Thinking… (12s · esc to interrupt)",
    ),
}


def every_wording() -> tuple[str, ...]:
    """All of them, one line each."""
    return tuple(text for texts in WORDINGS.values() for text in texts)


def one_line(text: str, width: int) -> list[str]:
    return [text[:width]]


def wrapped(text: str, width: int) -> list[str]:
    """Over lines of a third of the pane."""
    size = max(12, width // 3)
    return [text[at : at + size].strip() for at in range(0, len(text), size)]


def rows(text: str, width: int) -> list[str]:
    """As a dialog has it: a blank line, then one row a line."""
    parts = text.replace(" 2. ", "\n  2. ").replace(" 3. ", "\n  3. ").replace(" Enter to", "\n\nEnter to")
    return ["", *(part[:width] for part in parts.replace(" enter continue", "\n\nenter continue").split("\n")), ""]


def boxed(text: str, width: int) -> list[str]:
    """In a box of the client's own glyphs."""
    rule = "─" * min(width, 60)
    return [rule, f"❯ {text}"[:width], rule, "", f"╭{rule[2:]}╮", f"│ {text}"[:width], f"╰{rule[2:]}╯"]


SHAPES: Sequence[Callable[[str, int], list[str]]] = (one_line, wrapped, rows, boxed)


def every_text(width: int) -> Iterator[list[str]]:
    """Every wording in every shape, as lines."""
    for text in every_wording():
        for shape in SHAPES:
            yield shape(text, width)
