"""The report: safe with any text, whole in itself, legible in both schemes, and always the same."""

import base64
import io
import json
import re
from collections import Counter
from fnmatch import fnmatch
from html.parser import HTMLParser
from itertools import combinations
from pathlib import Path

import lab_sample
import matplotlib
import numpy as np
import pytest
from lab_sample import HOSTILE
from matplotlib.image import imread

from minidl.errors import DataError
from minidl_lab import QUICK, command_line, runner
from minidl_lab.charts import Images, Intervals, Lines, Matrix, Panels, Row, Series, Table
from minidl_lab.report import drawing, figures, page, section
from minidl_lab.report.alternatives import alternative, course, pixels
from minidl_lab.seals import seal_of

ROOT = Path(__file__).parents[2]
VOID = {"meta", "link", "img"}


class Reader(HTMLParser):
    """The elements of a page, each with its attributes and the text in it."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.open = [], []
        self.feed(text)
        assert not self.open, "every element is closed"

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes), []))
        if tag not in VOID:
            self.open.append(self.elements[-1])

    def handle_startendtag(self, tag, attributes):
        self.elements.append((tag, dict(attributes), []))

    def handle_endtag(self, tag):
        assert self.open.pop()[0] == tag

    def handle_data(self, text):
        if self.open:
            self.open[-1][2].append(text)

    def texts(self, *tags):
        return ["".join(text) for tag, _, text in self.elements if tag in tags]

    def all(self, name):
        return [given[name] for _, given, _ in self.elements if name in given]


@pytest.fixture(scope="module")
def sample():
    """The sample's experiments in the place of the laboratory's."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(page, "BY_NAME", lab_sample.EXPERIMENTS)
        yield page.page(lab_sample.results(added=["gelu", "mine"]))


@pytest.fixture(scope="module")
def read(sample):
    return Reader(sample)


@pytest.fixture
def sampled(monkeypatch):
    monkeypatch.setattr(page, "BY_NAME", lab_sample.EXPERIMENTS)


# Texts.


def test_hostile_texts_are_shown_and_make_no_elements(read):
    tags = Counter(tag for tag, _, _ in read.elements)
    assert not tags["script"]
    assert f"{HOSTILE}." in read.texts("b")  # a title
    assert f" {HOSTILE}" in read.texts("figcaption")
    assert any(
        text.startswith(f"{HOSTILE}. {HOSTILE} by {HOSTILE}") for text in read.all("aria-label")
    )
    assert any(HOSTILE in text for text in read.texts("p"))
    assert HOSTILE in read.texts("th")
    assert HOSTILE in read.texts("li")  # a legend
    assert "Curves & <b>bands</b>" in read.texts("h2")
    assert "&lt;" in read.texts("li")


def test_labels_in_pictures_are_texts_as_given(read):
    shown = "".join(read.texts("text"))
    assert "$x^2$" in shown
    assert "#010101" in shown
    assert f"{lab_sample.NET} 0" in shown


def test_no_text_is_drawn_as_outlines(sample):
    assert "DejaVu" not in sample.split("</style>")[1]
    assert "font-family" not in sample.split("</style>")[1]


# Whole in itself.


def test_nothing_outside_is_referred_to(sample, read):
    assert "http://" not in sample
    assert "https://" not in sample
    assert not re.search(r"@import|url\((?!#)", sample)
    for address in read.all("href") + read.all("src"):
        assert address.startswith(("#", "data:")), address


def test_ids_are_unique_and_references_lead_somewhere(sample, read):
    ids = read.all("id")
    assert len(ids) == len(set(ids))
    wanted = set(re.findall(r'href="#([^"]*)"|url\(#([^)]*)\)', sample.replace("&quot;", "")))
    assert wanted
    assert {a or b for a, b in wanted} <= set(ids)


