"""Turns that die or are tried again, and usage limits."""

from __future__ import annotations

import time
from functools import partial

from tests.recorder.codex import Codex
from tests.recorder.replies import Fail
from tests.recorder.scenario import scenario
from tests.recorder.terminal import NotReached
from tests.waiting import stays

SERVER = Fail(500, "server_error", "The server had an error while processing your request")
OVERLOADED = Fail(503, "server_error", "overloaded")
QUOTA = Fail(429, "insufficient_quota", "You exceeded your current quota, please check your plan and billing details.")
AUTH = Fail(401, "invalid_request_error", "Incorrect API key provided", body={"code": "invalid_api_key"})
CONTEXT = Fail(
    400,
    "invalid_request_error",
    "Your input exceeds the context window of this model.",
    body={"code": "context_length_exceeded"},
)


def usage_limit(plan: str = "plus") -> tuple[Fail, int]:
    """The answer at a usage limit, and when the limit resets."""
    resets_at = int(time.time()) + 7200
    body = {"plan_type": plan, "resets_at": resets_at, "resets_in_seconds": 7200}
    return Fail(429, "usage_limit_reached", "The usage limit has been reached", body=body), resets_at


@scenario("codex", "retrying-server", own_start=True, wide=True)
def retrying(s: Codex) -> None:
    s.configure(retries=5)
    s.restart()
    s.configure()
    s.say("look at the till", (SERVER,))
    s.terminal.await_text(r"Reconnecting|[Rr]etrying", 20)
    s.snap("retrying-server", "running")
    s.terminal.kill_client()


@scenario("codex", "server-died", "overloaded-died", "auth-died", "quota-died", "context-overflow", wide=True)
def died(s: Codex) -> None:
    for name, failure, error in (
        ("server-died", SERVER, "server"),
        ("overloaded-died", OVERLOADED, "overloaded"),
        ("auth-died", AUTH, "auth"),
        ("quota-died", QUOTA, "billing"),
        ("context-overflow", CONTEXT, "context"),
    ):
        if not s.options.wants([name]):
            continue
        s.restart()
        prompt = f"look at the {name}"
        s.say(prompt, (failure,))
        s.terminal.await_text(r"■|⚠|error|[Qq]uota|exceed", 25)
        stays(partial(s.script.asked, prompt), 3.0, 60.0)
        s.turn_over()
        if error == "billing" and not s.terminal.shows(r"Quota exceeded|exceeded your (current )?quota"):
            error = "other"  # this release says nothing but 429
        shown = "other" if s.terminal.shows(r"429 Too Many Requests") else error  # older releases tell no reason
        s.snap(name, "api_error", error=shown)


@scenario(
    "codex", "limit-wall", "limit-with-draft", "shell-after-kill-wall", "prompt-resumed-wall", own_start=True, wide=True
)
def wall(s: Codex) -> None:
    s.restart()
    failure, resets_at = usage_limit()
    s.say("look at the stock", (failure,))
    s.terminal.await_text(r"usage limit", 10)
    s.turn_over()
    s.snap("limit-wall", "rate_limited", resets_at=resets_at)
    s.type("go on then")
    s.snap("limit-with-draft", "rate_limited", resets_at=resets_at, draft=True)
    s.clear()
    session = s.newest_session()
    s.terminal.kill_client()
    s.terminal.settle()
    s.snap("shell-after-kill-wall", "idle")
    s.launch("resume", session)
    s.terminal.await_text(r"look at the stock", 20)
    s.terminal.settle(1.0)
    if s.terminal.shows("hit your usage limit"):
        raise NotReached("the old wall is redrawn just as it stood: no screen can tell that it is history")
    s.snap("prompt-resumed-wall", "prompt")
