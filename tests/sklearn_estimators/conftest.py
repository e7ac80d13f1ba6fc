"""What all tests of the estimators run with."""

import os

os.environ.setdefault("SCIPY_ARRAY_API", "1")  # without it scikit-learn skips checks of it

import pytest
from threadpoolctl import threadpool_limits

import minidl


@pytest.fixture(autouse=True)
def one_thread():
    """One thread, of minidl's and of BLAS: what trains here is small, and waiting for a second
    core is most of its time on a busy machine. The bits are the same."""
    with minidl.set_num_threads(1), threadpool_limits(1):
        yield