def test_ids_within_a_picture_are_its_own(sample):
    for name, inside in re.findall(
        r'<svg role="img".*?url\(#(\w+-\d+)-\d+\).*?(<.*?)</svg>', sample
    ):
        assert set(re.findall(r'(?:id="|url\(#|href="#)(\w+-\d+)', inside)) == {name}


def test_every_experiment_has_its_card_section_claim_rule_and_way_back(read):
    hrefs = read.all("href")
    for name, one in lab_sample.EXPERIMENTS.items():
        assert hrefs.count(f"#{name}") == 1 + (name == "curves")  # its picture is at the top
        assert name in read.all("id")
        assert one.title in read.texts("h2")
    assert hrefs.count("#verdicts") == len(lab_sample.EXPERIMENTS) + 1
    assert "5 measurements, 200 s" in read.texts("summary")
    assert "0 to 4" in read.texts("dd")
    assert "784-10" in read.texts("dd")
    assert {"reproduced", "not reproduced", "true only when"} <= set(read.texts("strong"))


def test_a_section_tells_claim_verdict_sentence_picture_and_numbers_in_this_order(sample):
    section = sample.split('<section id="curves"')[1].split("</section>")[0]
    first, others = section.split('<div class="others">')
    escaped = page.escape(HOSTILE)
    order = ["<blockquote>", "true only when</strong>", f"<p>In short {escaped}.</p>", "<svg role",
             f"<p>Five {escaped} times. ", "1 of 2 other limits", "Protocol"]  # fmt: skip
    places = [section.index(text) for text in order]
    assert places == sorted(places)
    assert (first.count("<figure"), others.count("<figure")) == (1, 5)
    assert "Five" not in sample.split('<section id="grids"')[1].split("</section>")[0]


def test_the_first_picture_of_the_first_experiment_is_before_the_verdicts(sample):
    top, verdicts = sample.split('<div class="top">')[1].split('<section id="verdicts">')
    assert top.count("<svg role") == 1
    assert "Training error. error by epoch." in top
    assert f"</a>: In short {page.escape(HOSTILE)}." in top
    assert "<svg role" not in verdicts.split("</section>")[0]


def test_a_picture_is_preferred_to_a_table_as_the_first():
    table, lines = Table("", ["a"], [["b"]]), Lines("", "", "", [])
    assert section.place_of_first([table, lines]) == 1
    assert section.place_of_first([table, table]) == 0


def test_verdicts_under_other_limits(read):
    summaries = read.texts("summary")
    assert summaries.count("The same outcome under 1 of 2 other limits") == 1  # curves
    assert summaries.count("The same outcome under 2 of 2 other limits") == 2
    assert {"margin 0.1", "undecided"} <= set(read.texts("th", "td"))


def test_a_rule_that_was_changed_after_its_data_were_seen_says_so(read):
    assert read.texts("strong").count("Changed after its data were seen:") == 1
    assert f" {HOSTILE}" in read.texts("p")


def test_a_protocol_that_was_changed_since_is_told(sampled):
    results = lab_sample.results()
    only(results, "ranges")
    assert "Measured by another protocol" not in page.page(results)
    results["experiments"]["ranges"]["seal"]["protocol"] = "old"
    assert "Measured by another protocol" in page.page(results)


def test_where_the_numbers_come_from(read):
    seal = seal_of(lab_sample.EXPERIMENTS["ranges"])
    told = set(read.texts("dd"))
    assert {"0123abc", "A processor <&>", "2026-01-31", "none"} <= told
    one, other = lab_sample.COMMITS
    assert f"{one} (Curves & <b>bands</b>, Grids); {other} (Ranges)" in told
    assert {seal["rule"], seal["protocol"]} <= set(read.texts("code"))


