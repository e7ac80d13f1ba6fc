"""The pages of the tour and the guides: their programs run, and print what stands behind them."""

import pytest
from pages import NUMBER, ROOT, Page, without_numbers

PAGES = [
    path
    for folder in ("tour", "guides")
    for path in sorted((ROOT / "docs" / folder).glob("*.md"))
    if "```python\n" in path.read_text()
]
TOUR = [path for path in PAGES if path.parent.name == "tour"]


def name(path):
    return str(path.relative_to(ROOT / "docs"))


@pytest.mark.parametrize("path", PAGES, ids=name)
def test_a_page_prints_what_it_shows(path, tmp_path):
    page = Page(path)
    for block, output in zip(page.blocks, page.run(tmp_path, MINIDL_PAGES="quick"), strict=True):
        where = f"{path.name}, line {block.line}"
        if block.is_measured:
            assert without_numbers(output) == without_numbers(block.output), where
        else:
            assert output == block.output, where
    for picture, alt in page.pictures().items():
        assert len(alt) > 20, f"{picture}: what does one see?"
        assert (path.parent / picture).exists()
        assert (tmp_path / picture).exists(), f"{picture} is not made by the page"


@pytest.mark.parametrize("path", TOUR, ids=name)
def test_numbers_in_prose_are_printed_on_the_page(path):
    page = Page(path)
    assert [number for number in NUMBER.findall(page.prose()) if number not in page.shown()] == []


def test_what_a_page_shows_must_be_what_it_prints(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(
        "It is 4.5, `0.1`.\n\n```python\nx = 4.5\n```\n\n<!-- python\ny = 2\n-->\n\n"
        "```csv file.csv\n1,2\n```\n```python\nprint(x, y)\nprint(open('file.csv').read())\n```\n"
        "\n```text measured\n4.6 1\n```\n\nEnd.\n"
    )
    folder = tmp_path / "run"
    folder.mkdir()
    assert Page(page).run(folder) == ["", "", "", "4.5 2\n1,2\n"]
    assert Page(page).blocks[-1].output == "4.6 1\n"
    assert NUMBER.findall(Page(page).prose()) == ["4.5"]
    Page(page).write()
    assert page.read_text().endswith("```\n\n```text measured\n4.5 2\n1,2\n```\n\nEnd.\n")


def test_a_program_that_fails_names_the_line(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("# Page\n\n```python\nx = 1\nraise KeyError(x)\n```\n")
    (tmp_path / "run").mkdir()
    with pytest.raises(AssertionError, match=r'page.md", line 5'):
        Page(page).run(tmp_path / "run")
