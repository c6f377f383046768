"""The server-side check of tool calls that Claude Code's auto mode requests, as in requests of 2.1.332.

A request asks by a member ``safeguards``; the answer's last delta gives a verdict for each tool call.
``PRACTICE_MODEL_CHECKS`` a pattern: calls whose input matches are flagged, others are not. Without it there are no
verdicts, as behind a gateway that does not pass the check on."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from fleetscripts.dataclass import dataclass

_KIND = "dangerous_tool_use"


@dataclass(frozen=True, slots=True)
class SafetyCheck:
    """``flagged`` None: no check."""

    flagged: re.Pattern[str] | None = None

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> SafetyCheck:
        """The check that the environment names."""
        pattern = environ.get("PRACTICE_MODEL_CHECKS")
        return cls(re.compile(pattern) if pattern else None)

    def results(self, body: Mapping[str, Any], calls: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
        """Members for a message's last delta: the verdict on each call, by its id."""
        asked = any(wanted.get("type") == _KIND for wanted in body.get("safeguards") or [])
        if self.flagged is None or not asked or not calls:
            return {}
        verdicts = {name: self._verdict(json.dumps(call, ensure_ascii=False)) for name, call in calls.items()}
        return {"safeguard_results": [{"type": _KIND, "status": {"type": "available", "tool_uses": verdicts}}]}

    def _verdict(self, call: str) -> dict[str, str]:
        assert self.flagged is not None
        return {"type": "evaluated", "outcome": "flagged" if self.flagged.search(call) else "not_flagged"}
