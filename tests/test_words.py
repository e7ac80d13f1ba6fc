"""The glossary: in order, each word once, and its names are minidl's."""

import re
from pathlib import Path
from pkgutil import resolve_name

import minidl.diagnostics  # noqa: F401  # else it is no attribute of minidl

GLOSSARY = (Path(__file__).parents[1] / "docs" / "glossary.md").read_text()
HOMES = {"F": "functional", "Tensor": "Tensor", "Dense": "nn.Dense", "Report": "diagnostics.Report"}


def test_words_are_in_order_and_each_has_one_meaning():
    words = [word.lower() for word in re.findall(r"^\*\*([^*]+)\*\*", GLOSSARY, re.MULTILINE)]
    assert len(words) >= 40
    assert words == sorted(set(words))


def test_names_are_minidls():
    names = re.findall(r"`(?:minidl\.)?([A-Za-z_]+(?:\.[A-Za-z_]+)*)(?:\(\))?`", GLOSSARY)
    own = {"W", "Dense.weight", "Dense.bias", "net.eval", "Tensor.grad"}  # of objects
    for name in set(names) - own - {"minidl"}:
        first, _, rest = name.partition(".")
        home = HOMES.get(first, first)
        resolve_name(f"minidl:{home}{rest and '.'}{rest}")
