"""The structure of a Claude Code screen.

From the bottom: a footer, the input box (between two rules since 2.0, rounded before), the spinner with its tips, the
conversation. The conversation is indented, so that only lines at the left edge are the client's own. A dialog, menu or
view replaces box and footer."""

from __future__ import annotations

from collections.abc import Sequence

from fleetscripts.core.screen.draft import read_box
from fleetscripts.core.screen.screen import Box, Finds, Layout, Region, Screen, dialog_region, quoted_at_end, region_of
from fleetscripts.pattern import pattern

# At the left edge: a rule (the upper one may contain a name), the edges of a rounded box, the prompt's own mark.
_RULE = pattern(r"[─━]{8}")
_LABELLED_RULE = pattern(r"[─━]{2,500}[^─━]{1,200}[─━]{1,500}$")
_OPENING = pattern(r"[─━▔]{8}|╭─|┌─")
_PROMPT = pattern(r"[❯>!#&][ \xa0]|[❯>!#&]$")
_ROUND_PROMPT = pattern(r"│ [❯>!#&](?:[ \xa0]|$)")
_NUMBERED_ROW = pattern(r"(?:│ )?[❯>]?[ \xa0]{0,6}\d{1,2}\. ")
_FOCUSED_ROW = pattern(r"[ \xa0│]{0,8}❯[ \xa0]{1,3}\S")
_KEY_HINT = pattern(r"(?i)\b(?:enter|esc|escape|tab|ctrl[+-]\w|press \w{1,8}|space|←/→|↑/↓)\b.{0,20} (?:to|again) ")
_READ_ALOUD = pattern(r"\[Screen Reader Mode: on\b")
_READ_ALOUD_PROMPT = pattern(r"[$!#&](?:[ \xa0]|$)")
_READ_ALOUD_MODE = pattern(r"[a-z]{1,20}(?: [a-z]{1,20}){0,3} on\b")
_READ_ALOUD_MODE_LINES = 3
_MODE_LINE = pattern(r"  (?:[⏵⏸]|\? for shortcuts|esc to )")
_DIALOG_KEYS = pattern(r"(?i)\b(?:enter|esc) to (?:confirm|select|cancel|exit|amend|reject)\b|differently \(esc\)$")
_COMPLETION = pattern(r"[/@+◇*]\S{0,1}")
_MESSAGE = pattern(r"[●⏺○] ")
_USER = pattern(r"[❯>] ")
_SLASH_COMMAND = pattern(r"[❯>] /[a-z]")
_SHELL_INPUT = pattern(r"! ")
_RESULT = pattern(r"  ⎿")
_INTERRUPTED = pattern(r"  ⎿\s{1,4}Interrupted\b")
_NOTICE = pattern(r" {8}")
_ALONE = pattern(r"  \S")
_SPINNER_MARK = pattern(r"[·✢*✳✶✻✽∗] ")

_MAX_FOOTER_LINES = 30
_MAX_ROW_LINES = 40
_MAX_ABOVE_LINES = 60
# A line that ends this near to the right edge may continue in the next one.
_WRAP_SLACK_COLUMNS = 6


def claude_layout(screen: Screen, finds: Finds) -> Layout:
    """The regions of a Claude Code screen."""
    texts = screen.texts
    box = _find_box(screen)
    if box is None and (line := _read_aloud_prompt(texts)):
        regions = {"mode_line": _read_aloud_mode(texts, line)}
        return Layout(regions, read_box(screen, line, len(texts), top=line, bottom=len(texts) - 1))
    if box is None:
        return _without_box(texts)
    box = read_box(screen, box.top + 1, box.bottom, top=box.top, bottom=box.bottom)
    notice = texts[box.top - 1] if box.top else ""
    regions = {
        "footer": region_of(texts[box.bottom + 1 :]),
        "mode_line": _mode_line(texts[box.bottom + 1 :]),
        "above_box": _above(texts, box.top),
        "notice": region_of([notice] if _NOTICE.match(notice) else []),
        **_last_message(screen, box.top, finds),
    }
    return Layout(regions, box)


def _read_aloud_prompt(texts: Sequence[str]) -> int:
    """The last line at which the screen reader mode, which draws no box, waits for input; 0 if it does not. Typed text
    may continue below."""
    started = max((at for at, text in enumerate(texts) if _READ_ALOUD.match(text)), default=None)
    if started is None:
        return 0
    below = range(started + 1, len(texts))
    return max((at for at in below if _READ_ALOUD_PROMPT.match(texts[at]) and _read_aloud_mode(texts, at)), default=0)


