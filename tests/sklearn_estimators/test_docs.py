"""The page for those who come from scikit-learn: its programs print what it shows."""

import doctest
import re
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "guides" / "scikit-learn.md"


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_its_programs_print_what_it_shows():
    failed, tried = doctest.testfile(str(PAGE), module_relative=False, encoding="utf-8")
    assert (failed, tried) == (0, PAGE.read_text().count("\n>>> "))


def test_links_lead_somewhere():
    for path in re.findall(r"`((?:tests|benchmarks|docs)/[^ `]+)`", PAGE.read_text()):
        assert (PAGE.parents[2] / path).exists(), path
