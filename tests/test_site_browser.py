"""The site in a browser, narrow and wide, light and dark, where there is a browser and a site."""

import time
from pathlib import Path

import pytest
from browser import CHROMIUM, Browser

SITE = Path(__file__).parents[1] / "build" / "docs"
WIDTHS = (390, 1280)
# All that is written by hand, and the largest of what is made.
PAGES = [path for path in sorted(SITE.rglob("*.html")) if "source" not in path.parts]

pytestmark = pytest.mark.skipif(
    CHROMIUM is None or not PAGES, reason="there is no Chromium here, or no site: make docs"
)

# What is wider than the window, but for what scrolls by itself.
WIDER = """
(() => {
  const width = document.scrollingElement.scrollWidth;
  if (width <= WIDTH) return '';
  const out = [...document.body.querySelectorAll('*')].filter(one =>
    one.getBoundingClientRect().right > WIDTH && !one.closest('.table-wrapper, pre, .sidebar-drawer, .toc-drawer'));
  return `${width} pixels: ` + out.slice(0, 3).map(one => one.outerHTML.slice(0, 80)).join(' ');
})()
"""
MISSING = "[...document.images].filter(one => !one.naturalWidth).map(one => one.src).join()"
# How far the colour of letters is from that of the page, as WCAG measures it.
CONTRAST = """
(() => {
  const light = node => { const c = getComputedStyle(node)[node === document.body ?
    'backgroundColor' : 'color'].match(/[\\d.]+/g).slice(0, 3).map(x => x / 255).map(
    x => x <= 0.03928 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4);
    return 0.2126 * c[0] + 0.7152 * c[1] + 0.0722 * c[2]; };
  const back = light(document.body), letters = light(document.querySelector('article p'));
  return (Math.max(back, letters) + 0.05) / (Math.min(back, letters) + 0.05);
})()
"""
FOCUSED = "(one => `${one.tagName} ${one.getAttribute('href') ?? one.name ?? ''}`)(document.activeElement)"


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    with Browser(tmp_path_factory.mktemp("browser")) as browser:
        yield browser


def test_no_page_complains_or_is_wider_than_the_window(browser):
    wrong = []
    for path in PAGES:
        browser.show(path, 1280, "light")
        for width in WIDTHS:
            browser.resize(width, "light")
            wider = browser.evaluate(WIDER.replace("WIDTH", str(width)))
            wrong += [f"{path.relative_to(SITE)}, {width}: {wider}"] if wider else []
        missing = browser.evaluate(MISSING)
        wrong += [f"{path.relative_to(SITE)}: {told}" for told in [*browser.complaints(), missing] if told]
    assert wrong == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_letters_stand_out(browser, scheme):
    browser.show(SITE / "index.html", 1280, scheme)
    dark = browser.evaluate("matchMedia('(prefers-color-scheme: dark)').matches")
    assert dark == (scheme == "dark")
    assert browser.evaluate(CONTRAST) > 7


def test_tab_reaches_search_and_links(browser):
    browser.show(SITE / "index.html", 1280, "light")
    reached = []
    for _ in range(40):
        for kind in ("keyDown", "keyUp"):
            browser("Input.dispatchKeyEvent", type=kind, key="Tab", code="Tab", windowsVirtualKeyCode=9)
        reached.append(browser.evaluate(FOCUSED))
    assert "INPUT q" in reached
    assert "A reference/index.html" in reached
    print(reached)


def test_search_finds_pages_without_a_network(browser):
    browser.show(SITE / "search.html", 1280, "light")
    browser("Page.navigate", url=(SITE / "search.html").as_uri() + "?q=maxout")
    for _ in range(100):
        found = browser.evaluate("[...document.querySelectorAll('.search li a')].map(a => a.href)")
        if found:
            break
        time.sleep(0.05)
    assert any("activations" in link for link in found)
    assert browser.complaints() == []
