"""Settings and variables that must not change what git does or prints: one list, for every call.

The user's filters, line endings, ignored names, transports and URLs are kept: a checkout or fetch must be as the user's
own."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import cache

SETTINGS = (
    # programs that a repository could name
    *("core.fsmonitor=false", "core.hooksPath=/dev/null", "core.alternateRefsCommand=true", "protocol.ext.allow=never"),
    "core.askPass=",
    # what is printed
    *("core.quotePath=false", "color.ui=false", "color.branch=false", "color.diff=false", "color.status=false"),
    *("log.showSignature=false", "log.mailmap=false", "log.showRoot=true", "log.follow=false", "format.notes="),
    *("i18n.logOutputEncoding=UTF-8", "i18n.commitEncoding=UTF-8", "column.ui=never", "diff.relative=false"),
    *("status.short=false", "status.branch=false", "status.showStash=false", "status.relativePaths=false"),
    *("diff.noprefix=false", "diff.mnemonicPrefix=false", "diff.orderFile=/dev/null", "diff.renames=false"),
    # how changes are found
    *("core.checkStat=default", "core.trustctime=true", "core.ignoreStat=false", "core.untrackedCache=false"),
    *("core.splitIndex=false", "diff.ignoreSubmodules=none"),
    # what a fetch or a checkout does beside what it was asked for
    *("submodule.recurse=false", "fetch.recurseSubmodules=false", "fetch.prune=false", "fetch.pruneTags=false"),
    *("fetch.writeCommitGraph=false", "fetch.parallel=1", "checkout.guess=false", "branch.autoSetupMerge=false"),
    *("branch.autoSetupRebase=never", "gc.auto=0", "maintenance.auto=false", "commit.gpgSign=false"),
    *("submodule.alternateErrorStrategy=info", "advice.detachedHead=false"),
)

VARIABLES = {
    "LC_ALL": "C",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_GRAFT_FILE": "/dev/null",  # parents are what the commits themselves say
    "GIT_PAGER": "cat",
    "GIT_EDITOR": "true",
    "SSH_ASKPASS_REQUIRE": "never",
}

# What `git rev-parse --local-env-vars` names (inside a hook they mean another repository), and what changes answers.
_DROPPED = frozenset({
    *("GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_COMMON_DIR", "GIT_CONFIG", "GIT_CONFIG_COUNT", "GIT_CONFIG_PARAMETERS"),
    *("GIT_DIR", "GIT_GRAFT_FILE", "GIT_IMPLICIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_INTERNAL_SUPER_PREFIX"),
    *("GIT_NAMESPACE", "GIT_OBJECT_DIRECTORY", "GIT_PREFIX", "GIT_REPLACE_REF_BASE", "GIT_SHALLOW_FILE"),
    *("GIT_WORK_TREE", "GIT_QUARANTINE_PATH", "GIT_ATTR_SOURCE", "GIT_EXTERNAL_DIFF", "GIT_DIFF_OPTS"),
    *("GIT_LITERAL_PATHSPECS", "GIT_GLOB_PATHSPECS", "GIT_NOGLOB_PATHSPECS", "GIT_ICASE_PATHSPECS", "GIT_NOTES_REF"),
    *("GIT_TRACE", "GIT_REFLOG_ACTION", "GIT_MERGE_VERBOSITY", "GIT_FLUSH"),
})  # fmt: skip


@cache
def options(more: tuple[str, ...] = ()) -> tuple[str, ...]:
    """Options for git's command line."""
    return ("--no-pager", *(word for setting in (*SETTINGS, *more) for word in ("-c", setting)))


def environment(around: Mapping[str, str] = os.environ) -> dict[str, str]:
    """git's environment."""
    return {name: value for name, value in around.items() if name not in _DROPPED} | VARIABLES
