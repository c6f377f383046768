"""Submodule pins that a branch has changed: can everybody fetch the commit?

Asked of the URL that the branch's base names; the worktree's own settings are ignored."""

from __future__ import annotations

from collections.abc import Iterator

from fleetscripts.adapters.git.git import Git
from fleetscripts.adapters.git.index_listing import listing
from fleetscripts.adapters.git.submodules import submodules
from fleetscripts.dataclass import dataclass
from fleetscripts.errors import FleetError

_LINK = "160000"


@dataclass(frozen=True, slots=True)
class ChangedPin:
    """``missing``: why the commit counts as not pushed; ``unknown``: why that cannot be determined."""

    path: str
    pin: str
    missing: str = ""
    unknown: str = ""


def has_pins(git: Git) -> bool:
    """Whether HEAD has any submodule."""
    return bool(_pins(git, "HEAD"))


def changed_pins(git: Git, base: str | None, remote_url: str) -> list[ChangedPin]:
    """Every pin of HEAD that ``base`` does not have, without those of nested submodules. ``remote_url``: the
    repository's own, the base of relative URLs."""
    before = _pins(git, base) if base else {}
    now = {path: pin for path, pin in _pins(git, "HEAD").items() if before.get(path) != pin}
    if not now:
        return []
    urls = _urls(git, base or "HEAD")
    here = {module.path: module.git for module in submodules(git, listing(git).links)}
    return [_asked(path, pin, here.get(path), _absolute(urls.get(path, ""), remote_url)) for path, pin in now.items()]


def _asked(path: str, pin: str, module: Git | None, url: str) -> ChangedPin:
    if not url:
        return ChangedPin(path, pin, unknown="new: the branch it is meant for names no such submodule")
    if module is None:
        return ChangedPin(path, pin, unknown="not checked out here")
    try:
        heads = [row.split("\t") for row in module.remote("ls-remote", "--heads", "--", url).splitlines()]
        if any(commit == pin for commit, _ in heads):
            return ChangedPin(path, pin)
        words = ("fetch", "--quiet", "--no-tags", "--no-recurse-submodules", "--refmap=", "--no-write-fetch-head")
        module.remote(*words, "--upload-pack=git-upload-pack", "--", url, "+refs/heads/*:refs/fleet/remote/*")
        if any(module.says("merge-base", "--is-ancestor", pin, commit) for commit, _ in heads):
            return ChangedPin(path, pin)
    except FleetError as error:
        return ChangedPin(path, pin, unknown=str(error))
    return ChangedPin(path, pin, missing="on no branch of its remote: push it there first")


def _pins(git: Git, commit: str) -> dict[str, str]:
    rows = (row.partition("\t") for row in git.text("ls-tree", "-r", "-z", commit).split("\0"))
    return {path: facts.split(" ")[2] for facts, _, path in rows if facts.startswith(_LINK)}


def _urls(git: Git, commit: str) -> dict[str, str]:
    """URL by path, from the commit's .gitmodules."""
    words = ("config", "--blob", f"{commit}:.gitmodules", "--null", "--get-regexp", r"^submodule\..*\.(path|url)$")
    found: dict[str, dict[str, str]] = {}
    for key, value in _pairs(git.maybe(*words) or ""):
        name, _, what = key.rpartition(".")
        found.setdefault(name, {})[what] = value
    return {one["path"]: one.get("url", "") for one in found.values() if "path" in one}


def _pairs(text: str) -> Iterator[tuple[str, str]]:
    for entry in text.split("\0"):
        key, _, value = entry.partition("\n")
        if key:
            yield key, value


def _absolute(url: str, base: str) -> str:
    """A relative URL resolved against the repository's own."""
    if not url.startswith(("./", "../")):
        return url
    base = base.rstrip("/")
    while url.startswith(("./", "../")):
        if url.startswith("../"):
            cut = max(base.rfind("/"), base.rfind(":"))
            base = base[: max(cut, 0)]
        url = url.split("/", 1)[1]
    return f"{base}/{url}" if base else ""