@pytest.fixture(scope="module")
def quick():
    results = lab_sample.results(QUICK, ["gelu"])
    del results["experiments"]["grids"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(page, "BY_NAME", lab_sample.EXPERIMENTS)
        return Reader(page.page(results))


def test_a_quick_look_says_so_first_and_has_no_verdict(quick):
    (strong,) = quick.texts("strong")
    assert strong == "A quick look: too little data for verdicts, so there are none."
    assert "What was seen" in quick.texts("h2")
    assert "2 experiments. " in quick.texts("p")
    assert not any("other limits" in text for text in quick.texts("summary"))
    shown = " ".join(quick.texts("p", "td", "h2", "h3"))
    assert not any(f"{outcome}:" in shown for outcome in page.SIGNS)
    assert "the batch is 1" not in shown
    assert any(text.startswith(f"Five {HOSTILE} times.") for text in quick.texts("p"))
    assert "quick look" not in page.notice(lab_sample.results()["scale"])


def test_the_command_gives_the_same_again(read, quick):
    assert "python -m minidl_lab --activation gelu --activation module:Class" in read.texts("code")
    wanted = "python -m minidl_lab --quick --only curves --only ranges --activation gelu"
    assert wanted in quick.texts("code")


# The same bytes.


def test_the_same_results_give_the_same_page_whatever_matplotlib_is_set_to(sample, sampled):
    results = lab_sample.results(added=["gelu", "mine"])
    only(results, "ranges")
    first = page.page(json.loads(json.dumps(results)))
    gaps = figures.figure(lab_sample.GAPS, "curves-2")
    assert first.split("</blockquote>")[1].split("</section>")[0] in sample
    assert gaps in sample
    changed = {"font.size": 30, "axes.grid": False, "lines.marker": "x", "svg.fonttype": "path"}
    with matplotlib.rc_context(changed):
        assert page.page(results) == first
        assert figures.figure(lab_sample.GAPS, "curves-2") == gaps


def test_the_page_is_small(sample):
    assert len(sample) < 400_000  # 40 pictures with many panels; a path of 10⁴ points is simplified
    x = list(range(100_000))
    noise = np.random.default_rng(0).normal(size=len(x)).tolist()
    assert len(drawing.svg(Lines("", "", "", [Series("", x, noise)]), "a")) < 300_000


# Pictures.


def test_what_is_missing_is_a_gap():
    y = [1.0, 2.0, None, 2.0, 1.0]
    text = drawing.svg(Lines("t", "x", "y", [Series("a", [1, 2, 3, 4, 5], y)]), "n")
    (line,) = [p for p in re.findall(r'<path d="([^"]*)"', text) if p.count("M") == 2]
    assert line.count("L") == 2


@pytest.mark.parametrize("low", [0.0, -1.0, None])
def test_on_a_log_axis_what_is_not_above_0_is_left_out(low):
    x, y = [0, 1, 10, 100, 1000], [1.0, 2.0, low, 3.0, 4.0]
    series = [Series("a", x, y, [low] * 5, [2.0, 3.0, 4.0, 5.0, 6.0])]
    text = drawing.svg(Lines("t", "x", "y", series, log_x=True, log_y=True), "n")
    assert "nan" not in text
    assert "inf" not in text
    (line,) = [p for p in re.findall(r'<path d="([^"]*)" clip[^>]*--hue-0', text) if "z" not in p]
    assert line.count("L") == 1  # from 100 to 1000: 0 has no place on x, and `low` none on y


def test_intervals_may_be_none_nothing_or_reach_zero():
    rows = [Row("a", None, None, None), Row("b", 1.0, 0.0, 2.0), Row("c", 0.0, None, None)]
    for log in (False, True):
        text = drawing.svg(Intervals("t", "x", rows, reference=1.0, log=log), "n")
        assert [name in text for name in (">a<", ">b<", ">c<")] == [True] * 3
        assert drawing.svg(Intervals("t", "x", [], log=log), "n")


def test_steps_are_between_edges_or_around_each_x():
    edges = drawing.around(np.array([1.0, 2.0, 4.0]))
    assert edges.tolist() == [0.5, 1.5, 3.0, 5.0]
    assert drawing.around(np.array([3.0])).tolist() == [2.5, 3.5]


def test_series_of_one_name_look_alike_and_no_two_names_do():
    names = [f"net {i}" for i in range(20)]
    panels = [Lines("", "", "", [Series(n, [1], [1]) for n in names[i:]]) for i in (0, 5)]
    looks = drawing.looks(Panels("", panels))
    assert [*looks] == names
    lines = {(look["color"], look["linestyle"].__repr__()) for look in looks.values()}
    dots = {(look["color"], look["marker"]) for look in looks.values()}
    assert len(lines) == 20
    assert len(dots) == 20
    assert [label for label, _ in drawing.keys(Panels("", panels), "k")] == names


def test_one_series_has_no_legend():
    assert drawing.keys(Lines("", "", "", [Series("a", [1], [1])] * 2), "k") == []


def test_whole_numbers_have_no_ticks_between_them():
    for x, between in (([1, 2, 3], False), ([1, 2, 2.5], True)):
        text = drawing.svg(Lines("", "", "", [Series("a", x, [7.0] * 3)]), "n")
        assert any(name in text for name in (">1.5<", ">1.25<", ">1.50<", ">2.5<")) == between


def test_an_odd_panel_has_its_axis_and_so_has_the_one_beside_it():
    text = drawing.svg(Panels("", [Lines(n, n * 3, "", []) for n in "abc"]), "n")
    assert ">bbb<" in text
    assert ">ccc<" in text
    assert ">aaa<" not in text
    assert text.count(">0.0<") + text.count(">0<") >= 2


def test_a_matrix_has_shares_of_its_largest_distance_from_the_middle():
    text = figures.figure(Matrix("m", ["r"], [*"abcd"], [[1.0, 0.75, -1.0, None]], middle=0.5), "n")
    cells = re.findall(r'<td(?: class="(\w+)" style="--share: ([\d.]+)")?>(.*?)</td>', text)
    assert cells == [
        ("above", "0.33", "1.00"), ("above", "0.17", "0.75"), ("below", "1.00", "−1.00"),
        ("", "", ""),
    ]  # fmt: skip


def test_a_matrix_of_nothing_and_a_zero_without_a_sign():
    text = figures.figure(Matrix("m", ["r"], [*"ab"], [[None, -0.001]]), "n")
    assert ">0.00<" in text


def test_an_image_has_the_pixels_asked_for():
    pixels = [[1.0, -0.5], [0.0, 2.0]]
    for limit, alphas in ((None, [128, 64, 0, 255]), (1.0, [255, 128, 0, 255])):
        text = figures.figure(Images("i", [("a", pixels)], limit=limit), "n")
        data = base64.b64decode(re.search(r"base64,([^\"]*)", text)[1])
        found = np.round(255 * imread(io.BytesIO(data), format="png")).astype(int)
        assert found[..., 3].ravel().tolist() == alphas
        assert tuple(found[0, 0, :3]) == figures.ABOVE
        assert tuple(found[0, 1, :3]) == figures.BELOW


# What pictures say at a glance.


def test_the_dot_of_an_interval_says_what_it_shows():
    rows = [Row("", v, v - 0.1, v + 0.1) for v in (0.8, 1.0, 1.12, 1.3)] + [Row("", *[None] * 3)]
    for same, said in ((None, ["differs", "cannot be told", "differs", "differs", ""]),
                       ((0.85, 1.15), ["cannot be told", "the same, within the margin",
                                       "cannot be told", "differs", ""])):  # fmt: skip
        chart = Intervals("", "", rows, reference=1.0, same=same)
        looks = [drawing.against(chart, row) for row in rows]
        assert [told for told, _ in looks] == said
        for told, look in looks:
            assert ("markerfacecolor" in look) == (told == "cannot be told")
            assert (look["marker"] == "s") == (told.startswith("the same"))
        assert {label for label, _ in drawing.keys(chart, "k")} == {*said} - {""}
    assert drawing.keys(Intervals("", "", rows), "k") == []


@pytest.mark.parametrize(
    ("log", "heights", "flat"),
    [(False, [(0, 1), (0, 0.1)], True), (False, [(0, 1), (0.2, 0.6)], False),
     (False, [(0, 1), (0.5, 0.5)], False), (True, [(0.001, 1), (0.1, 1)], False),
     (True, [(1e-6, 1), (0.5, 1)], True), (False, [(None, None), (0, 1)], False),
     (False, [], False)],
)  # fmt: skip
def test_panels_have_one_scale_unless_it_flattens_one(log, heights, flat):
    panels = [Lines("", "", "", [Series("a", [0, 1], y)], log_y=log) for y in heights]
    assert drawing.flattens(panels) == flat
    if flat:
        text = drawing.svg(Panels("", panels), "n")
        assert text != drawing.svg(Panels("", [panels[0], panels[0]]), "n")


def test_curves_in_one_place_are_told_apart():
    """The later are thinner, and have markers elsewhere or smaller ones."""
    x, y = list(range(40)), [1.0] * 40
    chart = Lines("", "", "", [Series(name, x, y) for name in "ab"])
    (_, a), (_, b) = drawing.looks(chart).items()
    assert a["linewidth"] > b["linewidth"]
    assert a["markersize"] > b["markersize"]
    text = drawing.svg(chart, "n")
    uses = re.findall(r'<use href="#(n-\d+)" x="([\d.]+)"', text)
    by_marker = {name: {x for other, x in uses if other == name} for name, _ in uses}
    markers = [places for places in by_marker.values() if len(places) >= drawing.MARKED - 1]
    assert len(markers) == 2
    assert not markers[0] & markers[1]


def test_pictures_have_their_numbers_in_words():
    series = Series("relu", [1, 2, 3], [0.5, None, 0.1], style="line")
    told = alternative(
        Panels("Error", [Lines("two", "epoch", "error", [series], marks={"m": 0.3})])
    )
    assert told == "Error. two: error by epoch. relu: from 0.5 at 1 to 0.1 at 3; marked: m: 0.3."
    assert course(Series("bars", [0, 1, 2], [5.0, 7.0], style="steps")) == (
        "bars: from 5 at 0.5 to 7 at 1.5"
    )
    assert course(Series("peak", [0, 1, 2], [1.0, 9.0, 2.0])).endswith(", most 9 at 1")
    assert course(Series("none", [0], [None])) == "none: none"
    assert pixels("w", [[0.0, -3.0]]).startswith("w: 1 by 2 pixels; most 0 in row 1, column 1")


def test_no_picture_is_without_an_alternative(read):
    pictures = [given for tag, given, _ in read.elements if tag == "svg" and "role" in given]
    assert len(pictures) > 10
    for given in pictures:
        assert re.search(r"\d|none|Nothing|share by output", given["aria-label"]), given
    images = [given["alt"] for tag, given, _ in read.elements if tag == "img"]
    assert images
    assert all(" pixels; most " in alt for alt in images)


# Colours.

CSS = page.STYLE.read_text(encoding="utf-8")
LIGHT, DARK = (
    dict(re.findall(r"(--[\w-]+): (#[0-9a-f]{6});", part))
    for part in CSS.partition("* {")[0].split("@media")
)
SCHEMES = pytest.mark.parametrize("colours", [LIGHT, DARK], ids=["light", "dark"])
TO_LMS = [[0.4122214708, 0.5363325363, 0.0514459929], [0.2119034982, 0.6806995451, 0.1073969566],
          [0.0883024619, 0.2817188376, 0.6299787005]]  # fmt: skip
TO_OKLAB = [[0.2104542553, 0.793617785, -0.0040720468], [1.9779984951, -2.428592205, 0.4505937099],
            [0.0259040371, 0.7827717662, -0.808675766]]  # fmt: skip
EYES = {  # Machado, Oliveira & Fernandes 2009, severity 1
    "all cones": np.eye(3),
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216],
                   [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413],
                     [-0.011820, 0.042940, 0.968881]],
    "tritanopia": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602],
                   [0.004733, 0.691367, 0.303900]],
}  # fmt: skip


