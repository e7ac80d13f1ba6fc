"""One checkpoint: arrays and a state, in one file of the safetensors format.

    bytes           what
    0 to 7          the header's length n, little-endian
    8 to 7 + n      JSON: each array's dtype, shape and place, and "__metadata__", a dict of strings
    the rest        the arrays, one after the other

(https://github.com/huggingface/safetensors.) The metadata "minidl" holds the state as JSON, and the
SHA-256 of the whole file, computed with zeros in place of the digest itself. A file without it is
from another program: it has arrays, and no state.

A file may come from a stranger. Nothing in it is executed, and its header is checked before the
arrays are read. Arrays take only as much memory as the file has bytes for them, whatever the header
says; Python objects come from at most `HEADER_LIMIT` bytes, and take at most 40 times as much
(measured: 36).
"""

import hashlib
import os
import re
import struct
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any, BinaryIO

import numpy as np

from ..errors import ArgumentError, CheckpointError, DTypeError, MissingPackageError, explain
from ..tools import strict_json
from ..tools.checks import to_path
from ..tools.disk import open_plain, put
from .state import to_json

DTYPES = {
    "F64": "<f8", "F32": "<f4", "F16": "<f2", "BOOL": "|b1",
    "I64": "<i8", "I32": "<i4", "I16": "<i2", "I8": "|i1",
    "U64": "<u8", "U32": "<u4", "U16": "<u2", "U8": "|u1",
}  # fmt: skip
SAVED = frozenset(np.dtype(name) for name in DTYPES.values())
HEADER_LIMIT = 1 << 22
SHOWN = 300  # characters
METADATA = "__metadata__"
KEY = "minidl"
DIGEST = re.compile(rb'\\"minidl\.sha256\\":\\"([0-9a-f]{64})\\"')  # as it stands in the header
OLDER = "an older checkpoint, or another copy of this file"
PICKLES = b"PK\3\4", b"\x80"  # the first bytes of files from torch.save and pickle.dump
UNPICKLED = (
    "safetensors.torch.save_file(module.state_dict(), path) where it comes from, for to read "
    "a pickle is to run a program"
)


def write(
    path: str | os.PathLike[str],
    arrays: Mapping[str, np.ndarray],
    state: Mapping[str, Any] = {},
) -> None:
    """Writes `arrays` and `state` to the file `path`: completely, or the old file stays.

    Arrays have the dtypes float16 to float64, int8 to int64, uint8 to uint64 or bool, and any
    shape and layout. `state` is a dict of JSON values: numbers, strings, truth values, None, lists
    and dicts with string keys; NaN and infinity are allowed, and a tuple comes back as a list.
    Other programs read the arrays with the safetensors package; `save_torch` writes a net's weights
    for PyTorch.

    DTypeError or ArgumentError for values that cannot be saved, MissingPackageError without the
    safetensors package; OSError, which names the file, if the system refuses, for instance because
    the disk is full.

    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp(), "run.safetensors")
    >>> write(path, {"weight": np.ones((2, 3), np.float32)}, {"epoch": 7})
    >>> arrays, state = read(path)
    >>> arrays["weight"].shape, state
    ((2, 3), {'epoch': 7})
    """
    operation = "checkpoint.write"
    path = to_path(operation, path)
    text = f'{{"minidl.sha256":"{"0" * 64}","state":{to_json(operation, state)}}}'
    content = _serialized(operation, arrays, {KEY: text})
    size = _header_end(content)
    if size > HEADER_LIMIT:
        raise ArgumentError(
            explain(
                operation,
                f"state and names of at most {HEADER_LIMIT} bytes",
                size,
                "put long lists among the arrays",
            )
        )
    header, data = content[:size], memoryview(content)[size:]
    put(path, [_with_digest(header, _sha256(header, data)), data])


