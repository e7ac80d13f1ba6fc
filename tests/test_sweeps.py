"""Calls side by side: in processes, on joblib's backends, on a cluster of Dask's."""

import os
import sys
import time
from contextlib import nullcontext
from functools import partial

import calls
import ensembles
import joblib
import numpy as np
import pytest
from distributed import Client, LocalCluster
from sklearn.datasets import load_iris
from sklearn.model_selection import GridSearchCV

import minidl
from minidl import nn, train
from minidl.sklearn import MLPClassifier
from minidl.train.workers import as_worker, joblib_backend, side_by_side


@pytest.fixture(scope="module")
def cluster():
    with (
        LocalCluster(n_workers=1, threads_per_worker=2, dashboard_address=":0") as cluster,
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


def on(*backends):
    return pytest.mark.parametrize("backend", backends, indirect=True)


@on("processes", "loky", "dask")
def test_the_results_are_those_of_one_after_the_other(backend):
    """And within a call there are no more processes."""
    with minidl.random.preserved():
        expected = [calls.about(seed) for seed in (4, 1, 3, 2)]
    kept = {}
    with backend:
        found = side_by_side(calls.nested, [4, 1, 3, 2], 2, kept.__setitem__)
    assert [one for one, *_ in found] == [one | {"threads": 1} for one in expected]
    assert [kept[n] for n in range(4)] == found
    assert all(inner == [outer] * 3 for _, outer, inner in found)
    assert os.getpid() not in {outer for _, outer, _ in found}


@on("loky", "dask")  # tests/lab/test_workers.py has processes
def test_an_error_is_raised_after_the_results_that_are_there(backend):
    kept = {}
    with backend, pytest.raises(minidl.DataError, match="a power cut"):
        side_by_side(calls.fail, [0, 1, 2], 2, kept.__setitem__)
    assert kept.items() <= {0: 0, 1: 1}.items()


@pytest.fixture
def kept(tmp_path):
    """Keeps results; with the second one, calls.killed may kill its process."""

    class Kept(dict):
        def keep(self, number, result):
            self[number] = result
            if len(self) == 2:
                (tmp_path / "kept").touch()

    return Kept()


@on("dask")  # the ensemble's test below has loky
def test_a_process_that_is_killed_loses_no_result(backend, kept, tmp_path):
    with backend:
        found = side_by_side(calls.killed, [1, 2, -1, 3], 2, kept.keep, shared=[tmp_path])
    assert found == [kept[n] for n in range(4)] == [1, 2, -1, 3]
    first, *_ = kept.values()  # Dask makes the second one again, too: joblib still refers to it
    assert (tmp_path / f"call{first}").read_text() == "x"
    assert (tmp_path / "call-1").read_text() == "xx"


def test_threads_of_joblib_are_not_used_for_they_share_the_random_numbers():
    with joblib.parallel_config("threading", n_jobs=2):
        assert side_by_side(calls.process, [0, 1], 2) == [os.getpid()] * 2


def test_a_preference_is_no_backend():
    for options in ({"prefer": "threads"}, {"require": "sharedmem"}, {"n_jobs": 2}):
        with joblib.parallel_config(**options):
            assert joblib_backend() is None


def test_a_worker_without_the_level_is_refused():
    with pytest.raises(minidl.ArgumentError, match="of the level v9 on each worker.*MINIDL_CPU="):
        as_worker("v9", 0, abs, -1)


# ---- What sweeps ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def three():
    return train.ensemble(ensembles.make, [3, 0, 1], workers=1)


@on("dask")
def test_an_ensemble_has_the_same_bits_in_the_order_of_its_seeds(backend, three):
    def make(seed):  # not importable
        time.sleep(0.2 * (seed == 3))  # the first ends last
        return ensembles.make(seed)

    before = minidl.random.random_state()
    with backend:
        found = train.ensemble(make, [3, 0, 1])
    assert minidl.random.random_state() == before
    assert (found.seeds, found.results) == (three.seeds, three.results)
    assert list(map(bits, found.nets)) == list(map(bits, three.nets))


def bits(net):
    return [array.tobytes() for array in net.state_dict().values()]


def test_an_ensemble_goes_on_from_what_joblibs_memory_has(three, tmp_path):
    """The second seed kills its process, until the file is gone."""
    deadly = tmp_path / "deadly"
    deadly.touch()
    make = joblib.Memory(tmp_path / "seeds", verbose=0).cache(calls.logged, ignore=["folder"])
    with joblib.parallel_config("loky", n_jobs=2), pytest.raises(minidl.ArgumentError):
        train.ensemble(partial(make, tmp_path), [3, 0])
    deadly.unlink()
    found = train.ensemble(partial(make, tmp_path), [3, 0], workers=1)
    assert found.results == three.results[:2]
    assert list(map(bits, found.nets)) == list(map(bits, three.nets[:2]))
    assert (tmp_path / "begun").read_text().split().count("3") == 1


@pytest.mark.parametrize("name", ["dask", "threading"])
def test_a_grid_search_has_the_same_bits_and_its_share_of_the_processors(name, cluster):
    x, y = load_iris(return_X_y=True)
    net = MLPClassifier((8,), tol=10, n_iter_no_change=2, random_state=0)
    grid = {"activation": ["relu", nn.Maxout(2)], "dropout": [0.0, 0.3]}
    scoring = {"accuracy": "accuracy", "bits": calls.checksum}

    def search(**options):
        found = GridSearchCV(net, grid, scoring=scoring, refit="accuracy", cv=2, **options)
        return found.fit(x, y)

    expected = search()
    scoring["threads"] = calls.threads
    with joblib.parallel_config(name, n_jobs=2), minidl.set_num_threads(1):
        found = search()
    for split in ("split0_test_", "split1_test_"):
        for score in ("accuracy", "bits"):
            values = found.cv_results_[split + score]
            np.testing.assert_array_equal(values, expected.cv_results_[split + score])
        assert max(found.cv_results_[split + "threads"]) <= max(1, joblib.cpu_count() // 2)
    assert found.best_params_ == expected.best_params_
    assert calls.checksum(found.best_estimator_) == calls.checksum(expected.best_estimator_)


def test_rays_workers(kept, tmp_path):
    """In an environment with ray, distributed, scikit-learn and pytest:
    `pytest -W ignore -k ray tests/test_sweeps.py`."""
    ray = pytest.importorskip("ray")
    from ray.util.joblib import register_ray

    register_ray()
    with minidl.random.preserved():
        expected = [calls.about(seed) | {"threads": 1} for seed in (4, 1, 3)]
    paths = os.pathsep.join(sys.path)
    ray.init(num_cpus=2, include_dashboard=False, runtime_env={"env_vars": {"PYTHONPATH": paths}})
    try:
        with joblib.parallel_config("ray", n_jobs=2):
            assert [one for one, *_ in side_by_side(calls.nested, [4, 1, 3])] == expected
            with pytest.raises(ray.exceptions.RayActorError):
                side_by_side(calls.killed, [1, 2, -2, 3], keep=kept.keep, shared=[tmp_path])
        assert kept == {0: 1, 1: 2}
    finally:
        ray.shutdown()
