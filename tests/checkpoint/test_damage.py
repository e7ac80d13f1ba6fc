"""Damaged files and files that lie: each is refused by name, whatever is wrong with it."""

import hashlib
import json
import os
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from minidl.checkpoint import files, read, write
from minidl.errors import CheckpointError

MEGABYTE = 1 << 20


@pytest.fixture
def path(tmp_path):
    return tmp_path / "a.safetensors"


def assert_refused(path, *words):
    with pytest.raises(CheckpointError) as refusal:
        read(path)
    message = str(refusal.value)
    for word in (str(path), "expected", "got", *words):
        assert word in message
    return message


def small(path):
    """A file by `write`, as bytes."""
    write(path, {"w": np.array([1.5, -2], np.float32), "t": np.array([True])}, {"epoch": 3})
    return path.read_bytes()


# ---- damage -------------------------------------------------------------------------------------


def test_every_flipped_bit_is_found(path):
    content = small(path)
    assert len(content) < 400
    for bit in range(8 * len(content)):
        with path.open("r+b") as file:
            file.seek(bit // 8)
            file.write(bytes([content[bit // 8] ^ 1 << bit % 8]))
        assert_refused(path)
        with path.open("r+b") as file:
            file.seek(bit // 8)
            file.write(content[bit // 8 : bit // 8 + 1])
    assert path.read_bytes() == content


def test_a_file_cut_anywhere(path):
    content = small(path)
    for length in range(len(content)):
        path.write_bytes(content[:length])
        assert_refused(path)
    assert_refused(path, "9 bytes after the header", "got 8")  # without the last byte


def test_bytes_that_follow(path):
    content = small(path)
    for more in (b"\0", b" ", content):
        path.write_bytes(content + more)
        assert_refused(path, "9 bytes after the header", f"got {9 + len(more)}")


def test_files_of_others_cut_anywhere(path):
    content = safetensors.numpy.save({"w": np.ones(3), "n": np.arange(2)})
    for length in range(len(content)):
        path.write_bytes(content[:length])
        assert_refused(path)


def test_a_file_as_it_is_while_nothing_is_written_yet(path):
    path.write_bytes(bytes(4096))
    assert_refused(path)


def test_other_damage_gives_what_the_package_gives_or_a_checkpoint_error(tmp_path_factory):
    """Bytes of a file without a checksum are changed, left out or added."""
    path = tmp_path_factory.mktemp("damage") / "a.safetensors"
    content = safetensors.numpy.save({"w": np.ones((2, 2)), "t": np.array([True])}, {"a": "b"})
    outcomes = []

    @settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.integers(0, len(content)), st.integers(0, 3), st.binary(max_size=3))
    def damage(at, removed, added):
        path.write_bytes(content[:at] + added + content[at + removed :])
        try:
            found, state = read(path)
        except CheckpointError:
            assert_refused(path)
            outcomes.append("refused")
            return
        wanted = safetensors.numpy.load(path.read_bytes())
        assert {n: (a.shape, a.tobytes()) for n, a in found.items()} == {
            n: (a.shape, a.tobytes()) for n, a in wanted.items()
        }
        assert state == {}
        outcomes.append("read")

    damage()
    assert {"refused", "read"} == set(outcomes)


# ---- headers that lie ---------------------------------------------------------------------------


def entry(dtype, shape, start, end):
    return {"dtype": dtype, "shape": shape, "data_offsets": [start, end]}


def packed(header, data=b"", length=None):
    """A file with this header, JSON or bytes, whose length is said to be `length`."""
    raw = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(raw) if length is None else length) + raw + data


A = b'"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}'
B = A.replace(b'"a"', b'"b"')


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", ["0 bytes"]),
        (b"1234567", ["7 bytes"]),
        (packed(b"{}", length=2**60), [f"{2**60} bytes long"]),
        (packed(b"{}", length=2**64 - 1), [f"{2**64 - 1} bytes long"]),
        (packed(b"{}", length=3), ["3 bytes long"]),
        (packed(b"{}", length=1), ["JSON"]),
        (packed(b""), ["JSON"]),
        (packed(b" " * (5 << 20) + b"{}"), ["header of at most"]),
        (packed(b"[]"), ["header = []"]),
        (packed(b"{}\0"), ["JSON"]),
        (packed(b'{"\xff":1}'), ["JSON", "0xff"]),
        (packed('{"é":1}'.encode("utf-16")), ["JSON"]),
        (packed(b'{"a":NaN}'), ["JSON", "NaN"]),
        (packed(b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}"), ["JSON", "levels"]),
        (
            packed(b'{"a":' + b"1" * 400 + b"}"),
            ["JSON", "111, which is more than a float can hold"],
        ),
        (packed(b"{" + A + b"," + A + b"}", b"1"), ["'a' occurs twice"]),
        (packed(b"{" + A + b"," + A.replace(b"0,1", b"1,2") + b"}", b"12"), ["'a' occurs twice"]),
        (packed(b'{"__metadata__":{"x":"","x":""},' + A + b"}", b"1"), ["'x' occurs twice"]),
        (packed(b"{" + A[:-1] + b',"shape":[1]}}', b"1"), ["'shape' occurs twice"]),
        (packed({"__metadata__": {"a": 1}}), ["header that fits"]),
        (packed({"__metadata__": []}), ["header that fits"]),
        (packed({"a": 1}), ["header that fits"]),
        (packed({"a": {}}), ["header that fits"]),
        (packed({"a": {"dtype": "U8", "shape": [1]}}, b"1"), ["0 bytes after the header, got 1"]),
        (packed({"a": entry("U8", [1], 0, "1")}, b"1"), ["0 bytes after the header, got 1"]),
        (packed({"a": entry("U8", [1], 0, 1.0)}, b"1"), ["0 bytes after the header, got 1"]),
        (packed({"a": entry("U8", [2**40], 0, 2**40)}), [f"{2**40} bytes after", "got 0"]),
        (packed({"a": entry("U8", [2], 0, 2)}, b"1"), ["2 bytes after the header, got 1"]),
        (packed({"a": entry("U8", [2], 0, 2)}, b"123"), ["2 bytes after the header, got 3"]),
        (packed({"a": entry("U8", [2], 0, 1)}, b"1"), ["header that fits"]),
        (packed({"a": entry("U8", [1], 1, 2)}, b"12"), ["header that fits", "`a`"]),
        (packed({"a": entry("U8", [-1], 0, 1)}, b"1"), ["header that fits", "-1"]),
        (packed({"a": entry("U8", [1], -1, 0)}), ["header that fits", "-1"]),
        (packed({"a": entry("U8", [1.0], 0, 1)}, b"1"), ["header that fits", "1.0"]),
        (packed(b"{" + A + b"," + B + b"}", b"1"), ["header that fits"]),  # one on the other
        (packed({"a": entry("U8", [2], 0, 2), "b": entry("U8", [2], 1, 3)}, b"123"), ["`b`"]),
        (packed({"a": entry("U8", [1], 0, 1), "b": entry("U8", [1], 2, 3)}, b"123"), ["`b`"]),
        (packed({"a": entry("F64", [2**62, 2], 0, 0)}), ["header that fits", "overflow"]),
        (packed({"a": entry("F32", [3, 0, 2**62], 0, 0)}), ["'a'", "shape of an array"]),
        (packed({"a": entry("U8", [1] * 100, 0, 1)}, b"1"), ["'a'", "shape of an array"]),
        (packed({"a": entry("BF16", [1], 0, 2)}, b"12"), ["'a'", "got BF16", "float32"]),
        (packed({"a": entry("F8_E4M3", [1], 0, 1)}, b"1"), ["'a'"]),
        (packed({"a": entry("C64", [1], 0, 8)}, bytes(8)), ["C64"]),
        (packed({"a": entry("OBJECT", [1], 0, 8)}, bytes(8)), ["header that fits", "OBJECT"]),
        (packed({"a": entry("BOOL", [3], 0, 3)}, b"\0\1\2"), ["'a'", "0 and 1", "got 2"]),
        (b"PK\3\4" + bytes(100), ["bytes long"]),  # a file of torch.save, or an .npz
        (b"\x80\4\x95" + bytes(100), ["bytes long"]),  # a pickle
    ],
)
def test_wrong_content(path, content, words):
    path.write_bytes(content)
    assert_refused(path, *words)


@pytest.mark.parametrize(
    ("dtype", "shape", "data"),
    [
        ("F32", [], struct.pack("<f", 0.1)),
        ("F16", [2], struct.pack("<2e", 1.5, -0.0)),
        ("I64", [1, 1], struct.pack("<q", -(2**63))),
        ("BOOL", [2], b"\1\0"),
        ("F32", [0], b""),
        ("F64", [3, 0, 2], b""),
    ],
)
@pytest.mark.parametrize("spaces", range(8))  # where the arrays start may be no multiple of 8
def test_right_content_of_others(path, dtype, shape, data, spaces):
    header = json.dumps({"a": entry(dtype, shape, 0, len(data))}).encode() + b" " * spaces
    path.write_bytes(packed(header, data))
    array = read(path)[0]["a"]
    assert array.shape == tuple(shape)
    assert array.tobytes() == data
    assert array.flags.aligned
    assert array.flags.writeable


def with_checksum(value):
    """A file whose metadata "minidl" is `value`, with the checksum that belongs to it."""
    content = packed({"__metadata__": {"minidl": value}})
    return content.replace(b"0" * 64, hashlib.sha256(content).hexdigest().encode())


SEAL = f'"minidl.sha256":"{"0" * 64}"'


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (with_checksum(f"{{{SEAL}}}"), ["without 'state'"]),
        (with_checksum(f"{SEAL}"), ["state in JSON"]),
        (with_checksum(f"[{SEAL[:-1]}"), ["a checksum"]),
        (with_checksum(f'{{{SEAL},"state":[1]}}'), ["state'] = [1]"]),
        (with_checksum(f'{{{SEAL},"state":' + "[" * 100_000), ["state in JSON", "levels"]),
        (with_checksum(f'{{{SEAL},"state":{{"a":' + "1" * 400 + "}}"), ["state in JSON", "float"]),
        (with_checksum(f'{{{SEAL},"state":{{"a":1e999}}}}'), ["state in JSON", "1e999"]),
        (with_checksum(f'{{{SEAL},"state":{{"a":1,"a":2}}}}'), ["state in JSON", "'a' occurs"]),
        (packed({"__metadata__": {"minidl": "{}"}}), ["a checksum", "got none"]),
        (packed({"__metadata__": {"minidl": f"{{{SEAL}}}"}}), ["fits its checksum"]),
        (packed({"__metadata__": {"minidk": f"{{{SEAL}}}"}}), ["fits its checksum"]),
    ],
)
def test_states_that_lie(path, content, words):
    path.write_bytes(content)
    assert_refused(path, *words)


def test_the_least_file_with_a_state(path):
    path.write_bytes(with_checksum(f'{{{SEAL},"state":{{"a":1}}}}'))
    assert read(path) == ({}, {"a": 1})


def test_a_message_repeats_little_of_what_a_stranger_wrote(path):
    name = "\x1b[31m" + "x" * MEGABYTE
    path.write_bytes(packed({name: entry("BF16", [1], 0, 2)}, b"12"))
    assert len(assert_refused(path)) < 2000
    path.write_bytes(packed({name: entry("U8", [2], 0, 1)}, b"1"))
    path.write_bytes(packed({name[:9]: entry("U8", [1], 1, 2)}, b"12"))
    assert "\x1b" not in assert_refused(path, "[31m")


def test_only_files_are_read(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, tmp_path / "pipe", Path("/dev/zero")):
        assert_refused(path, "a file")


def test_the_header_is_looked_at_before_what_follows(path, monkeypatch):
    """Of a file of 8 GB that takes no room on the disk."""
    for start in (b"", packed(b"{}"), packed({"a": entry("U8", [2**33], 0, 2**34)})):
        path.write_bytes(start)
        os.truncate(path, 2**33)
        monkeypatch.setattr(files, "_checked_state", pytest.fail)  # it would be after 8 GB
        assert_refused(path)


# ---- memory -------------------------------------------------------------------------------------

PEAK = """
import os, resource, sys
import safetensors.numpy
from minidl import checkpoint, CheckpointError

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

# The peak that Linux gives for a started program is not below that of the one which started it;
# for a fork it begins with what the fork has.
if os.fork():
    sys.exit(os.waitstatus_to_exitcode(os.wait()[1]))
before = peak()
try:
    checkpoint.read(sys.argv[1])
except CheckpointError:
    pass
print(peak() - before)
"""


def peak_of_reading(path):
    """By how many times the file's size a process grows that reads it. Linux counts in 1024."""
    command = [sys.executable, "-c", PEAK, str(path)]
    done = subprocess.run(command, cwd=path.parent, capture_output=True, text=True, check=True)
    return int(done.stdout) * (1 if sys.platform == "darwin" else 1024) / path.stat().st_size


def test_reading_takes_twice_the_file(path):
    """The bytes and the arrays: measured 2.00."""
    write(path, {"a": np.zeros((8, MEGABYTE), np.float32), "b": np.zeros(8 * MEGABYTE, np.uint8)})
    assert 1.5 < peak_of_reading(path) < 2.3


@pytest.mark.parametrize("kind", ["arrays", "lists", "state"])
def test_the_worst_headers(path, kind):
    """Python's objects are larger than their JSON, by 27 to 36 times as measured."""
    count = MEGABYTE // 16
    if kind == "arrays":
        name = '"%x":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}'
        content = packed(f"{{{','.join(name % i for i in range(count))}}}".encode())
    elif kind == "lists":
        content = packed(b'{"a":[' + b"[]," * 20 * count + b"0]}")
    else:
        content = with_checksum(f'{{{SEAL},"state":{{"a":[' + "[]," * 20 * count + "0]}}")
    assert len(content) > 3 * MEGABYTE
    path.write_bytes(content)
    assert 5 < peak_of_reading(path) < 45
