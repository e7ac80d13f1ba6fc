"""Fashion-MNIST beside MNIST: from which folder, what is refused, and cells of its own."""

import io
from typing import ClassVar

import pytest
from lab_cells import write_images
from lab_planted import TINY

from minidl import DataError
from minidl_lab import Bench, Digits, Experiment, Verdict, command_line, runner
from minidl_lab.progress import Progress


@pytest.fixture
def digits(mnist_of_60, monkeypatch):
    monkeypatch.setattr("minidl_lab.bench.FASHION", mnist_of_60 / "debian")
    return Digits.load(mnist_of_60 / "mnist", TINY)


def first_pixel(digits, *, n):
    return {"pixel": int(digits.x[0, 0]), "n": n}


class Pixels(Experiment):
    name, title, claim, source = "pixels", "Pixels", "They differ.", "-"
    protocol = rule = "-"
    seconds: ClassVar = {"tiny": 1}

    def measure(self, bench):
        at = {"digits": bench, "fashion": bench.fashion}
        return {name: one and one.cell(first_pixel, n=3) for name, one in at.items()}

    def judge(self, numbers):
        return Verdict("reproduced", "-", "-")

    def charts(self, numbers):
        return []


def test_it_is_read_from_the_folder_or_from_debians_or_left_out(digits, mnist_of_60):
    assert Digits.load_fashion(None, TINY, digits) is None
    for number, name in enumerate(["debian", "mine"], start=1):
        write_images(mnist_of_60 / name, seed=number)
    expected = [Digits.load(mnist_of_60 / name, TINY).digest() for name in ("debian", "mine")]
    found = [Digits.load_fashion(root, TINY, digits) for root in (None, mnist_of_60 / "mine")]
    assert [one.digest() for one in found] == expected
    assert len({digits.digest(), *expected}) == 3


def test_another_folder_is_refused_before_anything_is_measured(digits, mnist_of_60, capsys):
    (mnist_of_60 / "empty").mkdir()
    write_images(mnist_of_60 / "small", seed=1, size=27)
    for name, why in [
        ("nowhere", "nowhere without them"),
        ("empty", "empty without them"),
        ("small", "got 729 pixels"),
        ("mnist", "got the same"),
    ]:
        with pytest.raises(DataError, match=f"^--fashion: .*{why}"):
            Digits.load_fashion(mnist_of_60 / name, TINY, digits)
    folders = ["--data", str(mnist_of_60 / "mnist"), "--fashion", str(mnist_of_60 / "small")]
    output = mnist_of_60 / "results"
    assert command_line.main([*folders, "--quick", "--output", str(output)]) == 1
    assert "lab: --fashion: expected images of 784 pixels" in capsys.readouterr().err
    assert not output.exists()


def test_its_cells_are_its_own(digits, mnist_of_60, bench):
    write_images(mnist_of_60 / "mine", seed=1)
    fashion = Digits.load_fashion(mnist_of_60 / "mine", TINY, digits)
    both = Bench("pixels", digits, TINY, bench.store, bench.display, ["gelu"], fashion)
    assert both.fashion.activations("relu") == ["relu", "gelu"]
    assert (both.fashion.digits, both.fashion.fashion) == (fashion, None)
    run = {
        "progress": Progress([Pixels()], TINY, io.StringIO()),
        "experiments": [Pixels()], "digits": digits, "scale": TINY, "store": bench.store,
    }  # fmt: skip
    with_it = runner.run(**run, fashion=fashion)["experiments"]["pixels"]
    results = [{"pixel": int(one.x[0, 0]), "n": 3} for one in (digits, fashion)]
    assert [*with_it["numbers"].values()] == results
    assert [cell["result"] for cell in with_it["cells"]] == results
    assert with_it["surroundings"]["fashion"] == fashion.digest()
    without = runner.run(**run)["experiments"]["pixels"]
    assert without["numbers"] == {"digits": results[0], "fashion": None}
    assert without["surroundings"]["fashion"] == ""
    assert len(bench.store.cells) == 2