def linear(colour):
    """Of #rrggbb, the light of each primary (IEC 61966-2-1)."""
    c = np.array([int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)])
    return np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)


def contrast(a, b):
    """WCAG 2.2, relative luminance and contrast ratio."""
    low, high = sorted(
        linear(c) @ [0.2126, 0.7152, 0.0722] if isinstance(c, str) else c for c in (a, b)
    )
    return (high + 0.05) / (low + 0.05)


def oklab(light):
    """Ottosson 2020: a space in which distances are as they are seen."""
    return np.cbrt(np.clip(light, 0, 1) @ np.transpose(TO_LMS)) @ np.transpose(TO_OKLAB)


def mixed(colour, share, below):
    """CSS's color-mix in sRGB over what is below, as #rrggbb."""
    pairs = [(int(colour[i : i + 2], 16), int(below[i : i + 2], 16)) for i in (1, 3, 5)]
    return "#" + "".join(f"{round(share * a + (1 - share) * b):02x}" for a, b in pairs)


def test_both_schemes_have_every_colour_that_is_used():
    used = set(re.findall(r"var\((--[\w-]+)\)", CSS)) | {
        variable[4:-1] for variable in drawing.VARIABLES.values()
    }
    assert set(LIGHT) == set(DARK) == used - {"--share"}


