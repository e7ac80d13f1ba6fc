"""The chapter, the committed report and the tables: they say what the files of numbers say."""

import doctest
import json

import lab_docs
import pytest

from minidl_lab import runner
from minidl_lab.experiments import EXPERIMENTS
from minidl_lab.report import page
from minidl_lab.rules import sensitivity
from minidl_lab.seals import seal_of


def test_the_programs_of_the_chapter_print_what_they_show(monkeypatch):
    monkeypatch.chdir(lab_docs.ROOT)
    failed, tried = doctest.testfile(str(lab_docs.CHAPTER), module_relative=False)
    assert (failed, tried > 30) == (0, True)


@pytest.mark.parametrize(
    ("name", "blocks"),
    [(lab_docs.CHAPTER, lab_docs.chapter_blocks), (lab_docs.PAPERS_PAGE, lab_docs.papers_blocks)],
    ids=["chapter", "papers"],
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
def test_the_rule_is_the_one_that_was_sealed_or_the_page_says_that_it_was_changed(experiment):
    found = lab_docs.lab()["experiments"][experiment.name]["seal"]
    assert found["rule"] == seal_of(experiment)["rule"]
    assert found["protocol"]


def test_the_run_was_a_full_one():
    results = runner.load(lab_docs.RESULTS)
    assert results["scale"]["name"] == "full"
    assert sum(one["seconds"] for one in results["experiments"].values()) < 90 * 60
    assert all(len(one["surroundings"]["commit"]) >= 40 for one in results["experiments"].values())
    assert len(results["data"]) == 16


def test_the_report_is_that_of_the_results():
    """But for the pictures: another matplotlib draws another line."""
    text = lab_docs.RESULTS.with_name("report.html").read_text(encoding="utf-8")
    for verdict in lab_docs.verdicts().values():
        assert page.verdict_words(verdict) in text
        assert page.escape(verdict.evidence) in text


@pytest.mark.parametrize("name", ["maxout_mnist", "noisy_mlp_mnist"])
def test_no_choice_was_made_by_limits_of_a_try(name):
    kept = json.loads((lab_docs.PAPERS / f"{name}.json").read_text())
    wanted = {"limit": None, "most_epochs": None, "epochs": 150, "validation": False}
    settings = kept["settings"]
    assert {k: v for k, v in settings.items() if k in wanted} == {
        k: v for k, v in wanted.items() if k in settings
    }
    assert len(settings.keys() & wanted) == (2 if name == "maxout_mnist" else 3)
    assert len({row["seed"] for row in kept["rows"]}) == len(kept["rows"]) > 0
