"""The chapter, the committed report and the tables: they say what the files of numbers say."""

import doctest
import json
import math
import re

import lab_docs
import numpy as np
import pytest

from minidl_lab import runner
from minidl_lab.experiments import BY_NAME, EXPERIMENTS
from minidl_lab.report import page
from minidl_lab.rules import sensitivity
from minidl_lab.seals import seal_of


def test_the_programs_of_the_chapter_print_what_they_show(monkeypatch):
    monkeypatch.chdir(lab_docs.ROOT)
    failed, tried = doctest.testfile(str(lab_docs.CHAPTER), module_relative=False)
    assert (failed, tried > 30) == (0, True)


@pytest.mark.parametrize(
    ("name", "blocks"),
    [
        (lab_docs.CHAPTER, lab_docs.chapter_blocks),
        (lab_docs.PAPERS_PAGE, lab_docs.papers_blocks),
        (lab_docs.RESULTS_PAGE, lab_docs.results_blocks),
    ],
    ids=["chapter", "papers", "results"],
)
def test_pages_quote_the_results(name, blocks):
    text = name.read_text(encoding="utf-8")
    assert lab_docs.filled(text, blocks()) == text


def test_the_chapter_has_every_experiment():
    assert set(lab_docs.verdicts()) == {one.name for one in EXPERIMENTS}


@pytest.mark.parametrize("experiment", EXPERIMENTS, ids=lambda one: one.name)
def test_every_verdict_follows_from_the_numbers(experiment):
    found = lab_docs.lab()["experiments"][experiment.name]
    verdict = experiment.judge(found["numbers"])
    assert verdict == page.verdict_of(found)
    assert verdict.effect.endswith(".")
    assert {one.verdict.outcome for one in sensitivity(experiment, found["numbers"])} <= {
        *page.SIGNS
    }


@pytest.mark.parametrize("experiment", EXPERIMENTS, ids=lambda one: one.name)
def test_a_sentence_tells_what_came_out_without_intervals(experiment):
    sentence = experiment.in_short(lab_docs.lab()["experiments"][experiment.name]["numbers"])
    assert len(sentence) < 220
    assert re.search(r"\(-?[\d.]+ to|nan|%\)", sentence) is None
    assert sentence.endswith(".") or not sentence


def test_the_sentence_of_collapse_counts_mistakes():
    """Where one layer makes 100: the geometric mean of the pairs' ratios."""
    collapse = BY_NAME["collapse"]
    errors = lab_docs.lab()["experiments"]["collapse"]["numbers"]["errors"]
    base = np.log(errors["one layer"])
    wanted = [
        str(round(100 * math.exp(np.mean(np.log(errors[f"three layers, {name}"]) - base))))
        for name in ("identity", "relu")
    ]
    assert re.findall(r"\d+", collapse.in_short({"errors": errors})) == ["100", *wanted]


@pytest.mark.parametrize("experiment", EXPERIMENTS, ids=lambda one: one.name)
def test_the_rule_is_the_one_that_was_sealed_or_the_page_says_that_it_was_changed(experiment):
    found = lab_docs.lab()["experiments"][experiment.name]["seal"]
    assert found["rule"] == seal_of(experiment)["rule"]
    assert found["protocol"]


def test_the_run_was_a_full_one():
    results = runner.load(lab_docs.RESULTS)
    assert results["scale"]["name"] == "full"
    seconds = {name: one["seconds"] for name, one in results["experiments"].items()}
    assert seconds.pop("advice") < 2 * 60 * 60  # an hour of two cores
    assert sum(seconds.values()) < 90 * 60
    assert all(len(one["surroundings"]["commit"]) >= 40 for one in results["experiments"].values())
    assert len(results["data"]) == 16


def test_the_report_is_that_of_the_results():
    """But for the pictures: another matplotlib draws another line."""
    text = lab_docs.RESULTS.with_name("report.html").read_text(encoding="utf-8")
    for verdict in lab_docs.verdicts().values():
        assert page.verdict_words(verdict) in text
        assert page.escape(verdict.evidence) in text


@pytest.mark.parametrize("path", sorted(lab_docs.PAPERS.glob("*.json")), ids=lambda path: path.stem)
def test_the_papers_results_are_those_of_the_command_beside_them(path):
    _, *options = lab_docs.COMMANDS[path.stem].split()
    arguments = vars(lab_docs.program_of(path.stem).parse(options))
    kept = json.loads(path.read_text())
    assert kept["settings"] == {name: arguments[name] for name in kept["settings"]}
    assert arguments.keys() - kept["settings"] == {"seeds", "first_seed", "data", "output"}
    assert arguments["output"].name == path.stem
    assert [row["seed"] for row in kept["rows"]] == list(range(len(kept["rows"])))


def test_the_papers_single_run_beside_seeds():
    """With the numbers of a table of Student's t: 4.303 for 2 degrees of freedom."""
    text = lab_docs.beside_the_papers_run([100, 104, 108])  # mean 104, sd 4
    predictive = 4 * (4 / 3) ** 0.5
    assert f"lie {10 / predictive:.1f} predictive standard deviations below the mean" in text
    low, high = 104 - 4.303 * predictive, 104 + 4.303 * predictive
    assert f"from {low:.1f} to {high:.1f}, and 94 lies inside." in text
    assert "vary by 0.096 points" in text
    assert "94 lies outside" in lab_docs.beside_the_papers_run([103, 104, 105])
    assert "deviations above the mean" in lab_docs.beside_the_papers_run([83, 84, 85])


def test_the_papers_results_are_taken_over_when_they_have_as_many_seeds(tmp_path, monkeypatch):
    monkeypatch.setattr(lab_docs, "PAPERS", tmp_path)

    def write(path, marks):
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps({"settings": {}, "rows": marks}))

    write(tmp_path / "noisy" / "results.json", [])  # no seed is done
    write(tmp_path / "maxout.json", ["old", "old"])
    for done in (["new"], ["new", "new"], ["newer", "newer", "newer"]):
        write(tmp_path / "maxout" / "results.json", done)
        lab_docs.copy_papers(tmp_path)
        kept = json.loads((tmp_path / "maxout.json").read_text())["rows"]
        assert kept == (["old", "old"] if len(done) == 1 else done)
    assert not (tmp_path / "noisy.json").exists()
