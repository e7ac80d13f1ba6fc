"""Calls side by side: in processes, on joblib's backends, on a cluster of Dask's."""

from contextlib import nullcontext

import calls
import joblib
import pytest
from distributed import Client, LocalCluster

import minidl
from minidl.train.workers import side_by_side

BACKENDS = ["processes", "loky", "dask"]


@pytest.fixture(scope="module")
def cluster():
    with (
        LocalCluster(n_workers=2, threads_per_worker=2, dashboard_address=None) as cluster,
        Client(cluster),
    ):
        yield


@pytest.fixture
def backend(request, cluster):
    if request.param == "processes":
        return nullcontext()
    return joblib.parallel_config(
        request.param, **({"n_jobs": 2} if request.param == "loky" else {})
    )


on_each = pytest.mark.parametrize("backend", BACKENDS, indirect=True)


@on_each
def test_the_results_are_those_of_one_after_the_other(backend):
    with minidl.random.preserved():
        expected = [calls.about(seed) for seed in (4, 1, 3, 2)]
    kept = {}
    with backend:
        found = side_by_side(calls.about, [4, 1, 3, 2], 2, kept.__setitem__)
    assert found == [one | {"threads": 1} for one in expected]
    assert [kept[n] for n in range(4)] == found
