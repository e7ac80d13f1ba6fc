"""The site that `make docs` builds: no link is dead, and the reference has every public name."""

import importlib.util
import re
from collections import defaultdict
from functools import cache
from html.parser import HTMLParser
from inspect import isfunction, ismodule
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


class Page(HTMLParser):
    """What a page has: the names of its places, its links, what it loads, its images."""

    def __init__(self, path):
        super().__init__()
        self.ids, self.links, self.loads, self.images = [], [], [], []
        self.sources = defaultdict(list)  # of each entry of the reference
        self.feed(path.read_text())

    def handle_starttag(self, tag, attributes):
        a = dict(attributes)
        if "id" in a:
            self.ids.append(a["id"])
        if tag == "a" and "href" in a:
            self.links.append(a["href"])
            if "/_modules/" in f"/{a['href']}":
                self.sources[a["href"].rpartition("/")[2]].append(self.ids[-1])
        if tag == "img":
            self.images.append((a["src"], a.get("alt")))
        if tag in ("img", "script", "iframe") and "src" in a:
            self.loads.append(a["src"])
        if tag == "link" and a.get("rel") in ("stylesheet", "icon", "preload"):
            self.loads.append(a["href"])


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
                to.suffix != ".html" or unquote(parts.fragment) in ("", *page(to).ids)
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
    images = [image for path in PAGES for image in page(path).images]
    assert len(images) > 5
    assert [src for src, alt in images if not alt or len(alt) < 20] == []


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
