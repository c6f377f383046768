"""Which compiled packages a Python accepts: run as a program on another machine, called here. Standard library only."""

from __future__ import annotations

import platform
import sys
import sysconfig


def python_platform() -> tuple[str, str]:
    """The tags of the interpreter and of the system, without its version: ``cpython-311``, ``linux-x86_64-glibc``."""
    parts = [part for part in sysconfig.get_platform().split("-") if not part[0].isdigit()]
    return sys.implementation.cache_tag or "", "-".join((*parts, *filter(None, platform.libc_ver()[:1])))


if __name__ == "__main__":
    print("interpreter={}\nsystem={}".format(*python_platform()))
