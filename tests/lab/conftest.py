"""A laboratory in which an experiment takes a second."""

from pathlib import Path

import pytest
from lab_cells import write_images
from lab_planted import TINY

from minidl.layers.activations import REGISTRY
from minidl_lab import Bench, Digits
from minidl_lab.store import Store

MNIST = Path(__file__).parents[2] / "examples" / "data" / "mnist"


class Silence:
    """Shows nothing."""

    def cell_begins(self, words):
        pass

    def cell_ends(self, seconds):
        pass


@pytest.fixture(autouse=True)
def no_activation_stays():
    """The activations that a test adds are gone after it."""
    before = dict(REGISTRY)
    yield
    for name in REGISTRY.keys() - before.keys():
        del REGISTRY[name]


@pytest.fixture(scope="session")
def few_digits():
    return Digits.load(MNIST, TINY)


@pytest.fixture
def bench(few_digits, tmp_path):
    store = Store(tmp_path / "lab")
    yield Bench("tried", few_digits, TINY, store, Silence())
    store.close()


@pytest.fixture
def mnist_of_60(tmp_path):
    """A folder with the folder `mnist`: 60 images of 28 x 28, as MNIST's files have them."""
    write_images(tmp_path / "mnist", seed=0)
    return tmp_path
