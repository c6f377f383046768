"""A message to a client: made safe for its input box, and recognised there and in a transcript."""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections.abc import Sequence

from fleetscripts.pattern import pattern

COMMAND_SIGNS = ("!", "/", "@", "#", "&", "?", ":", "$", "%", "+")
"""First characters that some client reads as a command, a shell line, a file or a note."""

FROM_OUTSIDE = "From the orchestrator:\n"
SHORTEST = 6
"""A shorter text could be a survey's key, or a word (``exit``, ``quit``) that ends the client."""

_CONTROLS = pattern(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u180e"
    "\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb\U000e0000-\U000e0fff]"
)
"""Zero-width joiner and non-joiner are spelling, and stay."""

_WRAPPING = pattern(r"</?pasted_content\b[^>]*>")
_BLANKS = pattern(r"\s+")
_DROPPED = pattern(
    "[\u00ad\u034f\u061c\u180b-\u180f\u200c\u200d\ufe00-\ufe0f\U0001f3fb-\U0001f3ff\U000e0000-\U000e0fff]"
)
"""Marks that some terminal or client drops: variation selectors, skin tones, joiners, tags."""

_CLUSTER = pattern(r"[^\u0300-\u036f\u3099\u309a][\u0300-\u036f\u3099\u309a]*|.", re.DOTALL)
_NOTHING = "(?!)"
"""What stands for no pattern: no text fits."""

SCROLLED = 60
"""A text taller than the box shows its end; this many characters of it identify it."""


def as_message(text: str) -> str:
    """The text as it is pasted; empty if nothing is left.

    No control or invisible direction characters; nothing at its start or end that a client reads as a command, a
    completion or a line to be continued."""
    clean = _CONTROLS.sub("", text.replace("\r\n", "\n").replace("\r", "\n").replace("\t", "    ")).strip()
    if not clean:
        return ""
    if clean.startswith(COMMAND_SIGNS) or len(clean) < SHORTEST:
        clean = FROM_OUTSIDE + clean
    last_word = clean.rsplit(None, 1)[-1]
    opens_completion = last_word.startswith(("@", "/", "#", "$"))
    return f"{clean} ." if clean.endswith("\\") or opens_completion else clean


def left_out(text: str) -> int:
    """How many characters of the text are not sent: controls, and those that only change the writing direction."""
    return len(_CONTROLS.findall(text.replace("\r\n", "\n").replace("\r", "\n").replace("\t", "    ")))


def squeezed(text: str) -> str:
    """The text for comparing: without blanks, as wrapping in a narrow box cuts words and wrapped pastes gain line ends;
    in NFC, as clients write it; without the marks that a terminal or a client drops."""
    return unicodedata.normalize("NFC", _DROPPED.sub("", _BLANKS.sub("", text.replace("\xa0", " "))))


def stands_in(box: str, text: str, folded: str) -> bool:
    """Whether an input box that showed nothing before now shows exactly this text, or what stands for it there.

    ``folded``: as in ``AgentKind``."""
    inside, placeholder = box.strip(), re.compile(folded or _NOTHING)
    if whole := placeholder.fullmatch(inside):
        return _may_stand_for(whole, text)
    unmeasured = [match for match in placeholder.finditer(inside) if _lines(match) is None]
    if len(unmeasured) == 1:
        around = (squeezed(inside[: unmeasured[0].start()]), squeezed(inside[unmeasured[0].end() :]))
        return all(part in squeezed(text) for part in around)
    seen, wanted = squeezed(inside), squeezed(text)
    return seen == wanted or (len(seen) >= SCROLLED and wanted.endswith(seen))


def _may_stand_for(placeholder: re.Match[str], text: str) -> bool:
    """Whether its count of lines, where it has one, is the text's."""
    lines = _lines(placeholder)
    return lines is None or abs(int(lines or 0) - text.count("\n")) <= 1


def _lines(placeholder: re.Match[str]) -> str | None:
    return placeholder.groupdict().get("lines")


def is_placeholder(box: str, folded: str) -> bool:
    """Whether the box holds nothing but a collapsed paste."""
    return bool(re.fullmatch(folded or _NOTHING, box.strip()))


def holds_placeholder(box: str, folded: str) -> bool:
    """Whether part of the box's content is collapsed, and so cannot be restored."""
    return bool(re.search(folded or _NOTHING, box))


def rejoined(rows: list[str], columns: int) -> str:
    """A draft's text from the rows of its box: rows wrapped for width become one line again. ``columns``: the most a
    row holds.

    A line that a person ended just before the edge is taken for a wrapped one: a blank then replaces its line end."""
    text = rows[0] if rows else ""
    for row, after in itertools.pairwise(rows):
        next_word = len(after.split(" ", 1)[0])
        if len(row) >= columns:
            text += after
        else:
            text += (" " if row and after and len(row) + 1 + next_word > columns else "\n") + after
    return text


def without_ours(box: str, text: str, folded: str) -> str | None:
    """What another person typed before or after our text in the box; None if that cannot be separated."""
    inside = box.strip("\n")
    measured = [match for match in re.finditer(folded or _NOTHING, inside) if _lines(match) is not None]
    if "\n" in text and len(measured) == 1 and _may_stand_for(measured[0], text):
        return (inside[: measured[0].start()] + inside[measured[0].end() :]).strip()
    return _around(inside, text)


def _around(inside: str, text: str) -> str | None:
    """The rest of ``inside`` around the text, both compared as in ``squeezed``."""
    clusters = list(_CLUSTER.finditer(inside))
    places = [(match, seen) for match in clusters if (seen := squeezed(match[0]))]
    seen, ours = "".join(one for _, one in places), squeezed(text)
    start = seen.find(ours)
    if start < 0 or not ours or seen.find(ours, start + 1) >= 0:
        return None
    ends = list(itertools.accumulate((len(one) for _, one in places), initial=0))
    if start not in ends or start + len(ours) not in ends:
        return None
    first, last = places[ends.index(start)][0], places[ends.index(start + len(ours)) - 1][0]
    return (inside[: first.start()] + inside[last.end() :]).strip()


def stands_queued(texts: Sequence[str], text: str, row: str) -> bool:
    """Whether the screen lists this text as queued for the end of the turn (as far as it is shown). ``row``: as
    ``queued_row`` in ``AgentKind``."""
    listed = re.compile(row or _NOTHING)
    rows = (squeezed(match["text"]).removesuffix("…") for line in texts if (match := listed.match(line)))
    return any(shown and squeezed(text).startswith(shown) for shown in rows)


def joined_from(box: str, texts: Sequence[str]) -> bool:
    """Whether the box holds several of these texts and nothing else, in any order: queued messages come back as one."""
    whole, ours = squeezed(box), [squeezed(text) for text in texts]
    return whole not in ours and _covered(whole, ours)


def _covered(left: str, texts: Sequence[str]) -> bool:
    begin = {text: at for at, text in enumerate(texts) if text and left.startswith(text)}
    return left in begin or any(
        _covered(left[len(text) :], [*texts[:at], *texts[at + 1 :]]) for text, at in begin.items()
    )


def same_message(recorded: str, text: str) -> bool:
    """Whether a text in a transcript is this whole message, apart from wrapping marks and blanks."""
    return squeezed(_WRAPPING.sub("", recorded)) == squeezed(_WRAPPING.sub("", text))
