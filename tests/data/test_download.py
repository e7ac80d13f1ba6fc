"""Downloads, from servers on this machine that behave and that do not."""

import hashlib
import threading
from importlib import import_module

import numpy as np
import pytest

from minidl.data.download import RemoteFile, download
from minidl.errors import DataError

CONTENT = np.random.default_rng(0).bytes(200_000)
FILE = RemoteFile("a.gz", len(CONTENT), hashlib.sha256(CONTENT).hexdigest())
DEAD = "http://127.0.0.1:9/"  # the discard port: nobody listens


@pytest.fixture
def mirror(make_mirror):
    mirror = make_mirror()
    mirror.files["/a.gz"] = CONTENT
    return mirror


def assert_downloaded(folder, *mirrors):
    path = download(FILE, [m if isinstance(m, str) else m.url for m in mirrors], folder)
    assert path == folder / "a.gz"
    assert path.read_bytes() == CONTENT
    assert [p.name for p in folder.iterdir()] == ["a.gz"]


def assert_failed(folder, *mirrors):
    urls = [m if isinstance(m, str) else m.url for m in mirrors]
    with pytest.raises(DataError) as failure:
        download(FILE, urls, folder)
    assert not (folder / "a.gz").exists()
    for word in ("a.gz", *urls):
        assert word in str(failure.value)
    return str(failure.value)


def test_whole(mirror, tmp_path):
    assert_downloaded(tmp_path / "new" / "folder", mirror)
    assert mirror.requests == [None]


def test_resumed_after_a_cut(mirror, tmp_path):
    mirror.cut_after = 70_000
    assert "200000 bytes" in assert_failed(tmp_path, mirror)
    assert (tmp_path / "a.gz.part").read_bytes() == CONTENT[:70_000]
    assert_failed(tmp_path, mirror)
    assert (tmp_path / "a.gz.part").read_bytes() == CONTENT[:140_000]
    assert_downloaded(tmp_path, mirror)
    assert mirror.requests == [None, "bytes=70000-", "bytes=140000-"]


def test_the_next_mirror_goes_on_where_one_broke_off(mirror, make_mirror, tmp_path):
    broken = make_mirror()
    broken.files["/a.gz"] = CONTENT
    broken.cut_after = 150_000
    assert_downloaded(tmp_path, broken, mirror)
    assert mirror.requests == ["bytes=150000-"]


def test_a_server_that_ignores_the_range_starts_over(mirror, tmp_path):
    mirror.ignores_ranges = True
    (tmp_path / "a.gz.part").write_bytes(CONTENT[:1000])
    assert_downloaded(tmp_path, mirror)
    assert mirror.requests == ["bytes=1000-"]


def test_a_server_that_refuses_the_range_starts_over(mirror, tmp_path):
    mirror.refuses_ranges = True
    (tmp_path / "a.gz.part").write_bytes(CONTENT[:1000])
    assert_downloaded(tmp_path, mirror)
    assert mirror.requests == ["bytes=1000-", None]


def test_a_complete_part_needs_no_server(tmp_path):
    (tmp_path / "a.gz.part").write_bytes(CONTENT)
    assert_downloaded(tmp_path, DEAD)


def test_wrong_bytes_are_thrown_away(mirror, make_mirror, tmp_path):
    wrong = make_mirror()
    wrong.files["/a.gz"] = CONTENT[:-1] + bytes([CONTENT[-1] ^ 1])
    assert FILE.sha256 in assert_failed(tmp_path, wrong)
    assert list(tmp_path.iterdir()) == []
    assert_downloaded(tmp_path, wrong, mirror)
    assert mirror.requests == [None]


def test_a_damaged_part_does_no_lasting_harm(mirror, tmp_path):
    (tmp_path / "a.gz.part").write_bytes(b"garbage")
    assert FILE.sha256 in assert_failed(tmp_path, mirror)
    assert_downloaded(tmp_path, mirror)


@pytest.mark.parametrize("length", [1_000, 199_999, 200_001, 300_000])
def test_a_server_with_a_file_of_another_size(make_mirror, tmp_path, length):
    other = make_mirror()
    other.files["/a.gz"] = bytes(length)
    assert_failed(tmp_path, other)
    left = list(tmp_path.iterdir())
    assert sum(path.stat().st_size for path in left) < FILE.size


def test_at_most_the_known_size_is_read(make_mirror, tmp_path):
    longer = make_mirror()
    longer.files["/a.gz"] = CONTENT + bytes(100)
    assert_downloaded(tmp_path, longer)


def test_all_mirrors_dead(make_mirror, tmp_path):
    empty = make_mirror()
    message = assert_failed(tmp_path, DEAD, empty)
    assert "refused" in message
    assert "404" in message
    assert list(tmp_path.iterdir()) == []


def test_a_server_that_does_not_answer(mirror, tmp_path, monkeypatch):
    monkeypatch.setattr(import_module("minidl.data.download"), "TIMEOUT", 0.1)
    mirror.silent = True
    assert "timed out" in assert_failed(tmp_path, mirror)


def test_a_server_that_speaks_another_language(mirror, tmp_path, monkeypatch):
    mirror.RequestHandlerClass = type(
        "Gibberish",
        (mirror.RequestHandlerClass,),
        {"do_GET": lambda self: self.wfile.write(b"220 ready\r\n")},
    )
    assert "HTTP" in assert_failed(tmp_path, mirror)


def test_a_folder_that_cannot_be_made(mirror, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(DataError, match="file"):
        download(FILE, [mirror.url], tmp_path / "file")


def test_several_at_once(mirror, tmp_path):
    mirror.delay = 0.002
    barrier = threading.Barrier(4)
    results = []

    def fetch() -> None:
        barrier.wait()
        try:
            results.append(download(FILE, [mirror.url], tmp_path).read_bytes())
        except DataError as error:
            results.append(error)

    threads = [threading.Thread(target=fetch) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [CONTENT] * 4
    assert [p.name for p in tmp_path.iterdir()] == ["a.gz"]