def _read_aloud_mode(texts: Sequence[str], prompt: int) -> Region:
    """The line shortly above that prompt with the mode, and during a turn with how to interrupt it."""
    above = texts[max(0, prompt - _READ_ALOUD_MODE_LINES) : prompt]
    return region_of([text for text in above if _READ_ALOUD_MODE.match(text)][-1:])


def _find_box(screen: Screen) -> Box | None:
    """The input box, if it is the lowest structure of the screen with only a footer below."""
    texts = screen.texts
    for bottom in range(len(texts) - 1, max(-1, len(texts) - 2 - _MAX_FOOTER_LINES), -1):
        text = texts[bottom]
        if text.startswith("╰─") and text.endswith("╯"):
            top = _rounded_top(texts, bottom)
        elif _RULE.match(text) and not text.strip("─━"):
            top = _ruled_top(texts, bottom)
        elif _OPENING.match(text):
            return None
        else:
            continue
        if top is None or not _only_footer(texts, top, bottom):
            return None
        return Box(top, bottom)
    return None


def _ruled_top(texts: Sequence[str], bottom: int) -> int | None:
    for top in range(bottom - 1, -1, -1):
        text = texts[top]
        if _RULE.match(text) or _LABELLED_RULE.match(text):
            inside = texts[top + 1 : bottom]
            return top if inside and _PROMPT.match(inside[0]) and not _is_list(inside) else None
        if text and not text[0].isspace() and top + 1 < bottom and not _rule_above(texts, top):
            return None
    return None


def _rule_above(texts: Sequence[str], index: int) -> bool:
    above = texts[index - 1] if index else ""
    return bool(_RULE.match(above) or _LABELLED_RULE.match(above))


def _rounded_top(texts: Sequence[str], bottom: int) -> int | None:
    for top in range(bottom - 1, -1, -1):
        if texts[top].startswith("╭─"):
            inside = texts[top + 1 : bottom]
            return top if inside and _ROUND_PROMPT.match(inside[0]) and not _is_list(inside) else None
        if not texts[top].startswith("│"):
            return None
    return None


def _is_list(inside: Sequence[str]) -> bool:
    """Whether the lines are numbered rows to choose from (a terminal without ``❯`` marks the row with ``>``). An input
    box has a hard blank after its mark; rows have not."""
    if "\xa0" in inside[0][:4]:
        return False
    return sum(bool(_NUMBERED_ROW.match(text)) for text in inside) > 1


def _only_footer(texts: Sequence[str], top: int, bottom: int) -> bool:
    """Whether there is only a footer below the box: no rows of a dialog, no line at the left edge.

    The user's own status line may have rows that begin with a focused row's mark. A list of completions may be at the
    left edge while something is being typed."""
    typed = texts[top + 1].lstrip("│ ")[2:].strip()
    below = texts[bottom + 1 :]
    if any(_FOCUSED_ROW.match(text) for text in below) and _ends_like_a_dialog(below):
        return False
    return all(not text[:1].strip() or (typed and _COMPLETION.match(text)) for text in below)


def _ends_like_a_dialog(below: Sequence[str]) -> bool:
    last = [text for text in below if text.strip()][-2:]
    numbered = any(_FOCUSED_ROW.match(text) and _NUMBERED_ROW.match(text.strip()) for text in below)
    return numbered or any(_DIALOG_KEYS.search(text) for text in last)


def _mode_line(footer: Sequence[str]) -> Region:
    """The client's own line below the rows of the user's status line, with wrapped text and notices below it."""
    drawn = [text for text in footer if text.strip()]
    begins = [at for at, text in enumerate(drawn) if _MODE_LINE.match(text)]
    return region_of(drawn[begins[-1] :] if begins else drawn[-1:])


def _above(texts: Sequence[str], top: int) -> Region:
    """From the box upwards over blank and indented lines to the spinner; without one, the line that stands alone there:
    the client leaves a blank line between a message and the box."""
    for index in range(top - 1, max(-1, top - 1 - _MAX_ABOVE_LINES), -1):
        text = texts[index]
        if _INTERRUPTED.match(text):
            break
        if text[:1].strip():
            if _SPINNER_MARK.match(text):
                return region_of(texts[index:top])
            break
    alone = top > 1 and _ALONE.match(texts[top - 1]) and not texts[top - 2].strip()
    return region_of([texts[top - 1]] if alone else [])


