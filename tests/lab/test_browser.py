"""The report in a browser, where there is one: nothing cut, covered, too small or too wide."""

import lab_sample
import pytest
from browser import CHROMIUM, Browser
from lab_browser import faults

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
