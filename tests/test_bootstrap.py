"""The environment outside the bundle: whole or absent, whoever calls at once and whatever is killed."""

from __future__ import annotations

import base64
import hashlib
import os
import signal
import stat
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from fleetscripts import bootstrap
from tests.places import BUNDLE, environment
from tests.waiting import wait_until


def wheel(folder: Path) -> Path:
    """A wheel of one module, ``tiny``, made by hand: nothing is fetched for it."""
    files = {
        "tiny.py": "WHOLE = True\n",
        "tiny-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: tiny\nVersion: 1.0\n",
        "tiny-1.0.dist-info/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = []
    folder.mkdir()
    path = folder / "tiny-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
            digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
            record.append(f"{name},sha256={digest},{len(text)}")
        archive.writestr("tiny-1.0.dist-info/RECORD", "\n".join([*record, "tiny-1.0.dist-info/RECORD,,", ""]))
    return path


@pytest.fixture
def lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A lock that names ``tiny`` by its hash; pip and uv find it in a folder and ask no index; no uv is on PATH."""
    made = wheel(tmp_path / "wheels")
    path = tmp_path / "lock.txt"
    path.write_text(f"# lock x\ntiny==1.0 --hash=sha256:{hashlib.sha256(made.read_bytes()).hexdigest()}\n")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(made.parent))
    settings = tmp_path / "uv.toml"
    settings.write_text(f'no-index = true\nfind-links = ["{made.parent}"]\n')
    monkeypatch.setenv("UV_CONFIG_FILE", str(settings))
    folders = os.environ["PATH"].split(os.pathsep)
    monkeypatch.setenv("PATH", os.pathsep.join(folder for folder in folders if not (Path(folder) / "uv").exists()))
    return path


@pytest.fixture
def link(tmp_path: Path) -> Path:
    return tmp_path / "new" / "data here" / "env-x"


def start(link: Path, lock: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-I", BUNDLE / "fleetscripts" / "bootstrap.py", link, lock]
    return subprocess.Popen(
        command, stderr=subprocess.PIPE, text=True, env=environment(), start_new_session=True, umask=0
    )


def call(link: Path, lock: Path) -> tuple[int, str]:
    process = start(link, lock)
    _, said = process.communicate(timeout=120)
    return process.returncode, said


def is_whole(link: Path) -> bool:
    done = subprocess.run([link / "bin" / "python", "-I", "-c", "import tiny; assert tiny.WHOLE"], check=False)
    return done.returncode == 0


def places(link: Path) -> list[Path]:
    return list(link.parent.glob(f"{link.name}-*"))


def test_two_first_calls_at_once_make_one_environment_and_later_calls_are_silent(link: Path, lock: Path) -> None:
    both = [start(link, lock) for _ in "ab"]
    said = [process.communicate(timeout=120)[1] for process in both]
    assert [process.returncode for process in both] == [0, 0], said
    assert sorted(text.count("\n") for text in said) == [0, 1]
    assert is_whole(link)
    assert len(places(link)) == 1
    assert call(link, lock) == (0, "")
    assert {stat.S_IMODE(folder.stat().st_mode) for folder in (link.parent, link.parent.parent)} == {0o700}


def test_a_kill_in_the_middle_leaves_nothing_half_done(link: Path, lock: Path) -> None:
    process = start(link, lock)
    wait_until(lambda: places(link), 30, "the build to begin")
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    assert not link.exists()
    assert call(link, lock)[0] == 0
    assert is_whole(link)
    assert len(places(link)) == 1


def test_an_upgraded_python_means_a_new_environment(link: Path, lock: Path) -> None:
    place = link.parent / f"{link.name}-3.0-old"
    (place / "bin").mkdir(parents=True)
    (place / "bin" / "python").symlink_to("/nowhere/python3.0")
    link.symlink_to(place.name)
    assert call(link, lock)[0] == 0
    assert is_whole(link)
    assert not place.exists()


def test_content_that_the_lock_does_not_name_is_refused(link: Path, lock: Path) -> None:
    lock.write_text("tiny==1.0 --hash=sha256:" + "0" * 64 + "\n", encoding="utf-8")
    code, said = call(link, lock)
    assert code == 1
    assert "pip" in said.splitlines()[-1] or "python" in said.splitlines()[-1]
    assert "hash" in said.lower() or "do not match" in said.lower()
    assert not link.exists()
    assert not places(link)


def test_uv_is_used_when_there_is_one(link: Path, lock: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    code, said = call(link, lock)
    assert (code, said.count("\n")) == (0, 1), said
    assert is_whole(link)
    assert "uv =" in (link / "pyvenv.cfg").read_text(encoding="utf-8")


def test_a_uv_that_fails_gives_way_to_pip(
    link: Path, lock: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "uv").write_text("#!/bin/sh\necho 'error: no route' >&2\nexit 2\n", encoding="utf-8")
    (tmp_path / "bin" / "uv").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    code, said = call(link, lock)
    assert code == 0
    assert "error: no route" in said
    assert is_whole(link)


def test_a_python_without_a_pip_that_serves_gets_one_by_ensurepip(
    link: Path, lock: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bootstrap, "OLDEST_PIP", (999,))
    bootstrap.prepare(link, lock)
    assert is_whole(link)
    assert list(link.glob("lib/*/site-packages/pip"))


def test_unpacked_packages_are_taken_where_this_python_can_load_them(tmp_path: Path, link: Path, lock: Path) -> None:
    packages = tmp_path / "packages"
    packages.mkdir()
    (packages / "tiny.py").write_text("WHOLE = True\n", encoding="utf-8")
    assert bootstrap.main([str(link), str(lock), str(packages)]) == 0
    assert is_whole(link)
    broken = packages / "native" / "part.abi3.so"
    broken.parent.mkdir()
    broken.write_bytes(b"for another machine")
    other = link.with_name("env-y")
    assert bootstrap.main([str(other), str(lock), str(packages)]) == 1
    assert not other.exists()
    assert [place.name for place in places(other)] == []
