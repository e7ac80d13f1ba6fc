"""Words: the glossary is in order and its names are minidl's; sentences are plain."""

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


# Forms that a reader has to read twice.
ARCHAIC = re.compile(
    r"\b(but for|can but|for they|one's own|shall|whence)\b|\bless (its|those|that of)\b"
    r'|"""Of |(?<!divided )\bby that at\b'
)


def test_sentences_are_plain():
    root = Path(__file__).parents[1]
    files = [
        file
        for folder in ("minidl", "minidl_lab", "examples", "docs")
        for kind in ("*.py", "*.pyx", "*.pxd", "*.md")
        for file in (root / folder).rglob(kind)
    ]
    assert len(files) > 200
    found = [
        f"{file.relative_to(root)}: {line.strip()}"
        for file in files
        for line in file.read_text().splitlines()
        if ARCHAIC.search(line)
    ]
    assert found == []
