"""What a model is given to read stays within bounds that no number of agents breaks."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetscripts.core.reports.status_brief import MOST_CHARACTERS, MOST_JSON_CHARACTERS, brief_json, brief_lines
from fleetscripts.fleet import Agent
from fleetscripts.models import AgentState
from fleetscripts.record import Escalation
from tests.benchmark_tokens import MOST_TOKENS, OUTPUTS, printed, tokens


@pytest.mark.parametrize("name", MOST_TOKENS)
def test_a_hundred_agents_fit(name: str, tmp_path: Path) -> None:
    text = printed(100, OUTPUTS[name], tmp_path / "h")
    assert 50 < tokens(text) <= MOST_TOKENS[name]
    assert "--json" not in name or json.loads(text)["counts"]["running"] == 60


NAMES = st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), max_size=300)


@given(
    st.lists(
        st.tuples(NAMES, NAMES, st.sampled_from(AgentState)),
        max_size=12,
    ),
    st.integers(0, 400),
)
def test_names_of_any_length_break_no_bound_and_nobody_is_left_uncounted(
    named: list[tuple[str, str, AgentState]], more: int
) -> None:
    agents = [
        Agent(f"f:{window}", f"w{branch}", branch=branch, state=state, escalation=Escalation(reason=window))
        for window, branch, state in named
    ]
    agents += [replace(agents[0] if agents else Agent("f:0"), window=f"g:{n}", id=str(n)) for n in range(more)]
    lines = brief_lines(agents, 0)
    assert sum(len(line) + 1 for line in lines) <= MOST_CHARACTERS
    left = int(lines[-1].split()[1]) if lines and lines[-1].startswith("and ") else 0
    assert len(lines) - bool(left) + left == len(agents)
    text = brief_json({"active": True, "counts": {}}, agents, 0)
    told = json.loads(text)
    assert len(text) <= MOST_JSON_CHARACTERS
    assert len(told["agents"]) + told.get("more", 0) == len(agents)
