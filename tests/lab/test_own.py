"""`--experiment module:Class`: a user's experiment runs like ours, or is refused before it runs."""

import importlib
import json
import subprocess
import sys

import pytest
from pages import ROOT, Page

from minidl_lab import bench, own, seals
from minidl_lab.command_line import main

GUIDE = ROOT / "docs" / "guides" / "your-own-experiment.md"
CODE = """
import helper
from minidl import MinidlError
from minidl_lab import Experiment, Verdict
from minidl_lab.charts import Row, Intervals
from minidl_lab.rules import outcome
from minidl_lab.words import percent

SHARE = 0.5

def learn(digits, *, seed):
    return {"error": helper.share(seed)}

class Base(Experiment):
    def known(self, numbers):
        return SHARE

class Planted(Base):
    name, title, claim = "planted", "Planted", "It is half."
    source, protocol, rule = "nobody", "A number.", "A half."
    tried = {"limit": (0.25, 1.0)}
    seconds = {"full": 1, "quick": 1}

    def measure(self, bench):
        return {"x": [bench.cell(learn, seed=seed)["error"] for seed in bench.scale.some(2)]}

    def judge(self, numbers, limit=0.5):
        holds = all(x == self.known(numbers) for x in numbers["x"])
        return Verdict(outcome({"": holds}), "it is", "", f"It is {percent(numbers['x'][0])}.")

    def charts(self, numbers):
        return [Intervals("Shares", "share", [Row("a", 0.5, 0.4, 0.6)])]
"""
HELPER = """
def share(seed):
    return twice(seed) / (4 * seed)

def twice(seed):
    return 2 * seed
"""


@pytest.fixture
def here(mnist_of_60, monkeypatch):
    """A folder with data and two modules of a user."""
    monkeypatch.chdir(mnist_of_60)
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.setattr(bench, "FASHION", mnist_of_60 / "nowhere")
    (mnist_of_60 / "helper.py").write_text(HELPER)
    forget()
    yield mnist_of_60
    forget()


def forget():
    for name in ("mine", "helper"):
        sys.modules.pop(name, None)
    importlib.invalidate_caches()


def lab(folder, old="", new="", *words, code=CODE, scale="--quick"):
    """Runs the laboratory with the user's experiment, something replaced in its source."""
    assert old in code
    forget()
    (folder / "mine.py").write_text(code.replace(old, new, 1) if old else code)
    return main(["--data", "mnist", *[scale] * bool(scale), "--experiment", "mine:Planted", *words])


def results(folder, name="lab-quick"):
    return json.loads((folder / "results" / name / "results.json").read_text())


def report(folder, name="lab-quick"):
    return (folder / "results" / name / "report.html").read_text(encoding="utf-8")


def test_it_runs_alone_and_goes_on_where_it_was(here, capsys):
    assert lab(here) == 0
    found = results(here)["experiments"]
    assert [*found] == ["planted"]
    assert found["planted"]["numbers"] == {"x": [0.5, 0.5]}
    text = report(here)
    assert "python -m minidl_lab --quick --experiment mine:Planted<" in text
    assert "It is 50 %." in text
    before = (here / "results/lab-quick/cells.jsonl").read_bytes()
    assert lab(here) == 0
    assert (here / "results/lab-quick/cells.jsonl").read_bytes() == before
    assert capsys.readouterr().err.count("[1/1] planted 0 s") == 2


def test_it_runs_with_ours_and_is_kept_beside_them(here, capsys):
    assert lab(here, "", "", "--only", "collapse") == 0
    assert [*results(here)["experiments"]] == ["collapse", "planted"]
    assert "--only collapse --experiment mine:Planted<" in report(here)
    capsys.readouterr()
    kept = report(here)
    for words in (["--quick", "--data", "mnist", "--only", "leaky"],
                  ["--report", "results/lab-quick"]):  # fmt: skip
        assert main(words) == 1
        assert "planted. Try: --experiment module:Class" in capsys.readouterr().err
    assert report(here) == kept
    assert lab(here, "", "", "--fresh") == 0
    assert [*results(here)["experiments"]] == ["collapse", "planted"]


