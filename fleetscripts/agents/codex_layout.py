"""The structure of a Codex screen.

From the bottom: a footer (indented), a blank line, the composer (``›`` at the left edge), the status line with queued
messages, the conversation. Dialogs and pickers replace the composer; their rows begin as it does."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from fleetscripts.core.screen.draft import read_box
from fleetscripts.core.screen.screen import Box, Finds, Layout, Region, Screen, dialog_region, quoted_at_end, region_of
from fleetscripts.pattern import pattern

_COMPOSER = pattern(r"[›!▌](?: |$)")
_ROW = pattern(r"(?:›|  )[ ]{0,2}(?:\d{1,2}\. |\[[ x✓]\] )")
_USER = pattern(r"[›▌] ")
_AGENT = pattern(r"• ")
_ERROR = pattern(r"[■⚠✗] ?")
_MARKED = pattern(r"[■⚠✗•◦›▌✔] ?")
_TURN_END = pattern(r"(?:  |─ )Worked for .{1,20}|  done \d{1,2}:\d\d(?: [AP]M)?$|─{3,500}$|─ Worked for")
_KEY_HINT = pattern(r"(?i)(?:^|[ ·|])(?:enter|esc|space|tab|q|\?|\^[a-z]) (?:to )?[a-z]{3,20}")
_DIALOG_FOOT = pattern(
    r"(?i) {1,4}(?:press |use .{1,20}, press )?(?:enter|space) (?:to )?"
    r""
    r"(?:confirm|select|continue|submit|view|save|resume|toggle|open|apply)\b"
    r"|.{0,120}\besc (?:to )?(?:go back|back|cancel)\b"
)
_POPUP_ROW = pattern(r"> \S")
_TIP = pattern(r"  └ Tip: ")
_QUEUED = pattern(r" {1,4}↳ ")
_FOCUSED_ROW = pattern(r"[ ]{1,4}› ")
# Releases with this footer hide the status line while an answer streams, and write a line when a turn has ended.
_MARKING_FOOTER = pattern(r"\bfor agents\b")
_MARKED_END = pattern(r"  Worked for .{1,20} • \d")
_VERSION = pattern(r">_ OpenAI Codex|^ ?Resume a previous (?:session|task)\b")

_MAX_FOOTER_LINES = 16
_MAX_DRAFT_LINES = 100
_MAX_ABOVE_LINES = 40
_MAX_DIALOG_LINES = 60


def codex_layout(screen: Screen, finds: Finds) -> Layout:
    """The regions of a Codex screen."""
    texts = screen.texts
    top = _find_composer(texts)
    if top is None:
        return _without_composer(texts)
    box, end = _composer(screen, top)
    above = _above(texts, top, finds)
    message, unfinished = _last_message(screen, top, finds)
    notice = next((text for text in reversed(texts[:top]) if text.strip()), "")
    notices = [notice] if notice[:1] == " " else []
    regions = {"footer": region_of(texts[end:]), "above_box": above, "notice": region_of(notices), **message}
    marks_ends = any(_MARKED_END.match(text) for text in texts[:top])
    growing = unfinished and (marks_ends or bool(_MARKING_FOOTER.search(regions["footer"].flat)))
    return Layout(regions, box, unfinished=growing, marks_ends=marks_ends)


def looks_like_codex(texts: Sequence[str]) -> bool:
    """Whether the screen has marks of this client: its prompt's mark, or its name and no other client's."""
    if any(text[:1] == "›" or _VERSION.search(text) for text in texts):
        return True
    return any("Codex" in text for text in texts) and not any("Claude" in text for text in texts)


def _find_composer(texts: Sequence[str]) -> int | None:
    """The lowest line that begins like a composer, if only blank and indented lines are below and it is no row."""
    first = max(-1, len(texts) - 1 - _MAX_FOOTER_LINES - _MAX_DRAFT_LINES)
    for index in range(len(texts) - 1, first, -1):
        text = texts[index]
        if not text[:1].strip() or _POPUP_ROW.match(text):
            continue
        if not _COMPOSER.match(text) or _is_row(texts, index) or not _only_footer(texts[index + 1 :]):
            return None
        return index
    return None


def _only_footer(below: Sequence[str]) -> bool:
    """Whether only the composer's other lines and a footer are below its first line: no gap, no focused row."""
    gaps = any(not one.strip() and not two.strip() for one, two in pairwise(below))
    return not gaps and not any(_FOCUSED_ROW.match(text) or _DIALOG_FOOT.match(text) for text in below)


