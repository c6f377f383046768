"""The screen rules in force: shipped files and the user's own in ``FLEET_HOME/rules``."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from fleetscripts.adapters.records.data_file import read_data_file
from fleetscripts.agents.kinds import AgentKind, known_kinds
from fleetscripts.config import read_own
from fleetscripts.core.screen.reading import SHELL
from fleetscripts.core.screen.rules import Rule, RuleError, RuleSet, parse_rules, rules_of
from fleetscripts.core.screen.screen import ClientScreens
from fleetscripts.core.screen.shell_layout import SHELL_REGIONS

SHIPPED = Path(__file__).resolve().parents[2] / "rules"
PROGRAMS = "<clients>"
"""In a rule for shells: any client's program."""


def load_rules(fleet_home: Path | None) -> dict[str, RuleSet]:
    """Every kind's rules, and under ``shell`` those for shells; RuleError names the invalid file and row.

    A user's file ``NAME.toml`` adds to the shipped one of that name, and a row of the same name replaces it. A kind's
    rows for a shell's regions describe what its client leaves there when it ends."""
    kinds = known_kinds()
    programs = "|".join(sorted(word for kind in kinds for word in kind.launch_words))
    sets = {kind.name: _set(kind.name, kind.rules, fleet_home, programs, _screens(kind)) for kind in kinds}
    left_behind = (rule for rules in sets.values() for rule in rules.rules if rule.region in SHELL_REGIONS)
    shell = _set(SHELL, SHELL, fleet_home, programs, None)
    return sets | {SHELL: RuleSet.of(SHELL, [*shell.rules, *dict.fromkeys(left_behind)], None)}


def _set(name: str, rules: str, fleet_home: Path | None, programs: str, screens: ClientScreens | None) -> RuleSet:
    shipped = RuleSet.of(name, _shipped(rules, programs), screens)
    own = _own_rules(fleet_home / "rules" / f"{rules}.toml", programs) if fleet_home else ()
    return shipped.overridden(own) if own else shipped


@cache
def _shipped(rules: str, programs: str) -> tuple[Rule, ...]:
    file = SHIPPED / f"{rules}.toml"
    return rules_of(_named(read_data_file(file), programs), str(file), trusted=True)


def _named(value: Any, programs: str) -> Any:
    """The parsed rows, with the clients' programs filled in."""
    if isinstance(value, str):
        return value.replace(PROGRAMS, programs)
    if isinstance(value, list):
        return [_named(item, programs) for item in value]
    return {name: _named(item, programs) for name, item in value.items()} if isinstance(value, dict) else value


def _screens(kind: AgentKind) -> ClientScreens:
    return ClientScreens(kind.launch_words, kind.layout, kind.looks_like)


def _own_rules(file: Path, programs: str) -> tuple[Rule, ...]:
    try:
        text = read_own(file).replace(PROGRAMS, programs)
    except FileNotFoundError:
        return ()
    except (OSError, UnicodeDecodeError) as error:
        raise RuleError(f"{file}: expected a readable rules file, found {error}") from error
    return parse_rules(text, str(file))