def test_a_report_of_it_and_a_changed_rule(here, capsys):
    again = ["--report", "results/lab", "--experiment", "mine:Planted"]
    assert lab(here, scale="") == 0
    assert '<strong class="reproduced">' in report(here, "lab")
    assert "under 2 of 2 other limits" in report(here, "lab")
    assert main(again) == 0
    forget()
    (here / "mine.py").write_text(CODE.replace("SHARE = 0.5", "SHARE = 0.25"))
    assert main(again) == 1
    assert "as the rule judges its numbers" in capsys.readouterr().err
    assert main([*again, "--changed", "a slip of the pen"]) == 0
    assert "a slip of the pen" in report(here, "lab")
    assert "not reproduced" in report(here, "lab")


def test_it_is_in_the_list(here, capsys):
    assert lab(here, "", "", "--list") == 0
    assert "planted      Planted: It is half." in capsys.readouterr().out


def test_two_of_one_name_are_refused(here, capsys):
    twice = CODE + "\nclass Other(Planted):\n    pass\n"
    assert lab(here, "", "", "--experiment", "mine:Other", code=twice) == 2
    assert "'planted' twice" in capsys.readouterr().err


# Refused before anything is measured.

REFUSED = {
    "no module": ("import helper", "import no_such_module", "no_such_module"),
    "no syntax": ("def learn(", "def learn((", "SyntaxError"),
    "no class": ("class Planted", "class Plant", "module:Class"),
    "no experiment": ("Planted(Base)", "Planted", "a subclass of minidl_lab.Experiment"),
    "no charts": ("def charts", "def pictures", "without charts"),
    "no rule": ("rule = ", "rules = ", "the class variable `rule`, a text, got None"),
    "an empty claim": ('"It is half."', '" "', "`claim`, a text"),
    "a number for a title": ('"Planted",', "1,", "`title`, a text, got 1"),
    "no word": ('"planted",', '"Planted 1",', "small letters, digits and -"),
    "like a picture's id": ('"planted",', '"planted-1",', "small letters, digits and -"),
    "one of ours": ('"planted",', '"leaky",', "none of the laboratory's, got 'leaky'"),
    "no seconds": ('"quick": 1', '"quickly": 1', "`seconds`, about what a run takes"),
    "no limits": ('{"limit": (0.25, 1.0)}', "[0.25]", "`tried`, other values"),
    "another limit": ('{"limit":', '{"margin":', "got 'margin'. Try: its limits are limit"),
    "no default": ("limit=0.5", "limit", "missing a required argument: 'limit'"),
    "more arguments": ("def charts(self, numbers", "def charts(self, numbers, x", "TypeError"),
    "an argument to make it": ("    def measure", "    def __init__(self, x): 1\n    def measure",
                               "TypeError"),
    "a class within a function": ("class Base", "def made():\n  class Planted(Base): pass\n  return"
                                  " Planted\nclass Base", ""),
}  # fmt: skip


@pytest.mark.parametrize("kind", REFUSED)
def test_what_could_not_run_is_refused_first(here, capsys, kind):
    old, new, told = REFUSED[kind]
    code = CODE + ("\nPlanted = made()\n" if "made" in new else "")
    assert lab(here, old, new, code=code) == 2
    error = capsys.readouterr().err
    assert error.startswith("lab: --experiment: expected ")
    assert told in error
    assert error.count("\n") == 1
    assert not (here / "results").exists()


# Crashes.


CRASHES = {
    "measure": ("helper.share(seed)", "1 / (seed - 2001)", 1),
    "not finite": ("helper.share(seed)", "float('nan')", 0),
    "judge": ("        holds = all", "        raise MinidlError('a slip')\n        holds = all", 2),
    "charts": ("        return [Int", "        numbers['y']\n        return [Int", 2),
}