@SCHEMES
@pytest.mark.parametrize("ground", ["--paper", "--card"])
def test_contrast(colours, ground):
    for name in ("--ink", "--quiet", "--link", "--good", "--bad", "--partly"):
        assert contrast(colours[name], colours[ground]) >= 4.5, name
    for i in range(len(drawing.HUES)):
        assert contrast(colours[f"--hue-{i}"], colours[ground]) >= 3, i
    for colour in (figures.ABOVE, figures.BELOW):
        assert contrast("#" + bytes(colour).hex(), colours[ground]) >= 3


@SCHEMES
def test_numbers_are_legible_on_a_matrix_of_full_colour(colours):
    for hue, share in re.findall(r"srgb, var\((--hue-\d)\) calc\(var\(--share\) \* (\d+)%", CSS):
        full = mixed(colours[hue], int(share) / 100, colours["--card"])
        assert contrast(colours["--ink"], full) >= 4.5, hue


@SCHEMES
@pytest.mark.parametrize("eyes", EYES)
def test_series_are_told_apart_by_any_eyes(colours, eyes):
    seen = [oklab(np.array(EYES[eyes]) @ linear(colours[f"--hue-{i}"])) for i in range(8)]
    for a, b in combinations(range(8), 2):
        # 0.02 is about what can just be told; lines are thin
        assert np.linalg.norm(seen[a] - seen[b]) > 0.06, (a, b)


