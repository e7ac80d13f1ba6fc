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
    written,
)

ANEW = "python tests/helpers/reading_order.py writes it anew"
ORDER = [file for _, files in order() for file in files]


def test_the_order_has_every_file_once():
    assert sorted(ORDER) == FILES


def test_no_file_needs_a_later_one():
    places = {file: place for place, file in enumerate(ORDER)}
    late = [
        f"{file.relative_to(SOURCE)} before {other.relative_to(SOURCE)}"
        for file in ORDER
        for other in needs(file)
        if statements(other) and places[other] >= places[file]
    ]
    assert late == []


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


def without_counts(page):
    """The page without the lines and the times of the order's parts."""
    return re.sub(r"^(\d+\. \*\*.*?\*\* \()[\d,]+ lines, [^,)]+", r"\1", page, flags=re.MULTILINE)


def test_the_page_is_as_the_command_writes_it():
    page = PAGE.read_text()
    assert without_counts(page) == without_counts(written(page)), ANEW


def test_the_lines_of_each_part_are_nearly_those_of_its_files():
    shown = re.findall(r"^\d+\. \*\*(.*?)\*\* \(([\d,]+) lines", PAGE.read_text(), re.MULTILINE)
    for (part, files), (title, lines) in zip(order(), shown, strict=True):
        assert title == part.title
        is_near = pytest.approx(sum(map(lines_of, files)), rel=0.1, abs=10)
        assert int(lines.replace(",", "")) == is_near, f"{title}: {ANEW}"


def test_the_short_way_is_short():
    assert sum(lines_on_the_way()) <= 600
    assert WAY[0].file == "examples/one_page.py"
    assert WAY[-1].names == "TrainingStep._by_layers"


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
    chapters = re.findall(r"^\| \[\d\. .*?\]\((.*?\.md)\) \|", PAGE.read_text(), re.MULTILINE)
    assert len(chapters) > 4
    assert all((PAGE.parent / name).exists() for name in chapters)