def _is_row(texts: Sequence[str], index: int) -> bool:
    around = [text for text in texts[max(0, index - 6) : index + 7] if text.strip()]
    return bool(_ROW.match(texts[index])) and sum(bool(_ROW.match(text)) for text in around) > 1


def _composer(screen: Screen, top: int) -> tuple[Box, int]:
    """The composer and the line where the footer begins: after the last blank line; without one, all of it is
    composer."""
    blanks = [at for at, text in enumerate(screen.texts[top + 1 :], top + 1) if not text.strip()]
    slash = screen.texts[top][2:3] == "/"
    end = (blanks[0] if slash else blanks[-1]) if blanks else len(screen.lines)
    return read_box(screen, top, end, top=top, bottom=end - 1), end


def _above(texts: Sequence[str], top: int, finds: Finds) -> Region:
    """The status line: upwards over blank and indented lines and headings of queues to the first other line. Empty if
    the line that ends a turn is met first. With the lines that it is wrapped over."""
    for index in range(top - 1, max(-1, top - 1 - _MAX_ABOVE_LINES), -1):
        text = texts[index]
        if _TURN_END.match(text):
            return Region()
        if text[:1].strip() and not finds("aside", text) and not _QUEUED.match(texts[index + 1]):
            gap = next((at for at in range(index, top) if not texts[at].strip()), top)
            return region_of(texts[index:gap])
    return Region()


def _last_message(screen: Screen, top: int, finds: Finds) -> tuple[dict[str, Region], bool]:
    """The newest message above the composer, and whether it is the agent's and lacks the line that ends a turn."""
    texts, end = screen.texts, top
    ended = False
    for index in range(top - 1, -1, -1):
        text = texts[index]
        if _TURN_END.match(text):
            end, ended = (index, True) if not ended else (end, ended)
        if not text[:1].strip() or _TURN_END.match(text):
            continue
        if finds("aside", text) or _QUEUED.match(texts[index + 1]):
            end = index
            continue
        if _ERROR.match(texts[_block_head(texts, index)]):
            return {"last_message": region_of(texts[_block_head(texts, index) : end])}, False
        if not _AGENT.match(text):
            return {}, False
        block = texts[index:end]
        own = "" if quoted_at_end(screen, index, end) else _own_last_line(block)
        return {"last_message": region_of(block), "last_line": region_of([own] if own else [])}, not ended
    return {}, False


def _block_head(texts: Sequence[str], index: int) -> int:
    """The first line of a block: an error is wrapped at the left edge, up to a blank line or a mark."""
    while index and texts[index - 1].strip() and not _MARKED.match(texts[index]):
        index -= 1
    return index


def _own_last_line(block: Sequence[str]) -> str:
    tip = next((at for at, text in enumerate(block) if _TIP.match(text)), len(block))
    lines = [text for text in ("  " + block[0][2:], *block[1:tip]) if text.strip()]
    if not lines or lines[-1][:2].strip() or lines[-1][2:3].isspace() or lines[-1].lstrip().startswith("└"):
        return ""
    return lines[-1].strip()


def _without_composer(texts: Sequence[str]) -> Layout:
    """A dialog or picker: the last lines of the screen, below the conversation's last line at the left edge."""
    start = max(0, len(texts) - _MAX_DIALOG_LINES)
    for index in range(len(texts) - 1, start - 1, -1):
        if _AGENT.match(texts[index]) or _ERROR.match(texts[index]):
            start = index + 1
            break
    block = texts[start:]
    tail = [text for text in block if text.strip()][-8:]
    rows = [index for index, text in enumerate(block) if text.startswith("›") and _ROW.match(text)]
    hint = any(_KEY_HINT.search(text) for text in tail[-3:])
    if not rows and not hint:
        return Layout()
    return Layout({"dialog": dialog_region(block)}, certain=hint)
