"""What a hosting service runs and asks: the workflow is one that it takes, the forms ask for what a mend needs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.places import BUNDLE

HOSTED = BUNDLE / ".github"
FORMS = sorted(path for path in (HOSTED / "ISSUE_TEMPLATE").glob("*.yml") if path.name != "config.yml")


def test_the_workflow_has_no_fault_that_a_checker_finds() -> None:
    checker = Path(sys.executable).with_name("actionlint")
    done = subprocess.run(
        [checker, *(HOSTED / "workflows").glob("*.yml")], check=False, capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stdout) == (0, "")


def test_the_workflow_tests_linux_and_macos() -> None:
    jobs = yaml.safe_load((HOSTED / "workflows" / "ci.yml").read_text(encoding="utf-8"))["jobs"]
    systems = {name.split("-")[0] for name in jobs["tests"]["strategy"]["matrix"]["os"]}
    assert systems == {"ubuntu", "macos"}
    assert "tests/run --yes" in [step.get("run") for step in jobs["tests"]["steps"]]


@pytest.mark.parametrize("path", FORMS, ids=lambda path: path.stem)
def test_a_form_asks_for_the_explanation_and_a_masked_frame(path: Path) -> None:
    asked = [field["attributes"].get("label", "") for field in yaml.safe_load(path.read_text(encoding="utf-8"))["body"]]
    assert any("--explain" in label for label in asked)
    assert any("frame, masked" in label for label in asked)


def test_there_are_forms() -> None:
    assert len(FORMS) == 2


def test_a_test_that_passed_when_it_ran_again_is_named_with_its_cause(tmp_path: Path) -> None:
    failed = tmp_path / "failed"
    failed.write_text('{"tests/a.py::one": true}{"tests/b.py::two[x]": true}', encoding="utf-8")
    done = subprocess.run(
        [sys.executable, BUNDLE / "tests" / "flaky", failed], check=True, capture_output=True, text=True, timeout=60
    )
    assert done.stdout.splitlines() == [
        "flaky: tests/a.py::one: cause unknown",
        "flaky: tests/b.py::two[x]: cause unknown",
    ]
