"""Screens on which sources disagree are kept: few, small, without secrets."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from fleetscripts.core.records.redact import MASK, redact
from fleetscripts.models import Classification, DialogKind, Evidence, Frame, PaneFacts, PaneState, Source
from fleetscripts.services.observe import kept_frames
from fleetscripts.services.observe.kept_frames import keep_when_sources_disagree

S = PaneState
SECRETS = [
    "sk-ant-api03-abcdefghijklmnop",
    "ghp_abcdefghijklmnopqrstuvwxyz",
    "github_pat_11ABCDEFG0abcdefghijkl_xyz",
    "AKIAABCDEFGHIJKLMNOP",
    "xoxb-1234567890-abcdef",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.abc123",
    "https://discord.com/api/webhooks/123/abcDEF",
]
CONTEXT = [
    "Context left until auto-compact: 12%",
    "  12% context left",
    "context: 34%",
    "Context window: 88% used",
    "96% of context remaining",
    "Context low (3% remaining) · Run /compact",
]


def frame(*lines: str, pane: str = "%1") -> Frame:
    return Frame(PaneFacts(pane, command="claude"), lines, at=5.0, styled=True)


def answer(registry: PaneState, screen: PaneState, **more: object) -> Classification:
    evidence = (Evidence(Source.REGISTRY, registry, "registry"), Evidence(Source.SCREEN, screen, "screen"))
    return Classification(registry, "reason", evidence=evidence, **more)  # type: ignore[arg-type]


def test_a_disagreement_is_kept_with_all_evidence(tmp_path: Path) -> None:
    kept = keep_when_sources_disagree(tmp_path, frame("hello"), answer(S.RUNNING, S.PROMPT))
    assert kept is not None
    entry = json.loads(kept.read_text(encoding="utf-8"))
    assert (entry["about"], entry["lines"]) == ("registry=running, screen=prompt", ["hello"])
    assert [piece["source"] for piece in entry["evidence"]] == ["registry", "screen"]
    assert kept.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("screen", [S.PROMPT, S.COMPLETE, S.API_ERROR])
def test_agreement_is_not_kept(tmp_path: Path, screen: PaneState) -> None:
    assert keep_when_sources_disagree(tmp_path, frame("x"), answer(S.PROMPT, screen)) is None


def test_a_view_that_no_registry_tells_of_is_not_kept(tmp_path: Path) -> None:
    view = answer(S.PROMPT, S.WAITING_APPROVAL, dialog=DialogKind.VIEW)
    assert keep_when_sources_disagree(tmp_path, frame("x"), view) is None


def test_one_case_is_kept_once(tmp_path: Path) -> None:
    for _ in range(3):
        keep_when_sources_disagree(tmp_path, frame("x"), answer(S.RUNNING, S.PROMPT))
    assert len(list((tmp_path / "frames").iterdir())) == 1


def test_number_and_size_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept_frames, "MOST_FRAMES", 4)
    for number in range(9):
        keep_when_sources_disagree(tmp_path, frame("x", pane=f"%{number}"), answer(S.RUNNING, S.PROMPT))
    assert len(list((tmp_path / "frames").iterdir())) == 4
    assert keep_when_sources_disagree(tmp_path, frame("x" * 200_000, pane="%99"), answer(S.RUNNING, S.PROMPT)) is None


@pytest.mark.parametrize("secret", SECRETS)
def test_secrets_are_masked_also_when_coloured(tmp_path: Path, secret: str) -> None:
    half = len(secret) // 2
    lines = (f"key {secret} end", f"\x1b[1m{secret[:half]}\x1b[0m{secret[half:]}")
    kept = keep_when_sources_disagree(tmp_path, frame(*lines), answer(S.RUNNING, S.PROMPT))
    assert kept is not None
    content = kept.read_text(encoding="utf-8")
    assert secret not in content
    assert content.count(MASK) == 2


@pytest.mark.parametrize(
    "text", ["API_KEY=abcdef123", "password: hunter2hunter2", "Authorization: Bearer abcdef.123456"]
)
def test_named_secrets_are_masked(text: str) -> None:
    assert MASK in redact(text)
    assert "123" not in redact(text)
    assert "hunter2" not in redact(text)


def test_passwords_in_addresses_are_masked() -> None:
    assert redact("git push https://me:s3cret@host/x") == f"git push https://{MASK}@host/x"


@pytest.mark.parametrize("text", CONTEXT)
def test_how_much_context_is_left_is_taken_out(text: str) -> None:
    assert "%" not in redact(text)


@pytest.mark.parametrize(
    "text", ["You've used 85% of your 5-hour limit", "coverage 97%", "the context manager closes it"]
)
def test_other_figures_stay(text: str) -> None:
    assert redact(text) == text
