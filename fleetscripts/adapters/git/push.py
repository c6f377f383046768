"""Pushes one commit to one branch of one URL, and nothing else, whatever the repository's settings."""

from __future__ import annotations

from dataclasses import replace

from fleetscripts.adapters.git.git import Git

_WORDS = ("push", "--quiet", "--no-verify", "--no-follow-tags", "--recurse-submodules=no", "--no-signed", "--no-mirror")


def push_commit(git: Git, url: str, commit: str, branch: str) -> None:
    """Push; never by force: raises GitFailed if the branch there has commits that are not in this one."""
    alone = replace(git, settings=(*git.settings, "push.pushOption="))
    alone.remote(*_WORDS, "--", url, f"{commit}:refs/heads/{branch}")


def redirections(git: Git, url: str) -> list[str]:
    """What git would turn the URL into, by each ``insteadOf`` or ``pushInsteadOf`` and by a remote of that name; empty
    if a push goes to that very URL."""
    listed = git.maybe("config", "--null", "--get-regexp", r"^(url\..*\.(push)?insteadof|remote\..*)$") or ""
    found = []
    for entry in filter(None, listed.split("\0")):
        name, _, value = entry.partition("\n")
        section, _, rest = name.partition(".")
        subject, _, key = rest.rpartition(".")
        if section == "remote" and subject == url:
            found.append(value if key in ("url", "pushurl") else f"{name}={value}")
        elif section == "url" and url.startswith(value):
            found.append(subject + url.removeprefix(value))
    return found
