"""Prepares a Python environment outside the bundle: ``bootstrap.py LINK LOCK [PACKAGES]``. Needs the standard library
only.

LINK becomes a symbolic link to an environment that holds exactly what the hashed LOCK names. Whoever sees LINK sees a
whole environment: it is built aside and the link is put there last. A second caller waits for the first. PACKAGES: a
folder with what LOCK names, unpacked, for a machine that reaches no index.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

BASE_PYTHON = os.path.realpath(getattr(sys, "_base_executable", "") or sys.executable)
"""The interpreter behind shims and virtual environments, by its versioned name: when an upgrade removes it, the
environment's ``bin/python`` is broken and the launcher prepares a new one."""


OLDEST_PIP = (22, 3)
"""The first that has ``--python``."""


class SetupProblem(Exception):
    """The environment could not be prepared; the message is one line."""


def main(argv: list[str]) -> int:
    """Prepare the environment; reports it, or its failure, in one line on stderr."""
    link, lock = Path(argv[0]), Path(argv[1]).resolve()
    try:
        prepare(link, lock, Path(argv[2]) if len(argv) > 2 else None)
    except SetupProblem as problem:
        print(f"fleetscripts: {problem}", file=sys.stderr)
        return 1
    except OSError as problem:
        print(
            f"fleetscripts: cannot prepare {link}: {problem.strerror or problem}; "
            "XDG_DATA_HOME may name a folder that can be written",
            file=sys.stderr,
        )
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def prepare(link: Path, lock: Path, packages: Path | None = None) -> None:
    """Make ``link`` point to an environment with what ``lock`` names, unless it does already."""
    for place in (*reversed(link.parent.parents), link.parent):  # mkdir(parents=True) leaves those to the umask
        if not place.is_dir():
            place.mkdir(mode=0o700, exist_ok=True)
    with _alone(link.with_name(f"{link.name}.lock")):
        if os.access(link / "bin" / "python", os.X_OK):
            return
        print(f"fleetscripts: preparing its Python packages in {link} (first call only)", file=sys.stderr)
        _remove_leftovers(link)
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        place = Path(tempfile.mkdtemp(prefix=f"{link.name}-{version}-", dir=link.parent))
        try:
            _install(place, lock) if packages is None else _copy(place, packages)
            _publish(place, link)
        except BaseException:
            shutil.rmtree(place, ignore_errors=True)
            raise


@contextmanager
def _alone(lock: Path) -> Iterator[None]:
    """Hold an exclusive lock, which the kernel releases when this process ends, however it ends."""
    descriptor = os.open(lock, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _remove_leftovers(link: Path) -> None:
    """Remove what killed builds, or a removed interpreter, have left."""
    for leftover in link.parent.glob(f"{link.name}-*"):
        shutil.rmtree(leftover, ignore_errors=True)


def _publish(place: Path, link: Path) -> None:
    fresh = link.with_name(f"{link.name}.new")
    fresh.unlink(missing_ok=True)
    fresh.symlink_to(place.name)
    if link.is_dir() and not link.is_symlink():
        shutil.rmtree(link)
    fresh.replace(link)


def _copy(place: Path, packages: Path) -> None:
    """Fill ``place`` with unpacked packages. Raises SetupProblem if this Python cannot load the compiled ones."""
    _run([BASE_PYTHON, "-I", "-m", "venv", "--clear", "--without-pip", str(place)], place)
    (target,) = place.glob("lib/python*/site-packages")
    shutil.copytree(packages, target, dirs_exist_ok=True)
    for compiled in packages.rglob("*.so"):
        module = ".".join((*compiled.relative_to(packages).parts[:-1], compiled.name.split(".")[0]))
        _run([_python_in(place), "-I", "-c", f"import {module}"], place)


def _install(place: Path, lock: Path) -> None:
    """Fill ``place`` by uv if there is one that works, else by venv and pip; the index is the machine's own."""
    uv = shutil.which("uv")
    if uv:
        try:
            _run([uv, "venv", "--quiet", "--allow-existing", "--python", BASE_PYTHON, str(place)], place)
            _run([uv, "pip", "install", "--quiet", "--python", _python_in(place), *_exactly(lock)], place)
            return
        except SetupProblem as problem:
            print(f"fleetscripts: uv could not ({problem}), so pip does it", file=sys.stderr)
    pip = _pip_for(place)
    options = ["--quiet", "--disable-pip-version-check", "--no-input", "--no-deps"]
    _run([*pip, "install", *options, *_exactly(lock)], place)


def _exactly(lock: Path) -> list[str]:
    return ["--require-hashes", "-r", str(lock)]


def _python_in(place: Path) -> str:
    return str(place / "bin" / "python")


def _pip_for(place: Path) -> list[str]:
    """Make a virtual environment and return the words that run a pip which installs into it.

    The interpreter's own pip where it has one, since copying one takes seconds. Debian keeps pip in python3-pip and
    ``ensurepip`` in python3-venv; a bare Python has neither.
    """
    create = [BASE_PYTHON, "-I", "-m", "venv", "--clear"]
    if _own_pip() >= OLDEST_PIP:
        _run([*create, "--without-pip", str(place)], place)
        return [BASE_PYTHON, "-I", "-m", "pip", "--python", _python_in(place)]
    if _answer("import ensurepip") is None:
        packages = Path(__file__).with_name("packages.sh")
        if subprocess.run(["sh", str(packages), "pip"], check=False, stdout=sys.stderr).returncode:
            raise SetupProblem(f"{BASE_PYTHON} has neither pip nor ensurepip, and there is no uv")
    _run([*create, str(place)], place)
    return [_python_in(place), "-I", "-m", "pip"]


def _own_pip() -> tuple[int, ...]:
    version = _answer("import pip; print(pip.__version__)") or "0"
    return tuple(int(number) for number in version.split(".")[:2] if number.isdigit())


def _answer(code: str) -> str | None:
    """The output of ``code`` in the base interpreter; None if it fails."""
    done = subprocess.run([BASE_PYTHON, "-I", "-c", code], check=False, capture_output=True, text=True)
    return None if done.returncode else done.stdout.strip()


def _run(command: list[str], place: Path) -> None:
    """Run in ``place``: uv reads settings from the current folder, where agents may write."""
    environment = {**os.environ, "PIP_USER": "0"}
    done = subprocess.run(
        command,
        cwd=place,
        env=environment,
        check=False,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    if done.returncode:
        raise SetupProblem(_problem_in(done, place))


def _problem_in(done: subprocess.CompletedProcess[str], place: Path) -> str:
    """The relevant line of a tool's output, and the file beside ``place`` with all of it."""
    log = place.parent / "setup.log"
    log.write_text(f"{done.args}\n{done.stdout}", encoding="utf-8")
    said = [line.strip() for line in done.stdout.splitlines() if line.strip()] or ["it said nothing"]
    telling = [line for line in said if line.lower().startswith("error")] or said[-1:]
    return f"{Path(done.args[0]).name} exited {done.returncode}: {telling[0]} (all it said: {log})"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