def write_foreign(path: str | os.PathLike[str], arrays: Mapping[str, np.ndarray]) -> None:
    """Like `write`, but without a state and a digest: minidl does not take the file for its own."""
    operation = "checkpoint.write"
    put(to_path(operation, path), [_serialized(operation, arrays, {"format": "pt"})])


def read(path: str | os.PathLike[str]) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """The arrays and the state in a file that `write` made, or in any other safetensors file.

    Any byte that has changed since `write` is found. A file of another program has no checksum: its
    arrays are read as they are, and its state is {}. The arrays are new.

    CheckpointError, which names the file and what is wrong, for anything but a complete file;
    MissingPackageError without the safetensors package; OSError if the file does not exist.

    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp(), "run.safetensors")
    >>> write(path, {"bias": np.zeros(3)}, {"epoch": 7})
    >>> read(path)
    ({'bias': array([0., 0., 0.])}, {'epoch': 7})
    """
    arrays, state = contents(path)
    return arrays, state or {}


def contents(
    path: str | os.PathLike[str],
) -> tuple[dict[str, np.ndarray], dict[str, Any] | None]:
    """What `read` returns; the state of another program's file is None."""
    path = to_path("checkpoint.read", path)
    library = _safetensors()
    with open_plain("checkpoint.read", path, CheckpointError) as file:
        header = _header(path, file)
        names = _parsed(path, header[8:])
        _check_size(path, names, os.fstat(file.fileno()).st_size - len(header))
        file.seek(0)
        content = file.read()
    state = _checked_state(path, names, header, memoryview(content)[len(header) :])
    del names  # before the package makes as many objects itself
    try:
        parts = library.deserialize(content)
    except library.SafetensorError as error:
        reason = str(error).removeprefix("Error while deserializing: ")
        raise _wrong(path, "a header that fits what follows it", reason, OLDER) from error
    return {name: _array(path, name, part) for name, part in parts}, state


def _safetensors() -> ModuleType:
    try:
        import safetensors.numpy
    except ImportError as error:
        raise MissingPackageError(
            explain("checkpoint", "the package safetensors", error, "pip install safetensors")
        ) from error
    return safetensors


def _serialized(
    operation: str, arrays: Mapping[str, np.ndarray], metadata: dict[str, str]
) -> bytes:
    """The whole file."""
    if not isinstance(arrays, Mapping):
        raise DTypeError(explain(operation, "a dict of arrays", type(arrays).__name__))
    plain = {name: _as_saved(operation, name, array) for name, array in arrays.items()}
    content: bytes = _safetensors().numpy.save(plain, metadata)
    return content


def _as_saved(operation: str, name: Any, array: Any) -> np.ndarray:
    """The array as the file will hold it: the package takes only contiguous arrays."""
    if not isinstance(name, str) or name == METADATA or not _is_unicode(name):
        raise ArgumentError(explain(operation, f"names, {METADATA} is none", repr(name)))
    if not isinstance(array, np.ndarray):
        got = type(array).__name__
        raise DTypeError(explain(operation, f"{name!r} to be an array", got, "np.asarray(value)"))
    dtype = array.dtype.newbyteorder("<")
    if dtype not in SAVED:
        raise DTypeError(explain(operation, f"{name!r} of numbers or truth values", array.dtype))
    return np.asarray(array, dtype, order="C")


