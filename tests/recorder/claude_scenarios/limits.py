"""Every form of usage limit that the API knows: by window, by model, with usage credits refused for each reason."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping

from tests.recorder.claude import Claude
from tests.recorder.claude_scenarios.errors import NO_RETRY
from tests.recorder.replies import Fail, Say
from tests.recorder.scenario import scenario
from tests.recorder.terminal import NotReached

PREFIX = "anthropic-ratelimit-unified"

FORMS: Mapping[str, Mapping[str, str]] = {
    "five-hour": {"claim": "five_hour"},
    "seven-day": {"claim": "seven_day"},
    "opus": {"claim": "seven_day_opus"},
    "sonnet": {"claim": "seven_day_sonnet"},
    "one-model": {"claim": "seven_day_overage_included"},
    "new-claim": {"claim": "thirty_day"},
    "no-claim": {},
    "credits-empty": {"claim": "five_hour", "overage-status": "rejected", "overage-disabled-reason": "out_of_credits"},
    "only-credits-empty": {
        "claim": "overage", "overage-status": "rejected", "overage-disabled-reason": "out_of_credits",
    },
    "credits-capped": {"claim": "overage", "overage-status": "rejected"},
    "org-disabled": {"claim": "overage", "overage-status": "rejected", "overage-disabled-reason": "org_level_disabled"},
    "org-disabled-until": {
        "claim": "overage", "overage-status": "rejected", "overage-disabled-reason": "org_level_disabled_until",
    },
    "org-service-disabled": {
        "claim": "overage", "overage-status": "rejected", "overage-disabled-reason": "org_service_level_disabled",
    },
    "org-spend-cap": {
        "claim": "overage", "overage-status": "rejected", "overage-disabled-reason": "org_spend_cap_reached",
    },
    "seat-without-credits": {
        "claim": "overage", "overage-status": "rejected", "overage-disabled-reason": "seat_tier_level_disabled",
    },
    "member-disabled": {
        "claim": "overage", "overage-status": "rejected", "overage-disabled-reason": "member_level_disabled",
    },
    "group-at-zero": {
        "claim": "overage", "overage-status": "rejected", "overage-disabled-reason": "group_zero_credit_limit",
    },
    "paused-for-today": {"claim": "overage", "overage-status": "rejected", "overage-daily-cap-paused": "true"},
}  # fmt: skip
"""Name of a form → the headers of the refusal, without their common beginning."""

NO_LIMITS = frozenset({"no-claim"})
"""What names no limit is the service's trouble, not the account's."""


def limit_headers_of(form: str, resets_at: int) -> dict[str, str]:
    """What the API says with a refusal of this form."""
    given = dict(FORMS[form])
    claim = given.pop("claim", "")
    headers = {f"{PREFIX}-status": "rejected", **{f"{PREFIX}-{name}": value for name, value in given.items()}}
    if claim:
        headers |= {f"{PREFIX}-representative-claim": claim, f"{PREFIX}-reset": str(resets_at)}
    if "overage-status" in given:
        headers[f"{PREFIX}-overage-reset"] = str(resets_at)
    return headers


def refusal(form: str) -> Fail:
    """The answer at this limit, which resets in two hours."""
    headers = limit_headers_of(form, int(time.time()) + 7200)
    message = "This request would exceed your account's rate limit. Please try again later."
    return Fail(429, "rate_limit_error", message, {**headers, "retry-after": "7200", **NO_RETRY})


def _record_form(form: str) -> None:
    name = f"limit-form-{form}"

    @scenario("claude", name, modes=("oauth",), own_start=True)
    def at_this_limit(s: Claude) -> None:
        s.restart()
        s.say(f"look at {form}", (refusal(form),))
        s.at_rest(f"look at {form}")
        s.terminal.settle()
        if s.terminal.shows(r"What do you want to do"):
            s.terminal.keys("Escape")
            s.terminal.settle()
        if s.terminal.shows(r"limit reached, now using"):
            raise NotReached("the client goes on with another model")
        if form in NO_LIMITS:
            s.snap(name, "api_error", error="other")
        else:
            s.snap(name, "rate_limited")
        keep_records(s, name)
        s.terminal.kill_client()


for _form in FORMS:
    _record_form(_form)


@scenario("claude", "prompt-on-credits", modes=("oauth",), own_start=True)
def on_credits(s: Claude) -> None:
    s.restart()
    reset = str(int(time.time()) + 7200)
    s.model.headers = {
        f"{PREFIX}-status": "rejected",
        f"{PREFIX}-reset": reset,
        f"{PREFIX}-representative-claim": "five_hour",
        f"{PREFIX}-overage-status": "allowed",
        f"{PREFIX}-overage-reset": reset,
        f"{PREFIX}-overage-in-use": "true",
    }
    try:
        s.say("look at the purse", (Say("The purse is open."),))
        s.terminal.await_text("The purse is open", 15)
        s.terminal.await_text(r"using (?:usage credits|extra usage|your usage)|sing extra usage", 10)
        s.turn_over()
        s.snap("prompt-on-credits", "prompt")
        keep_records(s, "prompt-on-credits")
    finally:
        s.model.headers = {}
    s.terminal.kill_client()


def keep_records(s: Claude, name: str) -> None:
    """What the client wrote of it, in the order in which it wrote it, beside the picture."""
    path = next(each for each in s.transcripts() if each.stem == s.newest_session())
    kept = []
    for line in path.read_text().splitlines():
        record = json.loads(line)
        if record.get("type") in ("user", "assistant", "system") and not record.get("isMeta"):
            kept.append(json.dumps({key: value for key, value in record.items() if key not in _PRIVATE}))
    folder = s.options.folder
    (folder / f"{name}.jsonl").write_text("\n".join(kept) + "\n")


_PRIVATE = frozenset({"cwd", "gitBranch", "slug", "userType", "entrypoint"})