def _last_message(screen: Screen, top: int, finds: Finds) -> dict[str, Region]:
    """The newest message above the box: by the agent, or by the client (an error, a limit), never by the user."""
    texts, end = screen.texts, top
    for index in range(top - 1, -1, -1):
        text = texts[index]
        if not text[:1].strip():
            if _INTERRUPTED.match(text):
                return {}
            if _RESULT.match(text) and (found := _client_message(texts, index, top)):
                return {"last_message": found}
            continue
        if finds("aside", text):
            end = index
            continue
        if not _MESSAGE.match(text):
            return {}
        block = [line for line in texts[index:end] if line.strip()]
        if any(_RESULT.match(line) for line in block):
            return {}
        own = _own_last_line(texts[index:end], screen.width)
        own = "" if quoted_at_end(screen, index, end) else own
        return {"last_message": region_of(block), "last_line": region_of([own] if own else [])}
    return {}


def _client_message(texts: Sequence[str], index: int, end: int) -> Region | None:
    """A ``⎿`` group that belongs to no tool call: directly under the user's prompt, or alone after a blank line. With
    lines below that are no message of their own: a client may say there that it continues by itself."""
    before = texts[index - 1] if index else ""
    hangs_on_prompt = _in_prompt(texts, index - 1)
    if before.strip() and not hangs_on_prompt:
        return None
    return region_of([texts[index][2:], *texts[index + 1 : end]])


def _in_prompt(texts: Sequence[str], index: int) -> bool:
    """Whether a line belongs to a prompt of the user (its later lines are indented, or not, by version)."""
    for at in range(index, -1, -1):
        text = texts[at]
        if _USER.match(text):
            return True
        if not text.strip() or _MESSAGE.match(text) or _SHELL_INPUT.match(text) or _RESULT.match(text):
            return False
        if _SPINNER_MARK.match(text):
            return False
    return False


def _own_last_line(block: Sequence[str], width: int) -> str:
    """The last line of an agent's message if it is a line of its own, not the rest of a wrapped one."""
    lines = [_MESSAGE.sub("  ", line, count=1) for line in block]
    while lines and not lines[-1].strip():
        lines.pop()
    if not lines or not lines[-1].startswith("  ") or lines[-1][2:3].isspace():
        return ""
    last = lines[-1].strip()
    before = lines[-2].rstrip() if len(lines) > 1 else ""
    if before.strip() and len(before) + 1 + len(last) > width - _WRAP_SLACK_COLUMNS:
        return ""
    return last


def _without_box(texts: Sequence[str]) -> Layout:
    """A dialog, a menu or a view: from its opening line to the end, or the whole screen if that line is off the
    screen."""
    texts = _without_closing_name(texts)
    start = _dialog_start(texts)
    certain = start is not None
    block = texts[start or 0 :]
    last = next((text for text in reversed(texts) if text.strip()), "")
    drawn = [text for text in texts if text.strip()]
    ends = {"bottom": region_of([last]), "editor": region_of([*drawn[:1], *drawn[-2:]])}
    if not certain and not _can_be_dialog(block):
        return Layout(ends)
    region = dialog_region(block)
    menu = start is not None and (texts[start].startswith("▔") or _under_command(texts, start))
    regions = {"dialog": region, **ends, **({"menu": region} if menu else {})}
    return Layout(regions, certain=certain)


def _without_closing_name(texts: Sequence[str]) -> Sequence[str]:
    """The lines above the rule with the session's name that closes a menu in 2.1.187; all lines if there is none."""
    last = max((at for at, text in enumerate(texts) if text.strip()), default=0)
    named = last and _RULE.match(texts[last]) and _LABELLED_RULE.match(texts[last])
    return texts[:last] if named else texts


def _under_command(texts: Sequence[str], start: int) -> bool:
    above = [text for text in texts[max(0, start - 12) : start] if text.strip()]
    return any(_SLASH_COMMAND.match(text) for text in above[-4:])


def _dialog_start(texts: Sequence[str]) -> int | None:
    for index in range(len(texts) - 1, -1, -1):
        if not _OPENING.match(texts[index]):
            continue
        below = next((text for text in texts[index + 1 :] if text.strip()), "")
        if below and "⌕" not in below and not _NUMBERED_ROW.match(below.strip()):
            return index
    return None


def _can_be_dialog(block: Sequence[str]) -> bool:
    """Whether lines without an opening end like a dialog: a key hint, a focused row, or rows with a focused one."""
    tail = [text for text in block if text.strip()][-_MAX_ROW_LINES:]
    if any(_KEY_HINT.search(text) for text in tail[-3:]) or any(_FOCUSED_ROW.match(text) for text in tail[-6:]):
        return True
    rows = [text for text in tail if _NUMBERED_ROW.match(text.strip())]
    return len(rows) > 1 and any(_FOCUSED_ROW.match(text) for text in rows)