def _is_unicode(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def shown(value: object) -> str:
    """Text from a stranger's file, fit for a message: short, and without control characters that a
    terminal would obey.

    >>> shown("red \\x1b[31m")
    'red ?[31m'
    """
    text = str(value)
    short = text if len(text) <= SHOWN else f"{text[:SHOWN]}..."
    return "".join(c if c.isprintable() else "?" for c in short)


def _wrong(path: Path, expected: object, got: object, hint: str = "") -> CheckpointError:
    return CheckpointError(explain(f"checkpoint.read: {path}", shown(expected), shown(got), hint))


def _header(path: Path, file: BinaryIO) -> bytes:
    """The header with its length; as many bytes as it says must exist."""
    size, start = os.fstat(file.fileno()).st_size, file.read(8)
    if len(start) < 8:
        raise _wrong(path, "a safetensors file", f"{size} bytes", OLDER)
    end = _header_end(start)
    if end > size:
        hint = UNPICKLED if start.startswith(PICKLES) else OLDER
        got = f"{size} bytes, which say that their header is {end - 8} bytes long"
        raise _wrong(path, "a safetensors file", got, hint)
    if end > HEADER_LIMIT:
        raise _wrong(path, f"a header of at most {HEADER_LIMIT} bytes", end)
    return start + file.read(end - 8)


def _header_end(content: bytes) -> int:
    """The end of the header, according to the first 8 bytes."""
    return 8 + int(struct.unpack_from("<Q", content)[0])


def _with_digest(header: bytes, digest: str) -> bytes:
    """The header with another digest; unchanged if it has none."""
    return DIGEST.sub(rf'\\"minidl.sha256\\":\\"{digest}\\"'.encode(), header, count=1)


def _sha256(header: bytes, data: memoryview) -> str:
    """The checksum of a whole file, with zeros in place of the digest."""
    digest = hashlib.sha256(header)
    digest.update(data)
    return digest.hexdigest()


def _parsed(path: Path, header: bytes) -> dict[str, Any]:
    """The header as a dict; the package would take the last of two values with the same name."""
    try:
        parsed: dict[str, Any] = strict_json.parse(header.decode(), dict, "the header")
    except ValueError as error:
        raise _wrong(path, "a header in JSON", error, OLDER) from error
    return parsed


def _check_size(path: Path, header: dict[str, Any], size: int) -> None:
    """Refuses a file that is cut short; the package checks the rest of the header."""
    places = [entry.get("data_offsets") for entry in header.values() if isinstance(entry, dict)]
    ends = [p[1] for p in places if isinstance(p, list) and len(p) == 2 and isinstance(p[1], int)]
    if max(ends, default=0) != size:
        raise _wrong(path, f"{max(ends, default=0)} bytes after the header", size, OLDER)


def _checked_state(
    path: Path, header: dict[str, Any], raw: bytes, data: memoryview
) -> dict[str, Any] | None:
    """The state of a file with the right checksum; None for a file of another program."""
    metadata = header.get(METADATA)
    text: Any = metadata.get(KEY) if isinstance(metadata, dict) else None
    place = DIGEST.search(raw)
    if place is None and text is None:
        return None
    if place is None:
        raise _wrong(path, "a checksum", "none", OLDER)
    if _sha256(_with_digest(raw, "0" * 64), data) != place[1].decode():
        raise _wrong(path, "content that fits its checksum", "other content", OLDER)
    try:
        shape = {"state": dict}
        state: dict[str, Any] = strict_json.parse(text, shape, "metadata", False)["state"]
    except (ValueError, TypeError) as error:  # TypeError if it is not text
        raise _wrong(path, "a state in JSON", error) from error
    return state


def _array(path: Path, name: str, part: Mapping[str, Any]) -> np.ndarray:
    """An array over the bytes that the package copied out of the file."""
    dtype = DTYPES.get(part["dtype"])
    if dtype is None:
        raise _wrong(
            path,
            f"{name!r} in one of {', '.join(DTYPES)}",
            part["dtype"],
            "to convert it to float32 where it comes from",
        )
    if dtype == "|b1" and (most := np.frombuffer(part["data"], np.uint8).max(initial=0)) > 1:
        raise _wrong(path, f"{name!r} to hold 0 and 1", most)
    try:
        array = np.frombuffer(part["data"], dtype).reshape(part["shape"])
    except ValueError as error:  # a hundred axes, or lengths whose product overflows
        got = f"{part['shape']}: {error}".removesuffix(".")
        raise _wrong(path, f"{name!r} of the shape of an array", got) from error
    return array.astype(array.dtype.newbyteorder("="), copy=False)
