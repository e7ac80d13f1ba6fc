"""The site in a browser, narrow and wide, light and dark, where there is a browser and a site."""

import time
from pathlib import Path

import pytest
from browser import CHROMIUM, Browser

SITE = Path(__file__).parents[1] / "build" / "docs"
PAGES = [path for path in sorted(SITE.rglob("*.html")) if "source" not in path.parts]
NARROW, WIDE = 390, 1280

pytestmark = pytest.mark.skipif(
    CHROMIUM is None or not PAGES, reason="there is no Chromium here, or no site: make docs"
)

# What sticks out of the window, if the page does; tables and code scroll by themselves.
WIDER = """
(() => {
  const width = document.scrollingElement.scrollWidth;
  if (width <= WINDOW) return '';
  const scrolling = '.table-wrapper, pre, .sidebar-drawer, .toc-drawer';
  const wide = [...document.body.querySelectorAll('*')].filter(one =>
    one.getBoundingClientRect().right > WINDOW && !one.closest(scrolling));
  return `${width} pixels: ` + wide.slice(0, 3).map(one => one.outerHTML.slice(0, 80)).join(' ');
})()
"""

MISSING = "[...document.images].filter(one => !one.naturalWidth).map(one => one.src).join()"

# The contrast of letters with the page, as WCAG defines it.
CONTRAST = """
(() => {
  const luminance = colour => {
    const [r, g, b] = colour.match(/[0-9.]+/g).map(x => x / 255).map(
      x => x <= 0.04045 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b + 0.05;
  };
  const page = luminance(getComputedStyle(document.body).backgroundColor);
  return [...document.querySelectorAll('article p, article a, article code span')].map(one => {
    const letters = luminance(getComputedStyle(one).color);
    return Math.max(page, letters) / Math.min(page, letters);
  }).reduce((a, b) => Math.min(a, b));
})()
"""

# What has the focus, once it has moved into the window.
FOCUSED = """
new Promise(done => setTimeout(() => {
  const one = document.activeElement, box = one.getBoundingClientRect();
  done({ is: one.name || one.getAttribute('href'), left: box.left, right: box.right });
}, 20))
"""


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    with Browser(tmp_path_factory.mktemp("browser")) as browser:
        yield browser


def test_no_page_complains_or_is_wider_than_the_window(browser):
    wrong = []
    for path in PAGES:
        browser.show(path, WIDE, "light")
        found = [browser.evaluate(MISSING)]
        for width in (WIDE, NARROW):
            browser.resize(width, "light")
            found.append(browser.evaluate(WIDER.replace("WINDOW", str(width))))
        wrong += [f"{path.relative_to(SITE)}: {one}" for one in found + browser.complaints() if one]
    assert wrong == []


@pytest.mark.parametrize("name", ["index", "tour/1-two-layers", "reference/nn"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_letters_stand_out(browser, name, scheme):
    browser.show(SITE / f"{name}.html", WIDE, scheme)
    assert browser.evaluate("matchMedia('(prefers-color-scheme: dark)').matches") == (
        scheme == "dark"
    )
    assert browser.evaluate(CONTRAST) > 4.5


@pytest.mark.parametrize("width", [NARROW, WIDE])
def test_tab_reaches_search_and_links_and_shows_them(browser, width):
    browser.show(SITE / "index.html", width, "light")
    reached = []
    for _ in range(50):
        for kind in ("keyDown", "keyUp"):
            browser("Input.dispatchKeyEvent", type=kind, key="Tab", windowsVirtualKeyCode=9)
        reached.append(browser.evaluate(FOCUSED))
    names = [one["is"] for one in reached]
    for wanted in ("q", "tour/index.html", "reference/index.html", "laboratory.html"):
        assert wanted in names
    outside = [one for one in reached if one["left"] < -1 or one["right"] > width + 1]
    assert outside == []


def test_search_finds_pages_without_a_network(browser):
    browser.show(SITE / "search.html", WIDE, "light")
    browser("Page.navigate", url=(SITE / "search.html").as_uri() + "?q=maxout")
    found, limit = [], time.monotonic() + 20
    while not found and time.monotonic() < limit:
        found = browser.evaluate("[...document.querySelectorAll('.search li a')].map(a => a.href)")
    assert any("activations" in link for link in found)
    assert browser.complaints() == []
