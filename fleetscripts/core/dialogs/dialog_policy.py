"""What to do about a dialog: a table of kinds, each a recovery with the rows it may choose, or a decision.

Nothing here ever chooses a row that spends money or that gives a standing permission; an unknown dialog is a
decision."""

from __future__ import annotations

import re
from collections.abc import Mapping

from fleetscripts.core.dialogs.dialog_rows import Menu
from fleetscripts.dataclass import dataclass
from fleetscripts.models import ActionKind, DialogKind
from fleetscripts.pattern import pattern


@dataclass(frozen=True, slots=True)
class DialogContext:
    """Facts that the screen does not show. ``doubt`` says why a folder is not trusted, or which settings would be
    lost."""

    trusted_folder: bool = False
    trust_doubt: str = "its hooks and settings were not compared with the default branch"
    bypass_configured: bool = False
    settings_deny: str = "the settings file was not read"
    resume_row: str = "Resume full session as-is"


@dataclass(frozen=True, slots=True)
class Ruling:
    """A recovery chooses ``row`` (an index of the menu); a decision is left to somebody, and ``reason`` says why."""

    kind: ActionKind
    reason: str
    row: int | None = None


@dataclass(frozen=True, slots=True)
class Recovery:
    """A kind of dialog that is answered automatically: by the first of these rows, each a pattern of a whole row, that
    it shows. Each client's screen rules name its dialogs of this kind and all of their rows."""

    rows: tuple[str, ...]
    reason: str


RECOVERIES: Mapping[DialogKind, Recovery] = {
    DialogKind.TRUST: Recovery(
        ("Yes, I trust this folder", "Yes, proceed", "Trust and continue"),
        "a worktree of this fleet, its hooks and settings as on the default branch",
    ),
    DialogKind.BYPASS: Recovery(("Yes, I accept",), "the configuration asks for this permission mode"),
    DialogKind.SETTINGS: Recovery(("Continue without these settings",), "the broken settings deny nothing"),
    DialogKind.LIMIT: Recovery(
        (
            r"Wait here, then continue automatically(?: (?:at|when|shortly)\b.*)?",
            "Stop and wait for limit to reset",
            r"No \(default\)(?: \(n\))?",
        ),
        "waiting costs nothing",
    ),
    DialogKind.RESUME: Recovery((), "the conversation as it was"),
    DialogKind.NEW_MODEL: Recovery(("Use existing model",), "the model stays the one that was chosen"),
    DialogKind.EXIT: Recovery(("Stay",), "what it has started in the background would end"),
}

DECISIONS: Mapping[DialogKind, str] = {
    DialogKind.API_KEY: "which key is paid from is a person's choice",
    DialogKind.MCP: "a server of the project would run code",
    DialogKind.LOGIN: "logging in is a person's act",
    DialogKind.PERMISSION: "the screen alone does not show everything that would run",
    DialogKind.PLAN: "a plan is approved by whoever asked for it",
    DialogKind.QUESTION: "the agent asks for a choice",
    DialogKind.PICKER: "somebody opened a list",
    DialogKind.MODEL: "the model to continue with is a person's choice",
    DialogKind.UNCHECKED: (
        "auto mode's safety check does not get through to this client; answer it, and give agents that work behind "
        "this gateway another permission_mode than auto"
    ),
    DialogKind.MENU: "somebody opened a menu",
    DialogKind.VIEW: "somebody opened a view",
}

_MONEY = pattern(
    r"\b(credits?|upgrade|buy|purchase|pay|paid|billing|subscribe|subscription|extra usage|top.?up|add funds?|"
    r"team plan|max plan|usage.based|spend|charge)\b|[$€£]\s*\d",
    re.IGNORECASE,
)
_STANDING = pattern(
    r"don.?t ask again|do not ask again|always (?:allow|trust|approve)|(?:allow|trust|approve|yes to) all|"
    r"auto.?accept|accept edits|approve for me|permanently|"
    r"(?<!stay in )auto mode|all future|"
    r"for this session|during this session|bypass permissions",
    re.IGNORECASE,
)


def spends_money(text: str) -> bool:
    """Whether a row's wording suggests that choosing it costs something."""
    return bool(_MONEY.search(text))


def permits_for_good(text: str) -> bool:
    """Whether a row would stop the client from asking again."""
    return bool(_STANDING.search(text))


def forbidden(text: str) -> str:
    """Why only a person at the keyboard may choose this row; empty if it may be chosen."""
    if spends_money(text):
        return "it may spend money"
    if permits_for_good(text):
        return "it gives a permission for more than this once"
    return ""


def rule(dialog: DialogKind | None, menu: Menu | None, around: DialogContext) -> Ruling:
    kind = dialog or DialogKind.OTHER
    recovery = RECOVERIES.get(kind)
    if recovery is None:
        return Ruling(ActionKind.DECISION, DECISIONS.get(kind, "this dialog is not known"))
    doubt = _doubt(kind, around)
    if doubt:
        return Ruling(ActionKind.DECISION, doubt)
    if menu is None or menu.several:
        return Ruling(ActionKind.DECISION, f"the rows of this {kind} dialog could not be read")
    wanted = (re.escape(around.resume_row),) if kind is DialogKind.RESUME else recovery.rows
    for text in wanted:
        row = _row(menu, text)
        if row is not None:
            return Ruling(ActionKind.RECOVERY, recovery.reason, row)
    return Ruling(ActionKind.DECISION, f"none of the rows known for a {kind} dialog is shown")


def _doubt(kind: DialogKind, around: DialogContext) -> str:
    if kind is DialogKind.TRUST and not around.trusted_folder:
        return f"trusting this folder runs its hooks: {around.trust_doubt}"
    if kind is DialogKind.BYPASS and not around.bypass_configured:
        return "the configured permission mode is another one"
    if kind is DialogKind.SETTINGS and around.settings_deny:
        return f"leaving these settings out may permit more than they do: {around.settings_deny}"
    return ""


def _row(menu: Menu, wanted: str) -> int | None:
    texts = [(n, " ".join(row.text.split())) for n, row in enumerate(menu.rows)]
    found = [n for n, text in texts if re.fullmatch(wanted, text) and not forbidden(text)]
    return found[0] if len(found) == 1 else None
