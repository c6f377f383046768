"""All caps at one moment: which of them stops an agent's next turn, and which is near."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import field

from fleetscripts.core.spending.caps import SHARED, TASK, Cap, CapUse, standings, totals
from fleetscripts.core.spending.ledger import NOTHING, Ledger, Spend
from fleetscripts.dataclass import dataclass
from fleetscripts.fleet import Agent, Fleet


@dataclass(frozen=True, slots=True)
class Ceiling:
    """``spent``: totals by cap subject. ``told``: reached caps over all machines, from this machine's central."""

    caps: tuple[Cap, ...] = ()
    ledger: Ledger = field(default_factory=Ledger)
    spent: Mapping[str, Spend] = field(default_factory=dict)
    today: str = ""
    told: tuple[CapUse, ...] = ()

    @classmethod
    def over(
        cls,
        caps: tuple[Cap, ...],
        ledger: Ledger,
        fleet: Fleet,
        today: str,
        elsewhere: Mapping[str, Spend] | None = None,
        told: tuple[CapUse, ...] = (),
    ) -> Ceiling:
        """The caps over this fleet. ``elsewhere``: what its agents on other machines have spent."""
        spent = dict(totals(ledger, {agent.id for agent in fleet.agents}, today)) if caps else {}
        for name, more in (elsewhere or {}).items():
            spent[name] = spent.get(name, NOTHING).plus(more)
        return cls(caps, ledger, spent, today, told)

    def of(self, agent: Agent | None, task: str = "") -> tuple[CapUse, ...]:
        """Those that apply to an agent; None: to a future agent on the task in that file."""
        return (*standings(self.caps, self.ledger, self.spent, self.today, agent, task), *self.told)

    def reached(self, agent: Agent | None, task: str = "") -> CapUse | None:
        """The first cap that allows no further turn. An agent's use on one task does not keep it from another."""
        other_task = agent is not None and agent.task.pending is not None
        return next(
            (one for one in self.of(agent, task) if one.reached and not (other_task and one.scope == TASK)), None
        )

    def near(self, agents: Sequence[Agent]) -> Iterator[tuple[Agent | None, CapUse]]:
        """Caps that are nearly used up and not notified yet, each once; no agent for one shared by several."""
        found: dict[str, tuple[Agent | None, CapUse]] = {}
        for agent in (one for one in agents if not one.finished):
            for one in self.of(agent):
                if one.near and not one.reached and self.ledger.told.get(one.key) != one.base:
                    found[one.key] = (None if one.scope in SHARED else agent, one)
        yield from found.values()
