"""The site that `make docs` builds: no link is dead, and the reference has every public name."""

import importlib.util
import re
from functools import cache
from html import unescape
from inspect import ismodule
from pathlib import Path
from pkgutil import resolve_name
from urllib.parse import unquote, urlsplit

import pytest

SITE = Path(__file__).parents[1] / "build" / "docs"
PAGES = [path for path in sorted(SITE.rglob("*.html")) if path.parent.name != "lab"]
MODULES = [
    "minidl", *(f"minidl.{name}" for name in (
        "autograd", "checkpoint", "data", "diagnostics", "functional", "init", "losses", "nn",
        "optim", "random", "schedules", "sklearn", "train",
    )),
]  # fmt: skip

pytestmark = pytest.mark.skipif(not PAGES, reason="there is no site: make docs")


class Page:
    """What a page has: the names of its places, its links, its images, and what else it loads."""

    def __init__(self, path):
        text = path.read_text()
        self.ids = [unescape(one) for one in re.findall(r'<[^>]*\bid="([^"]*)"', text)]
        self.links = [unescape(one) for one in re.findall(r'<a\b[^>]*\bhref="([^"]*)"', text)]
        self.images = re.findall(r"<img\b[^>]*>", text)
        self.loads = [
            unescape(one)
            for tag in re.findall(r"<(?:img|script|iframe|link)\b[^>]*>", text)
            if 'rel="' not in tag or "stylesheet" in tag
            for one in re.findall(r'\b(?:src|href)="([^"]*)"', tag)
        ]


@cache
def page(path):
    return Page(path)


def test_no_link_is_dead():
    dead = []
    for path in PAGES:
        for link in page(path).links + page(path).loads:
            parts = urlsplit(link)
            if parts.scheme in ("http", "https", "data"):
                continue
            to = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            is_there = to.exists() and (
                to.suffix != ".html" or unquote(parts.fragment) in {"", *page(to).ids}
            )
            if not is_there:
                dead.append(f"{path.relative_to(SITE)}: {link}")
    assert dead == []


def test_nothing_is_loaded_from_elsewhere():
    loads = {load for path in PAGES for load in page(path).loads}
    assert [load for load in loads if urlsplit(load).scheme not in ("", "data")] == []
    for sheet in SITE.rglob("*.css"):
        found = re.findall(r"(?:url\(|@import)\s*['\"]?(https?:[^)'\"]+)", sheet.read_text())
        assert found == [], sheet


def test_places_have_one_name():
    for path in PAGES:
        ids = page(path).ids
        assert len(ids) == len(set(ids)), (path, {one for one in ids if ids.count(one) > 1})


def test_images_say_what_is_seen():
    images = {image for path in PAGES for image in page(path).images}
    assert len(images) > 5
    assert [image for image in images if not re.search(r'alt="[^"]{20}', image)] == []


@pytest.mark.parametrize("module", MODULES)
def test_the_reference_has_every_public_name(module):
    if module == "minidl.sklearn" and not importlib.util.find_spec("sklearn"):
        pytest.skip("scikit-learn is missing")
    ids = {one for path in (SITE / "reference").glob("*.html") for one in page(path).ids}
    places = [module, "minidl.functional"] if module == "minidl.losses" else [module]
    names = {name: getattr(resolve_name(module), name) for name in resolve_name(module).__all__}
    missing = [
        name
        for name, thing in names.items()
        if not ismodule(thing) and not any(f"{place}.{name}" in ids for place in places)
    ]
    assert missing == []


def test_docstrings_are_read_as_markdown():
    """No mark of Markdown, and no example, is left in the text."""
    for path in (SITE / "reference").glob("*.html"):
        text = re.sub(r"<(pre|code)\b.*?</\1>|<[^>]*>", "", path.read_text(), flags=re.DOTALL)
        assert re.findall(r"`.*|&gt;&gt;&gt;.*", text) == [], path


def test_names_in_docstrings_lead_to_their_entries():
    text = (SITE / "reference" / "optim.html").read_text()
    assert re.search(r'<a [^>]*href="#minidl.optim.clip_grad_norm"[^>]*><code', text)


def test_every_entry_of_the_reference_leads_to_its_source():
    entries = [
        entry
        for path in (SITE / "reference").glob("*.html")
        for entry in re.findall(r'<dl class="py (\w+)">\s*<dt(.*?)</dt>', path.read_text(), re.S)
    ]
    assert len(entries) > 400
    without = [
        re.search(r'id="([^"]*)"', body)[1]
        for kind, body in entries
        if kind not in ("data", "attribute") and "../source/" not in body
    ]
    assert without == []