# From the file alone.


@pytest.fixture
def folder(tmp_path, sampled):
    runner.save(lab_sample.results(), tmp_path / "results.json")
    return tmp_path


def edited(folder, change):
    path = folder / "results.json"
    results = json.loads(path.read_text())
    change(results)
    path.write_text(json.dumps(results))


def only(results, name):
    results["experiments"] = {name: results["experiments"][name]}


def test_a_report_is_made_of_the_results_alone(folder, capsys):
    edited(folder, lambda results: only(results, "ranges"))
    assert command_line.main(["--report", str(folder)]) == 0
    assert "report: " in capsys.readouterr().out
    text = (folder / "report.html").read_text(encoding="utf-8")
    assert "--only ranges" in text
    assert "curves" not in text


def test_a_changed_rule_judges_again_and_says_so(folder, monkeypatch):
    monkeypatch.setattr(command_line, "EXPERIMENTS", [*lab_sample.EXPERIMENTS.values()])
    edited(folder, lambda results: only(results, "ranges"))
    edited(folder, lambda results: results["experiments"]["ranges"]["seal"].update(rule="old"))
    assert command_line.main(["--report", str(folder), "--changed", "a word was wrong"]) == 0
    found = runner.load(folder / "results.json")["experiments"]["ranges"]["seal"]
    assert found == seal_of(lab_sample.EXPERIMENTS["ranges"]) | {"changed": "a word was wrong"}
    assert "a word was wrong" in (folder / "report.html").read_text(encoding="utf-8")
    before = (folder / "results.json").read_bytes()
    assert command_line.main(["--report", str(folder), "--changed", "once more"]) == 0
    assert (folder / "results.json").read_bytes() == before  # nothing has changed since


