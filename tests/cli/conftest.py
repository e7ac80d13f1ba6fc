"""What the tests of the command line share: data by formulas, and a way to run commands."""

import gzip
import struct
from pathlib import Path

import numpy as np
import pytest
from cli_data import HEADER, flower, write_csv

from minidl.cli import main


@pytest.fixture
def here(tmp_path, monkeypatch):
    """The test runs in a folder of its own, with two data sets in it: iris.csv has classes,
    houses.csv a price = 1000 (3 area - 2 age) + 50000.5 to learn."""
    monkeypatch.chdir(tmp_path)
    write_csv(tmp_path / "iris.csv", HEADER, [flower(i) for i in range(90)])
    houses = [(50 + 30 * np.sin(i), 20 + 10 * np.cos(2 * i)) for i in range(80)]
    rows = [(area, age, 1000 * (3 * area - 2 * age) + 50000.5) for area, age in houses]
    write_csv(tmp_path / "houses.csv", ("area", "age", "price"), rows)
    return tmp_path


@pytest.fixture
def run(here, capsys):
    """Runs a command line, which has to end with that code; gives stdout and stderr."""

    def command(*words, code=0):
        capsys.readouterr()
        found = main([str(word) for word in words])
        out, err = capsys.readouterr()
        assert found == code, err
        return out, err

    return command


@pytest.fixture
def iris(run):
    """A trained model file."""
    run("train", "--data", "iris.csv", "--target", "species", "--hidden", 8, "--activation",
        "prelu", "--quiet", "--save", "iris.safetensors")  # fmt: skip
    return Path("iris.safetensors")


@pytest.fixture
def digits(here):
    """A folder in MNIST's format: 120 images to train with, 40 to test; the label's own pixel is
    the bright one."""
    folder = here / "digits"
    folder.mkdir()
    for part, n in (("train", 120), ("t10k", 40)):
        labels = np.arange(n, dtype=np.uint8) % 10
        images = np.random.default_rng(n).integers(0, 60, (n, 4, 3), np.uint8)
        images.reshape(n, 12)[np.arange(n), labels] = 255
        for kind, array in (("images", images), ("labels", labels)):
            header = bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
            path = folder / f"{part}-{kind}-idx{array.ndim}-ubyte.gz"
            path.write_bytes(gzip.compress(header + array.tobytes()))
    return folder
