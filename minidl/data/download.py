"""Downloads: they resume where a connection broke, and are trusted only by their SHA-256."""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from ..errors import DataError, explain

if TYPE_CHECKING:
    from http.client import HTTPResponse

TIMEOUT = 10.0  # seconds without an answer
CHUNK = 1 << 16


class RemoteFile(NamedTuple):
    """A file that can be fetched: its name, size and checksum."""

    name: str
    size: int
    sha256: str


def download(file: RemoteFile, mirrors: Sequence[str], folder: Path) -> Path:
    """`file` in `folder`, from the first of the mirrors (URLs up to the name) that has it.

    It grows as NAME.part, which stays if the connection breaks: the next mirror, or the next call,
    goes on from there. It gets its name only if its SHA-256 is right. Two processes may download
    it at once. DataError, with the reason for each mirror, if no mirror has it.
    """
    target, part = folder / file.name, folder / f"{file.name}.part"
    failures = []
    for mirror in mirrors:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            _fetch(mirror + file.name, part, file.size)
            _check(part, file.sha256)
            part.replace(target)
        except (OSError, DataError) as error:
            if not target.exists():  # else another process was faster
                failures.append(f"{mirror}: {error}".removesuffix("."))
                continue
        return target
    raise DataError(explain("download", f"{file.name} from a mirror", "; ".join(failures)))


def _fetch(url: str, part: Path, size: int) -> None:
    """Makes `part` a file of `size` bytes, never more, from where an earlier attempt stopped.

    Each byte is written at its own place and none is cut off. So two processes that fetch the same
    file write the same bytes, and do not disturb each other.
    """
    from http.client import HTTPException  # this import takes as long as that of all of minidl

    done = part.stat().st_size if part.exists() else 0
    if done >= size:
        return
    try:
        with _open(url, done) as response:
            if response.status != 206:  # the whole file, not the part that was asked for
                done = 0
            part.touch()
            with part.open("r+b") as out:
                out.seek(done)
                while chunk := response.read(min(CHUNK, size - done)):
                    done += out.write(chunk)
    except HTTPException as error:
        raise DataError(explain("download", "an answer in HTTP", repr(error))) from error
    if done < size:
        raise DataError(explain("download", f"{size} bytes", f"{done}"))


def _open(url: str, start: int) -> "HTTPResponse":
    """The answer to a request for the file from byte `start` on, or for all of it if the server
    has nothing there (416)."""
    from urllib.error import HTTPError
    from urllib.request import Request, urlopen

    request = Request(url, headers={"Range": f"bytes={start}-"} if start else {})
    try:
        return urlopen(request, timeout=TIMEOUT)
    except HTTPError as error:
        error.close()
        if error.code == 416 and start:
            return _open(url, 0)
        raise


def _check(part: Path, sha256: str) -> None:
    """Removes `part` and raises DataError if its checksum is wrong."""
    found = hashlib.sha256(part.read_bytes()).hexdigest()
    if found != sha256:
        part.unlink(missing_ok=True)
        raise DataError(explain("download", f"SHA-256 {sha256}", found))
