"""The exercises: every test fails on the tasks and passes on the solutions; what a reader is told
is what is to be done next."""

import shutil
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

ROOT = Path(__file__).parents[1]
EXERCISES = ROOT / "exercises"


def run(folder, cwd, *options):
    """What `make exercises` prints."""
    command = [sys.executable, "-m", "pytest", folder, "-qq", "--tb=no", "-rN", *options]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=300)


def outcomes(cwd, *options):
    """Why each test fails, "" for one that passes."""
    run(EXERCISES, cwd, "--junitxml=outcomes.xml", *options)
    cases = list(ElementTree.parse(cwd / "outcomes.xml").iter("testcase"))
    assert len(cases) > 30
    return {case.get("name"): "".join(wrong.get("message") for wrong in case) for case in cases}


def test_every_test_fails_because_its_exercise_is_not_done(tmp_path):
    reasons = outcomes(tmp_path, "--files=tasks")
    assert {name: r for name, r in reasons.items() if "NotImplementedError" not in r} == {}


def test_the_solutions_pass_every_test(tmp_path):
    reasons = outcomes(tmp_path, "--files=solutions")
    assert {name: r for name, r in reasons.items() if r} == {}


def test_a_reader_is_told_what_is_done_and_what_is_next(tmp_path):
    copy = tmp_path / "exercises"
    shutil.copytree(EXERCISES, copy, ignore=shutil.ignore_patterns("__pycache__", "own"))
    (copy / "own").mkdir()
    shutil.copy(copy / "solutions/activation.py", copy / "own")
    (copy / "own" / "operation.py").write_text("def unit(x:\n")
    (copy / "test_7_kernel.py").unlink()
    told = run(copy, tmp_path)
    assert told.returncode != 0
    lines = [" ".join(line.split()) for line in told.stdout.splitlines() if line]
    assert lines[1:4] == [
        "exercise 1: exercises/own/activation.py done",
        "exercise 2: exercises/own/operation.py 0 of 1 tests pass",
        "exercise 3: exercises/own/layer.py 0 of 4 tests pass",
    ]
    assert "Next, exercise 2: exercises/own/operation.py expects: a file that can be imported" in (
        " ".join(lines)
    )
    assert "SyntaxError" in told.stdout


def test_each_exercise_has_a_solution_and_a_place_in_the_chapter():
    chapter = (ROOT / "docs" / "tour" / "8-your-own.md").read_text()
    solutions = {path.name for path in EXERCISES.glob("solutions/*.p*")}
    for test in EXERCISES.glob("test_*.py"):
        _, number, name = test.stem.split("_")
        (file,) = EXERCISES.glob(f"tasks/{name}.p*")
        assert f"8-your-own.md, section {number}." in file.read_text()
        assert f"**Exercise {number}**, `{file.name}`" in chapter
        solutions.remove(file.name)
    assert not solutions
