"""The report in a browser, where there is one: nothing cut, covered, too small or too wide."""

import unicodedata

import lab_sample
import pytest
from browser import CHROMIUM, Browser
from lab_browser import faults
from pypdf import PdfReader

from minidl_lab import QUICK
from minidl_lab.report import page

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium here")


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    with Browser(tmp_path_factory.mktemp("browser")) as browser:
        yield browser


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    path = tmp_path_factory.mktemp("report") / "report.html"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(page, "BY_NAME", lab_sample.EXPERIMENTS)
        page.write(lab_sample.results(QUICK, ["gelu"]), path)
    return path


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_a_report_is_laid_out_well(browser, report, width, scheme):
    assert faults(browser, report, width, scheme) == []
    assert browser.evaluate("innerWidth") == width
    dark = browser.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(22, 23, 26)"
    assert dark == (scheme == "dark")


FIRST = """
(() => {
  const box = one => document.querySelector(one).getBoundingClientRect();
  return [box('.sight > svg').bottom, box('#curves blockquote').top, box('#curves .verdict').top];
})()
"""


@pytest.mark.parametrize("width", [390, 1280])
def test_a_picture_is_on_the_first_screen_and_the_verdict_beside_its_claim(browser, printed, width):
    browser.show(printed, width, "light")
    bottom, claim, verdict = browser.evaluate(FIRST)
    assert bottom < 844
    assert (verdict == claim) == (width == 1280)


# Printed.


@pytest.fixture(scope="module")
def printed(tmp_path_factory):
    path = tmp_path_factory.mktemp("printed") / "report.html"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(page, "BY_NAME", lab_sample.EXPERIMENTS)
        page.write(lab_sample.results(), path)
    return path


def plain(text):
    return "".join(unicodedata.normalize("NFKC", text).split())


@pytest.fixture(scope="module")
def pages(browser, printed):
    """The text of each printed page, from a window in dark colours."""
    browser.show(printed, 390, "dark")
    pdf = printed.with_name("report.pdf")
    browser.pdf(pdf)
    reader = PdfReader(pdf)
    for one in reader.pages:
        assert [round(float(side)) for side in one.mediabox] == [0, 0, 595, 842]  # A4
    return [plain(one.extract_text()) for one in reader.pages]


def test_a_printed_table_has_each_row_whole_on_a_page_and_its_header_on_each(browser, pages):
    tables = browser.evaluate(
        "[...document.querySelectorAll('table')].map(table => [...table.rows].map("
        "row => [...row.cells].map(cell => cell.textContent).join('')))"
    )
    assert max(map(len, tables)) > 40
    for header, *rows in tables:
        at = [{i for i, text in enumerate(pages) if plain(row) in text} for row in rows]
        assert all(at), [row for row, places in zip(rows, at, strict=True) if not places]
        assert any(plain(header) in text for text in pages)
    long = [i for i, text in enumerate(pages) if plain("seed 2013") in text]
    assert len(long) >= 2  # the longest table is on several pages, with its header on each


def test_printed_are_protocols_rules_limits_and_measurements(pages):
    text = "".join(pages)
    for one in lab_sample.EXPERIMENTS.values():
        for told in (
            *one.protocol.split("\n\n"),
            one.rule,
            "5 measurements, 200 s",
            "margin 0.025",
        ):
            assert plain(told) in text
    assert text.count(plain("Then.")) == text.count("Fingerprints:rule") == 3
    assert "Backtotheverdicts" not in text


def test_nothing_printed_is_wider_than_the_paper(browser, printed):
    browser.show(printed, 680, "light")  # 180 mm
    browser("Emulation.setEmulatedMedia", media="print")
    wider = browser.evaluate(
        "[...document.querySelectorAll('table, svg, pre, p')].filter("
        "one => one.getBoundingClientRect().right > innerWidth).map(one => one.textContent)"
    )
    browser("Emulation.setEmulatedMedia", media="")
    assert wider == []


WORSE = {
    "wider than the window": ("<main>", '<main><p style="width: 50rem">wide</p>'),
    "too small": ("font-size: 10px", "font-size: 6px"),
    "id twice": ('id="grids"', 'id="curves"'),
    "leads nowhere": ('href="#grids"', 'href="#gone"'),
    "cut": ("text-anchor: end", "text-anchor: start"),
    "over ": ("text-anchor: middle", "text-anchor: middle; transform: none"),
    "Executing inline script": ("<main>", "<main><script>1</script>"),
}


@pytest.mark.parametrize("told", WORSE)
def test_what_is_wrong_is_found(browser, report, tmp_path, told):
    text = report.read_text(encoding="utf-8")
    old, new = WORSE[told]
    assert old in text
    worse = tmp_path / "worse.html"
    worse.write_text(text.replace(old, new), encoding="utf-8")
    found = faults(browser, worse, 390, "light")
    assert any(one.startswith(told) for one in found), found
