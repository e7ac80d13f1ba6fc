"""Fixtures for all tests."""

import signal
from collections.abc import Iterator

import pytest

import minidl
from minidl import _kernels

# Jobs in a shell's background ignore Ctrl-C, and so would all that they start; some tests send it.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def clean_state() -> Iterator[None]:
    """Every test starts from one seed, and none may leave the global state changed."""
    minidl.manual_seed(0)
    threads = minidl.get_num_threads()
    yield
    assert minidl.get_num_threads() == threads, "the test left another number of threads"
    assert minidl.tensor([1.0], requires_grad=True).exp().requires_grad, "no_grad() was left on"


@pytest.fixture(params=_kernels.levels())
def level(request: pytest.FixtureRequest) -> Iterator[str]:
    """The test runs once with the kernels of every CPU level that this machine has."""
    before = _kernels.level
    _kernels.use(request.param)
    yield request.param
    _kernels.use(before)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--configurations",
        type=int,
        help="how many random configurations each test of drawn options compares",
    )


def pytest_make_parametrize_id(val: object) -> str | None:
    """A test has one name in every process: not of bytes, such as a ZIP file's, which may hold the
    time at which they were made."""
    return "bytes" if isinstance(val, bytes) else None
