"""mnist(): the committed files, folders of other files, and what happens without any."""

import gzip
import hashlib
import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest

from minidl.data import MissingDataError, mnist
from minidl.data.download import RemoteFile
from minidl.errors import ArgumentError, DataError

COMMITTED = Path(__file__).parents[2] / "examples" / "data" / "mnist"
NAMES = [
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
]


@pytest.fixture(autouse=True)
def no_network(monkeypatch, tmp_path):
    """No test reaches a mirror, or the cache folder of the one who runs it."""
    monkeypatch.setattr(import_module("minidl.data.mnist"), "MIRRORS", ["http://127.0.0.1:9/"])
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("MINIDL_DATA", raising=False)


# ---- the committed files ------------------------------------------------------------------------


def test_the_committed_files():
    (x_train, y_train), (x_test, y_test) = mnist(COMMITTED)
    assert (x_train.shape, x_test.shape) == ((60_000, 784), (10_000, 784))
    assert x_train.dtype == x_test.dtype == np.uint8
    assert y_train.dtype == y_test.dtype == np.int64
    # Well known: how the labels begin and how often each comes, the pixels' mean and deviation.
    assert y_train[:5].tolist() == [5, 0, 4, 1, 9]
    assert y_test[:5].tolist() == [7, 2, 1, 0, 4]
    counts = [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    assert np.bincount(y_train).tolist() == counts
    assert np.bincount(y_test).tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
    assert round(x_train.mean() / 255, 4) == 0.1307
    assert round(x_train.std() / 255, 4) == 0.3081


def test_what_the_readme_says_of_the_committed_files():
    readme = (COMMITTED / "README.md").read_text()
    table = re.findall(r"^\| `(.+)` \| ([\d,]+) \| `(\w{64})` \|$", readme, re.MULTILINE)
    rows, unpacked = table[:4], table[4:]
    assert [row[0] for row in rows] == [f"{name}.gz" for name in NAMES]
    assert [row[0] for row in unpacked] == NAMES
    for (name, size, digest), (_, whole_size, whole_digest) in zip(rows, unpacked, strict=True):
        content = (COMMITTED / name).read_bytes()
        whole = gzip.decompress(content)
        assert (f"{len(content):,}", hashlib.sha256(content).hexdigest()) == (size, digest)
        assert (f"{len(whole):,}", hashlib.sha256(whole).hexdigest()) == (whole_size, whole_digest)


# ---- folders ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["{}-idx{}-ubyte", "{}.idx{}-ubyte", "{}-idx{}-ubyte.gz", "{}.idx{}-ubyte.gz"]
)
def test_each_form_of_the_names(tmp_path, write_mnist, name):
    write_mnist(tmp_path, name)
    (x_train, y_train), (x_test, y_test) = mnist(tmp_path)
    np.testing.assert_array_equal(x_train, np.arange(84, dtype=np.uint8).reshape(7, 12))
    np.testing.assert_array_equal(x_test, np.arange(36, dtype=np.uint8).reshape(3, 12))
    assert (y_train.tolist(), y_test.tolist()) == ([6, 5, 4, 3, 2, 1, 0], [2, 1, 0])
    assert y_train.dtype == y_test.dtype == np.int64


def test_root_comes_before_the_variable_and_that_before_the_cache(
    tmp_path, write_mnist, monkeypatch
):
    def first_pixel(root=None):
        return mnist(root)[0][0][0, 0]

    folders = {
        value: tmp_path / name
        for value, name in enumerate(["root", "variable", "cache/minidl/mnist"])
    }
    for value, folder in folders.items():
        write_mnist(folder, train_images=np.full((7, 2, 2), value, np.uint8))
    assert first_pixel() == 2
    monkeypatch.setenv("MINIDL_DATA", "")
    assert first_pixel() == 2
    monkeypatch.setenv("MINIDL_DATA", str(folders[1]))
    assert first_pixel() == 1
    assert first_pixel(str(folders[0])) == 0
    monkeypatch.setenv("HOME", str(tmp_path))
    assert first_pixel("~/root") == 0
    monkeypatch.delenv("MINIDL_DATA")
    monkeypatch.delenv("XDG_CACHE_HOME")
    write_mnist(tmp_path / ".cache/minidl/mnist", train_images=np.full((7, 2, 2), 3, np.uint8))
    assert first_pixel() == 3


def test_empty_files(tmp_path, write_mnist):
    none = np.zeros((0, 28, 28), np.uint8)
    write_mnist(tmp_path, t10k_images=none, t10k_labels=np.zeros(0, np.uint8))
    x_test, y_test = mnist(tmp_path)[1]
    assert (x_test.shape, y_test.shape) == ((0, 784), (0,))


