"""The rule sets in force: the shipped files, and the user's own under ``FLEET_HOME/rules``."""

from __future__ import annotations

from pathlib import Path

from fleetscripts.config import read_own
from fleetscripts.core.screen.rules import Rule, RuleError, RuleSet, parse_rules

SHIPPED = Path(__file__).resolve().parents[2] / "rules"
KINDS = ("claude", "codex", "shell")


def load_rules(fleet_home: Path | None) -> dict[str, RuleSet]:
    """Every kind's rules; RuleError names the file and the row that cannot be used.

    A user's file ``NAME.toml`` adds to the shipped one of that name, and a row of the same name replaces it."""
    sets: dict[str, RuleSet] = {}
    for kind in KINDS:
        file = SHIPPED / f"{kind}.toml"
        shipped = RuleSet.of(kind, parse_rules(file.read_text(encoding="utf-8"), str(file), trusted=True))
        own = _own_rules(fleet_home / "rules" / f"{kind}.toml") if fleet_home else ()
        sets[kind] = shipped.overridden(own) if own else shipped
    return sets


def _own_rules(file: Path) -> tuple[Rule, ...]:
    try:
        text = read_own(file)
    except FileNotFoundError:
        return ()
    except (OSError, UnicodeDecodeError) as error:
        raise RuleError(f"{file}: expected a readable rules file, found {error}") from error
    return parse_rules(text, str(file))
