"""What the tests of minidl.data share: writing IDX files, and a server that can misbehave."""

import gzip
import struct
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

CODES = {"u1": 0x08, "i1": 0x09, "i2": 0x0B, "i4": 0x0C, "f4": 0x0D, "f8": 0x0E}


def to_idx(array: np.ndarray) -> bytes:
    """The format's definition, in the other direction."""
    header = bytes([0, 0, CODES[array.dtype.str[1:]], array.ndim])
    lengths = struct.pack(f">{array.ndim}I", *array.shape)
    return header + lengths + array.astype(array.dtype.newbyteorder(">")).tobytes()


@pytest.fixture
def idx() -> Callable[[np.ndarray], bytes]:
    return to_idx


@pytest.fixture
def write_mnist() -> Callable[..., None]:
    """Writes four small files; a keyword replaces the array of the file it names."""

    def write(folder: Path, name: str = "{}-idx{}-ubyte.gz", **arrays: np.ndarray) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        for split, n in (("train", 7), ("t10k", 3)):
            images = np.arange(n * 12, dtype=np.uint8).reshape(n, 4, 3)
            labels = np.arange(n, dtype=np.uint8)[::-1]
            for kind, array in (("images", images), ("labels", labels)):
                content = to_idx(arrays.get(f"{split}_{kind}", array))
                path = folder / name.format(f"{split}-{kind}", array.ndim)
                path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)

    return write


class Handler(BaseHTTPRequestHandler):
    """Answers as its server's attributes say."""

    server: "Mirror"

    def do_GET(self) -> None:
        mirror, wanted = self.server, self.headers["Range"]
        mirror.requests.append(wanted)
        if mirror.silent:
            mirror.closing.wait(10)
            return
        content = mirror.files.get(self.path)
        start = 0 if wanted is None else int(wanted.removeprefix("bytes=").removesuffix("-"))
        if content is None:
            self.send_error(404)
        elif start and mirror.refuses_ranges:
            self.send_error(416)
        else:
            start = 0 if mirror.ignores_ranges else start
            self.send_response(206 if start else 200)
            self.send_header("Content-Length", str(len(content) - start))
            self.end_headers()
            body = (
                content[start:] if mirror.cut_after is None else content[start:][: mirror.cut_after]
            )
            for i in range(0, len(body), 5000):
                self.wfile.write(body[i : i + 5000])
                time.sleep(mirror.delay)

    def log_message(self, *_: object) -> None:
        pass


class Mirror(ThreadingHTTPServer):
    """A server on this machine, and the ways in which it can misbehave."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server_port}/"
        self.files: dict[str, bytes] = {}
        self.requests: list[str | None] = []  # the Range of each
        self.cut_after: int | None = None
        self.ignores_ranges = self.refuses_ranges = self.silent = False
        self.delay = 0.0
        self.closing = threading.Event()

    def handle_error(self, *_: object) -> None:
        pass  # the client went away


@pytest.fixture
def make_mirror(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], Mirror]]:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    mirrors: list[tuple[Mirror, threading.Thread]] = []

    def make() -> Mirror:
        mirror = Mirror()
        thread = threading.Thread(target=mirror.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        mirrors.append((mirror, thread))
        return mirror

    yield make
    for mirror, thread in mirrors:
        mirror.closing.set()
        mirror.shutdown()
        mirror.server_close()
        thread.join()