@pytest.mark.parametrize("place", CRASHES)
def test_a_crash_shows_the_users_code_and_keeps_the_cells(here, capsys, place):
    old, new, kept = CRASHES[place]
    assert lab(here, old, new) == 1
    error = capsys.readouterr().err
    assert "Traceback" in error
    assert 'mine.py", line' in error
    assert f"in {place if place != 'not finite' else 'measure'}" in error
    assert "lab: what was measured is kept" in error
    assert "minidl_lab/runner.py" not in error  # it begins in the user's code
    lines = (here / "results/lab-quick/cells.jsonl").read_text().count("\n")
    assert lines == kept
    assert lab(here) == 0


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('{"x": [bench', '{"x": {2}, "y": [bench', "planted: expected from `measure` a dict"),
        ('return {"x": [', 'return [{"x": [', "a dict of texts, finite numbers, lists and dicts"),
        ("return Verdict(outcome(", "return (outcome(", "from `judge` a Verdict"),
        ("outcome({", "str({", "reproduced, not reproduced, true only when, undecided, got"),
    ],
)
def test_what_is_no_result_is_told(here, capsys, old, new, told):
    code = CODE.replace("some(2)]}", "some(2)]}]") if new.startswith("return [{") else CODE
    assert lab(here, old, new, code=code) == 1
    error = capsys.readouterr().err
    assert told in error
    assert "Traceback" not in error


# Seals.


def seal_with(folder, old="", new="", file="mine.py"):
    texts = {"mine.py": CODE, "helper.py": HELPER}
    assert old in texts[file]
    for name, text in texts.items():
        (folder / name).write_text(text.replace(old, new, 1) if name == file and old else text)
    forget()
    return seals.seal_of(own.experiment("mine:Planted"))


@pytest.mark.parametrize(
    ("file", "old", "new", "changed"),
    [
        ("mine.py", "SHARE = 0.5", "SHARE = 0.4", {"rule"}),
        ("mine.py", "return SHARE", "return 2 * SHARE", {"rule"}),
        ("mine.py", "helper.share(seed)", "helper.twice(seed)", {"protocol"}),
        ("helper.py", "2 * seed", "3 * seed", {"protocol"}),
        ("mine.py", '"It is half."', '"It is a half."', set()),
        ("mine.py", "0.4, 0.6", "0.3, 0.6", set()),
    ],
)
def test_a_seal_counts_the_users_modules(here, file, old, new, changed):
    before, after = seal_with(here), seal_with(here, old, new, file)
    assert {name for name in before if before[name] != after[name]} == changed


def test_a_rule_may_change_until_data_were_seen(here, capsys):
    assert lab(here, "helper.share(seed)", "1 / 0", scale="") == 1
    assert lab(here, scale="") == 0
    capsys.readouterr()
    assert lab(here, "SHARE = 0.5", "SHARE = 0.4", scale="") == 1
    assert "the rule of 'planted' as it was" in capsys.readouterr().err
    assert lab(here, "SHARE = 0.5", "SHARE = 0.4", "--changed", "a slip", scale="") == 0
    assert results(here, "lab")["experiments"]["planted"]["seal"]["changed"] == "a slip"


# The guide.


def test_the_guides_experiment_runs_by_the_command_line(here):
    (block,) = [block for block in Page(GUIDE).blocks if block.file]
    lines = [line for line in block.code.splitlines() if line.strip()]
    assert len(lines) <= 42
    (here / block.file).write_text(block.code)
    words = ["--quick", "--data", "mnist", "--experiment", "warmup:Warmup"]
    done = subprocess.run(
        [sys.executable, "-m", "minidl_lab", *words], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert [*results(here)["experiments"]] == ["warm-up"]