WRONG = {
    "no JSON": (lambda results: results, "no"),
    "a list": (lambda results: [results], "results = [{"),
    "no threads": (
        lambda results: results["experiments"]["ranges"]["surroundings"].pop("threads"),
        "results['experiments']['ranges']['surroundings'] without 'threads'",
    ),
    "a scale of nothing": (lambda results: results["scale"].pop("share"), "without 'share'"),
    "words that are none": (
        lambda results: results["experiments"]["ranges"]["verdict"].update(words=1), "['words'] = 1"
    ),
    "a time in words": (
        lambda results: results["experiments"]["ranges"]["cells"][1].update(seconds="1"),
        "['cells'][1]['seconds'] = '1'",
    ),
    "an experiment of nobody": (
        lambda results: results["experiments"].update(other=results["experiments"]["ranges"]),
        "experiments among curves, grids, ranges, got other",
    ),
    "a verdict that the numbers do not give": (
        lambda results: results["experiments"]["curves"]["verdict"].update(outcome="reproduced"),
        "expected 'true only when' of 'curves', as the rule judges its numbers, got 'reproduced'",
    ),
    "a rule that has changed": (
        lambda results: results["experiments"]["ranges"]["seal"].update(rule="another"),
        "expected the rule of 'ranges' that judged these numbers, got another rule",
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", WRONG)
def test_a_file_that_is_no_such_results_is_told(folder, capsys, kind):
    change, told = WRONG[kind]
    path = folder / "results.json"
    results = json.loads(path.read_text())
    other = change(results)
    path.write_text(
        "no" if kind == "no JSON" else json.dumps(other if kind == "a list" else results)
    )
    assert command_line.main(["--report", str(folder)]) == 1
    error = capsys.readouterr().err
    assert told in error if kind != "no JSON" else "the results of a laboratory in" in error
    assert not (folder / "report.html").exists()


def test_numbers_that_the_rule_cannot_read_are_told(folder, monkeypatch):
    monkeypatch.setattr(lab_sample.Curves, "judge", lambda self, numbers: numbers["absent"])
    with pytest.raises(DataError, match="numbers of the experiment 'curves', got KeyError"):
        page.page(runner.load(folder / "results.json"))


def test_no_file_and_other_options_are_told(tmp_path, capsys):
    assert command_line.main(["--report", str(tmp_path)]) == 1
    assert "No such file" in capsys.readouterr().err
    with pytest.raises(SystemExit) as ended:
        command_line.main(["--report", str(tmp_path), "--quick"])
    assert ended.value.code == 2
    assert "only --changed and --experiment go with it" in capsys.readouterr().err


def test_the_style_sheet_is_in_the_package():
    project = (ROOT / "pyproject.toml").read_text().partition("[tool.setuptools.package-data]")[2]
    (pattern,) = re.findall(r'"minidl_lab.report" = \["(.*)"\]', project)
    assert fnmatch(page.STYLE.name, pattern)
    manifest = (ROOT / "MANIFEST.in").read_text().split()
    assert "*.css" in manifest