@pytest.mark.parametrize("by_variable", [False, True])
def test_nothing_is_downloaded_into_a_folder_that_was_named(
    tmp_path, write_mnist, monkeypatch, make_mirror, by_variable
):
    mirror = make_mirror()
    monkeypatch.setattr(import_module("minidl.data.mnist"), "MIRRORS", [mirror.url])
    write_mnist(tmp_path / "data")
    (tmp_path / "data/t10k-images-idx3-ubyte.gz").unlink()
    if by_variable:
        monkeypatch.setenv("MINIDL_DATA", str(tmp_path / "data"))
    with pytest.raises(MissingDataError) as error:
        mnist(None if by_variable else tmp_path / "data")
    assert mirror.requests == []
    assert "got no t10k-images-idx3-ubyte.gz. Try" in str(error.value)
    for word in (*NAMES, str(tmp_path / "data"), "root=", "MINIDL_DATA"):
        assert word in str(error.value)


def test_a_folder_that_has_none_of_them(tmp_path, monkeypatch):
    for kind in (DataError, FileNotFoundError):
        with pytest.raises(kind, match=r"nowhere, got no such folder\. Try: to name no folder"):
            mnist(tmp_path / "nowhere")
    assert list(tmp_path.iterdir()) == []
    monkeypatch.chdir(tmp_path)
    with pytest.raises(MissingDataError, match=rf"folder \., got no {NAMES[0]}.gz, .*{NAMES[3]}"):
        mnist(".")
    (tmp_path / "file").touch()
    with pytest.raises(MissingDataError, match="got a file"):
        mnist("file")
    with pytest.raises(ArgumentError, match="mnist: expected a path"):
        mnist(5)


# ---- the cache folder ---------------------------------------------------------------------------


@pytest.fixture
def mirror(tmp_path, write_mnist, make_mirror, monkeypatch):
    """A mirror with the four small files, which mnist() takes for MNIST."""
    write_mnist(tmp_path / "source")
    mirror = make_mirror()
    contents = {f"{name}.gz": (tmp_path / "source" / f"{name}.gz").read_bytes() for name in NAMES}
    mirror.files = {f"/{name}": content for name, content in contents.items()}
    module = import_module("minidl.data.mnist")
    monkeypatch.setattr(module, "MIRRORS", ["http://127.0.0.1:9/", mirror.url])
    monkeypatch.setattr(
        module,
        "FILES",
        [
            RemoteFile(name, len(content), hashlib.sha256(content).hexdigest())
            for name, content in contents.items()
        ],
    )
    return mirror


def test_the_cache_is_filled_once(mirror, tmp_path):
    (x_train, _), (x_test, _) = mnist()
    assert (x_train.shape, x_test.shape) == ((7, 12), (3, 12))
    assert len(mirror.requests) == 4
    assert sorted(p.name for p in (tmp_path / "cache/minidl/mnist").iterdir()) == sorted(
        f"{name}.gz" for name in NAMES
    )
    mnist()
    assert len(mirror.requests) == 4


def test_only_what_is_missing_is_downloaded(mirror, tmp_path, write_mnist):
    write_mnist(tmp_path / "cache/minidl/mnist", "{}.idx{}-ubyte")
    (tmp_path / "cache/minidl/mnist/train-labels.idx1-ubyte").unlink()
    assert mnist()[0][1].tolist() == [6, 5, 4, 3, 2, 1, 0]
    assert len(mirror.requests) == 1


def test_without_a_network(tmp_path):
    with pytest.raises(MissingDataError) as error:
        mnist()
    for word in (
        *NAMES,
        str(tmp_path / "cache/minidl/mnist"),
        "MINIDL_DATA",
        "a network",
        "127.0.0.1",
        "refused",
    ):
        assert word in str(error.value)


def test_import_touches_no_network(tmp_path):
    """What could download is not even imported; it would double the time of `import minidl`."""
    program = "import sys, minidl.data; sys.exit('urllib.request' in sys.modules)"
    subprocess.run([sys.executable, "-c", program], cwd=tmp_path, check=True)


# ---- files that are not what they should be -----------------------------------------------------


@pytest.mark.parametrize(
    ("file", "array", "words"),
    [
        ("train_images", np.zeros((7, 12), np.uint8), ["3 axes", "00 00 08 03", "uint8 with 2"]),
        ("train_images", np.zeros((7, 4, 3), np.int8), ["3 axes", "int8 with 3"]),
        ("t10k_labels", np.zeros((3, 1), np.uint8), ["1 axes", "00 00 08 01", "uint8 with 2"]),
        ("t10k_labels", np.zeros(3, np.int32), ["uint8", "int32 with 1"]),
        ("t10k_labels", np.zeros(2, np.uint8), ["3 labels", "t10k-images", "got 2"]),
        ("t10k_labels", np.zeros(4, np.uint8), ["3 labels", "t10k-images", "got 4"]),
        ("t10k_labels", np.array([0, 9, 10], np.uint8), ["0 to 9", "10 as number 2"]),
    ],
)
def test_wrong_arrays(tmp_path, write_mnist, file, array, words):
    write_mnist(tmp_path, **{file: array})
    with pytest.raises(DataError) as error:
        mnist(tmp_path)
    for word in (str(tmp_path / file.replace("_", "-")), "expected", "got", *words):
        assert word in str(error.value)


def test_a_broken_file_is_named(tmp_path, write_mnist):
    write_mnist(tmp_path)
    path = tmp_path / "t10k-images-idx3-ubyte.gz"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(DataError, match=re.escape(str(path))):
        mnist(tmp_path)
