"""A host that reaches no package index gets our packages from here, where they fit its Python."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from fleetscripts.errors import FleetError
from fleetscripts.python_platform import python_platform
from fleetscripts.services.hosts.registry import host_named
from fleetscripts.services.links.bundle_copy import LOCK
from fleetscripts.services.links.package_copy import packages_for
from tests.conftest import RunScript
from tests.hosts.conftest import MakeLinked
from tests.hosts.linked import LinkedHost
from tests.places import BUNDLE

INTERPRETER, SYSTEM = python_platform()
NOWHERE = "http://127.0.0.1:9/simple"
NO_INDEX = {"PIP_INDEX_URL": NOWHERE, "PIP_RETRIES": "0", "UV_DEFAULT_INDEX": NOWHERE, "UV_HTTP_RETRIES": "0"}


def without_packages(host: LinkedHost) -> Path:
    """The folder of environments there, with nothing in it."""
    data = host.there.home / ".local" / "share" / "fleetscripts"
    for ready in data.glob("env-*"):
        ready.unlink()
    return data


@pytest.mark.stress
def test_a_host_that_reaches_no_index_runs_on_the_packages_of_here(
    make_linked: MakeLinked, run_script: RunScript
) -> None:
    alpha = make_linked(variables=NO_INDEX)
    data = without_packages(alpha)
    added = run_script("hosts", "add", "alpha", "alpha", timeout=120)
    assert added.returncode == 0, added.stderr
    python = Path(host_named(alpha.settings, "alpha").python)
    assert python.parent.parent.parent == data
    imported = "import click, libtmux, orjson, rich, watchfiles; print(orjson.__file__)"
    found = subprocess.run([python, "-I", "-c", imported], check=True, capture_output=True, text=True).stdout
    assert found.startswith(str(data))
    alpha.reached()
    assert alpha.call("status").state == "done"
    before = python.parent.parent.readlink()
    assert run_script("hosts", "add", "alpha", "alpha", timeout=120).returncode == 0
    assert python.parent.parent.readlink() == before


@pytest.mark.stress
def test_what_is_compiled_for_another_machine_is_said_in_one_line(
    make_linked: MakeLinked, run_script: RunScript
) -> None:
    alpha = make_linked(variables=NO_INDEX)
    data = without_packages(alpha)
    python = alpha.there.home / "bin" / "python3"
    python.write_text(
        "#!/bin/sh\n"
        "case $* in *python_platform.py) echo interpreter=cpython-399; echo system=plan9-vax; exit ;; esac\n"
        f'exec {os.path.realpath(sys.executable)} "$@"\n',
        encoding="utf-8",
    )
    python.chmod(0o755)
    added = run_script("hosts", "add", "alpha", "alpha", timeout=120)
    assert added.returncode == 1
    assert len(added.stderr.splitlines()) == 1
    assert "could not be prepared" in added.stderr
    assert f"compiled here for {INTERPRETER} on {SYSTEM}, the Python there is cpython-399 on plan9-vax" in added.stderr
    assert not list(data.glob("env-*/bin/python"))


@pytest.mark.parametrize(
    ("interpreter", "system", "unfit"),
    [
        (INTERPRETER, SYSTEM, ""),
        ("cpython-399", SYSTEM, "orjson"),
        (INTERPRETER, "linux-riscv64-glibc", "orjson, watchfiles"),
        (INTERPRETER, f"{SYSTEM.removesuffix('-glibc')}-musl", "orjson, watchfiles"),
        ("", "", "orjson, watchfiles"),
    ],
)
def test_pure_packages_go_everywhere_and_compiled_ones_where_they_fit(
    interpreter: str, system: str, unfit: str
) -> None:
    if not unfit:
        assert len(packages_for(BUNDLE / LOCK, interpreter, system)) > 100_000
        return
    with pytest.raises(FleetError, match=f"^{unfit}: compiled here for"):
        packages_for(BUNDLE / LOCK, interpreter, system)


def test_a_package_that_is_not_here_as_the_lock_names_it_is_told(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    for line, says in (("no-such-package==1.0", "no-such-package is not here"), ("rich==0.1", "expected 0.1")):
        lock.write_text(f"# lock x\n{line} \\\n    --hash=sha256:00\n", encoding="utf-8")
        with pytest.raises(FleetError, match=says):
            packages_for(lock, INTERPRETER, SYSTEM)
