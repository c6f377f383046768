"""Stores the screens on which sources disagreed, secrets masked, so that each can become a test."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

from fleetscripts.adapters.records.frames import keep_frame
from fleetscripts.core.records.redact import redact, redact_lines
from fleetscripts.core.screen.disagreement import disagreement, summary
from fleetscripts.models import Classification, Frame


def keep_when_sources_disagree(fleet_home: Path, frame: Frame, answer: Classification) -> Path | None:
    """The stored file; None if the sources agree or this case was stored within the hour."""
    about = disagreement(answer)
    if about is None:
        return None
    facts = asdict(frame.facts) | {"title": redact(frame.facts.title)}
    evidence = [
        {name: redact(value) if isinstance(value, str) else value for name, value in piece.items()}
        for piece in summary(answer.evidence)
    ]
    entry = {
        "about": about,
        "at": frame.at,
        "state": answer.state,
        "reason": redact(answer.reason),
        "facts": facts,
        "evidence": evidence,
        "styled": frame.styled,
        "lines": redact_lines(frame.lines),
    }
    return keep_frame(fleet_home, f"{frame.facts.pane_id} {about}", entry)
