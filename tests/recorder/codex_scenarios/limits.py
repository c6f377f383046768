"""Every form of usage limit that Codex's server names: by plan, by model, by what a workspace may spend."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any

from tests.recorder.codex import Codex
from tests.recorder.replies import Fail
from tests.recorder.scenario import scenario

REACHED = "x-codex-rate-limit-reached-type"

FORMS: Mapping[str, tuple[Mapping[str, Any], Mapping[str, str]]] = {
    "free": ({"plan_type": "free"}, {}),
    "pro": ({"plan_type": "pro"}, {}),
    "team": ({"plan_type": "team"}, {}),
    "enterprise": ({"plan_type": "enterprise"}, {}),
    "no-plan": ({}, {}),
    "no-reset": ({"plan_type": "plus", "resets_at": None, "resets_in_seconds": None}, {}),
    "one-model": ({}, {"x-codex-active-limit": "codex_other", "x-codex-other-limit-name": "gpt-6-luna"}),
    "owner-credits": ({"plan_type": "business"}, {REACHED: "workspace_owner_credits_depleted"}),
    "member-credits": ({"plan_type": "business"}, {REACHED: "workspace_member_credits_depleted"}),
    "owner-cap": ({"plan_type": "business"}, {REACHED: "workspace_owner_usage_limit_reached"}),
    "member-cap": ({"plan_type": "business"}, {REACHED: "workspace_member_usage_limit_reached"}),
}
"""Name of a form → members of the refusal's body, and its headers."""


KEPT = frozenset({"task_started", "token_count", "error", "turn_aborted", "task_complete"})


def _record_form(form: str) -> None:
    name = f"limit-form-{form}"

    @scenario("codex", name, own_start=True)
    def at_this_limit(s: Codex) -> None:
        s.restart()
        body, headers = FORMS[form]
        resets_at = int(time.time()) + 7200
        given = {"resets_at": resets_at, "resets_in_seconds": 7200, **body}
        refusal = {key: value for key, value in given.items() if value is not None}
        message = "The usage limit has been reached"
        s.say(f"look at {form}", (Fail(429, "usage_limit_reached", message, headers, body=refusal),))
        s.terminal.await_text(r"■", 20)
        s.turn_over()
        asks = s.terminal.shows(r"Request increase\?|Notify owner\?")
        s.snap(name, "rate_limited", **({"dialog": "limit"} if asks else {}))
        path = next((s.home / "sessions").rglob(f"rollout-*-{s.newest_session()}.jsonl"))
        kept = [line for line in path.read_text().splitlines() if _kind(line) in KEPT]
        (s.options.folder / f"{name}.jsonl").write_text("\n".join(kept) + "\n")
        s.terminal.kill_client()


def _kind(line: str) -> object:
    return (json.loads(line).get("payload") or {}).get("type")


for _form in FORMS:
    _record_form(_form)
