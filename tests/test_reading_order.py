"""The tour's entrance: its short way, and the order of the whole source."""

import re

import pytest
from reading_order import (
    FILES,
    PAGE,
    ROOT,
    SOURCE,
    WAY,
    lines_of,
    lines_on_the_way,
    needs,
    order,
    section,
    statements,
    way_list,
    written,
)

TEXT = PAGE.read_text()
COUNT = re.compile(r"[\d,]+(?= lines)")
ANEW = "python tests/helpers/reading_order.py writes it anew"


def shown(name):
    """The page's list of that name."""
    return TEXT.split(f"<!-- {name} -->\n")[1].split(f"<!-- end of {name} -->")[0].splitlines()


def files_in(row):
    """The files that a part of the order shows."""
    for folder in row.split("): ", 1)[1].split("; "):
        place, *names = re.findall("`([^`]+)`", folder)
        inside = SOURCE / place if place.endswith("/") else SOURCE
        yield from (inside / name for name in ([] if place.endswith("/") else [place]) + names)


PARTS = [list(files_in(row)) for row in shown("order")]
ORDER = [file for files in PARTS for file in files]


def counts(rows):
    return [int(count.replace(",", "")) for row in rows for count in COUNT.findall(row)]


def test_the_order_has_every_file_once():
    assert sorted(ORDER) == FILES, ANEW


def test_no_file_needs_a_later_one():
    places = {file: place for place, file in enumerate(ORDER)}
    late = [
        f"{file.relative_to(SOURCE)} before {other.relative_to(SOURCE)}"
        for file in ORDER
        for other in needs(file)
        if statements(other) and places[other] >= places[file]
    ]
    assert late == [], ANEW


def test_the_lines_of_each_part_are_nearly_those_of_its_files():
    lines = [sum(map(lines_of, files)) for files in PARTS]
    assert counts(shown("order")) == pytest.approx(lines, rel=0.1, abs=10), ANEW


def test_the_command_writes_this_page():
    new = written(TEXT)
    assert written(new) == new
    assert [part.title for part, _ in order()] == re.findall(r"^\d+\. \*\*(.*?)\*\* ", TEXT, re.M)


def test_the_short_way_is_short():
    lines = lines_on_the_way()
    assert sum(lines) <= 600
    assert counts(shown("short way")) == pytest.approx([*lines, sum(lines)], rel=0.1, abs=2), ANEW
    assert [COUNT.sub("", row) for row in way_list().splitlines()[:-1]] == [
        COUNT.sub("", row) for row in shown("short way")[:-1]
    ], ANEW


@pytest.mark.parametrize(
    ("file", "other"),
    [
        ("layers/dense.py", "engine/tensor/__init__.py"),  # Tensor, where it is defined
        ("layers/dense.py", "engine/tensor/operation.py"),  # record, which tensor/ hands on
        ("layers/dense.py", "_kernels/dense.pyx"),  # _kernels.dense.forward
        ("layers/dense.py", "tools/checks.py"),
        ("_kernels/dense.pyx", "_kernels/gemm.pxd"),
        ("_kernels/gemm.pyx", "_kernels/gemm.pxd"),
        ("_kernels/pointwise.pyx.in", "_kernels/smooth.pxd"),
        ("_kernels/__init__.py", "_kernels/build_info.pyx"),  # within a try
        ("_kernels/rows.pxd", "_kernels/team.pxd"),
    ],
)
def test_what_a_file_needs(file, other):
    assert SOURCE / other in needs(SOURCE / file)


def test_what_type_checkers_need_does_not_count():
    assert SOURCE / "engine/tensor/__init__.py" not in needs(SOURCE / "engine/tensor/base.py")


def test_no_place_on_the_short_way_builds_on_a_later_one():
    names = [{name.split(".")[-1] for name in stop.names.split()} for stop in WAY]
    for i, stop in enumerate(WAY[1:], start=1):
        later = set().union(*names[i + 1 :]) - set().union(*names[: i + 1])
        text = " ".join(
            s.text for name in stop.names.split() for s in section(ROOT / stop.file, name)
        )
        assert not later & set(re.findall(r"(\w+) \(", text)), stop.file


def test_lines_of_code_are_counted(tmp_path):
    file = tmp_path / "module.pyx"
    file.write_text(
        '"""What it is.\n\nMore."""\n\nimport os  # why\n\n# A comment\n'
        'cdef extern from *:\n    """\n    int a;\n    """\n    int a\n\n\n'
        'class Thing:\n    """It."""\n\n    size = """a\n    b"""\n\n'
        '    def first(self, x,\n              y):\n        """Does it."""\n        return x\n\n'
        "cdef inline double second(double first) noexcept nogil:\n    # no\n    return first\n"
    )
    assert lines_of(file) == 1 + 5 + 1 + 2 + 3 + 2
    assert lines_of(file, "Thing") == 6
    assert lines_of(file, "Thing.first") == 3
    assert lines_of(file, "second") == 2
    assert lines_of(file, "second", "Thing.first") == 5


def test_its_chapters_are_there():
    chapters = re.findall(r"^\| \[\d\. .*?\]\((.*?\.md)\) \|", TEXT, re.MULTILINE)
    assert chapters == sorted(path.name for path in PAGE.parent.glob("[1-9]*.md"))
    assert [int(name[0]) for name in chapters] == list(range(1, 9))
