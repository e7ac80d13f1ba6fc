"""Thread counts: where they come from, how they are set, what a forked child does."""

import multiprocessing
import os
import subprocess
import sys

import numpy as np
import pytest

import minidl
from minidl._kernels import threads


def python(code, environment, folder):
    """The finished process; not started in the repository, whose minidl is not built."""
    command = [sys.executable, "-c", code]
    return subprocess.run(command, env=environment, cwd=folder, capture_output=True, text=True)


def test_set_num_threads_and_its_context():
    before = minidl.get_num_threads()
    with minidl.set_num_threads(3):
        assert minidl.get_num_threads() == 3
        with minidl.set_num_threads(1):
            assert minidl.get_num_threads() == 1
        assert minidl.get_num_threads() == 3
    assert minidl.get_num_threads() == before
    for wrong in (0, -1, 1.5, True, "2"):
        with pytest.raises(ValueError, match="a whole number from 1 up"):
            minidl.set_num_threads(wrong)


@pytest.mark.parametrize(("setting", "expected"), [("3", 3), ("2,4", 2), ("1", 1)])
def test_omp_num_threads_is_the_default(setting, expected, tmp_path):
    code = "import minidl; print(minidl.get_num_threads())"
    environment = os.environ | {"OMP_NUM_THREADS": setting}
    done = python(code, environment, tmp_path)
    assert int(done.stdout) == expected


def test_default_is_what_the_process_may_use(monkeypatch, tmp_path):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    assert 1 <= threads.default_threads() <= len(os.sched_getaffinity(0))
    for text, quota in (("max 100000", None), ("150000 100000", 2), ("50000 100000", 1)):
        (tmp_path / "cpu.max").write_text(text)
        assert threads.cgroup_quota(tmp_path) == quota
    assert threads.cgroup_quota(tmp_path / "nowhere") is None


def test_small_work_stays_on_one_thread():
    with minidl.set_num_threads(2):
        assert threads.threads_for(1000) == 1
        assert threads.threads_for(10**9) == 2


def large_product() -> bytes:
    x = np.random.default_rng(0).standard_normal((300, 300)).astype(np.float32)
    return (minidl.tensor(x) @ x).data.tobytes()


def in_child(queue) -> None:
    queue.put((minidl.get_num_threads(), large_product()))


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_forked_child_computes_serially_and_does_not_hang():
    with minidl.set_num_threads(2):
        expected = large_product()  # starts a team in the parent
        context = multiprocessing.get_context("fork")
        queue = context.Queue()
        child = context.Process(target=in_child, args=(queue,))
        child.start()
        count, result = queue.get(timeout=60)
        child.join(60)
    assert count == 1
    assert result == expected


def test_config_names_level_openmp_threads_and_compiler():
    config = minidl.show_config()
    assert config["level"] == config["levels"][0] or "MINIDL_CPU" in os.environ
    assert config["threads"] == minidl.get_num_threads()
    assert config["compiler"]
    assert isinstance(config["openmp"], bool)


def test_minidl_cpu_forces_a_level_and_refuses_an_unknown_one(tmp_path):
    code = "import minidl; print(minidl.show_config()['level'])"

    def run(level):
        return python(code, os.environ | {"MINIDL_CPU": level}, tmp_path)

    for level in minidl.show_config()["levels"]:
        assert run(level).stdout.strip() == level
    assert "MINIDL_CPU: expected one of" in run("v9").stderr
