"""Thread counts: where they come from, how they are set. test_forks.py has the forks."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

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


@pytest.mark.parametrize("wrong", [0, -1, 1.5, True, "2", threads.MOST_THREADS + 1, 2**31, 2**63])
def test_a_number_of_threads_that_makes_no_sense_is_refused_before_it_holds(wrong):
    before = minidl.get_num_threads()
    with pytest.raises(minidl.ArgumentError, match="a whole number from 1 to"):
        minidl.set_num_threads(wrong)
    assert minidl.get_num_threads() == before
    with minidl.set_num_threads(threads.MOST_THREADS):
        assert minidl.get_num_threads() == threads.MOST_THREADS


def in_turn(*lists_of_calls):
    """The calls of each list in a thread of its own; one call at a time: the first of each list,
    then the second of each. Gives what they gave, in this order."""
    with ExitStack() as stack:
        threads = [stack.enter_context(ThreadPoolExecutor(1)) for _ in lists_of_calls]
        return [
            thread.submit(call).result()
            for calls in zip(*lists_of_calls, strict=True)
            for thread, call in zip(threads, calls, strict=True)
        ]


def test_a_block_holds_for_its_thread_and_blocks_that_overlap_leave_nothing_behind():
    before = minidl.get_num_threads()

    def calls(count):
        block = []
        return [
            lambda: block.append(minidl.set_num_threads(count)),
            lambda: block[0].__enter__(),
            minidl.get_num_threads,
            lambda: block[0].__exit__(None, None, None),
            minidl.get_num_threads,
        ]

    counts = in_turn(calls(before + 1), calls(before + 2), [minidl.get_num_threads] * 5)
    assert counts[6:9] == [before + 1, before + 2, before]
    assert counts[12:] == [before] * 3


def test_without_a_block_it_holds_for_all_threads_and_within_one_until_its_end():
    before = minidl.get_num_threads()
    try:
        minidl.set_num_threads(before + 1)
        assert in_turn([minidl.get_num_threads]) == [before + 1]
        in_turn([lambda: minidl.set_num_threads(before + 2)])
        assert minidl.get_num_threads() == before + 2
        with minidl.set_num_threads(before + 3):
            minidl.set_num_threads(before + 4)
            assert minidl.get_num_threads() == before + 4
            assert in_turn([minidl.get_num_threads]) == [before + 2]
        assert minidl.get_num_threads() == before + 2
    finally:
        minidl.set_num_threads(before)


def test_one_setting_for_several_blocks_and_many_settings():
    before = minidl.get_num_threads()
    block = minidl.set_num_threads(before + 1)
    for _ in range(2):
        with block, block:
            assert minidl.get_num_threads() == before + 1
        assert minidl.get_num_threads() == before
    for _ in range(1000):
        minidl.set_num_threads(before)
    assert len(threads._Process.settings) < 100


def with_omp_num_threads(setting, folder):
    """What a process says that is started with it: its number of threads, and its warnings."""
    code = "import minidl; print(minidl.get_num_threads())"
    done = python(code, os.environ | {"OMP_NUM_THREADS": setting}, folder)
    return int(done.stdout), done.stderr


@pytest.mark.parametrize(
    ("setting", "expected"),
    [("3", 3), ("2,4", 2), ("1", 1), (" 2 ", 2), ("007", 7), ("", threads.CPUS)],
)
def test_omp_num_threads_is_the_default(setting, expected, tmp_path):
    count, errors = with_omp_num_threads(setting, tmp_path)
    assert count == expected
    assert "GuardWarning" not in errors


@pytest.mark.parametrize(
    "setting", ["1000000", "99999999999", "9" * 5000, "²", "٣", "0", "-2", "2.5", "two", ",4"]
)
def test_omp_num_threads_that_makes_no_sense_is_warned_of(setting, tmp_path):
    count, errors = with_omp_num_threads(setting, tmp_path)
    assert count == threads.CPUS
    assert errors.count("GuardWarning: OMP_NUM_THREADS: expected a whole number from 1 to") == 1


def test_default_is_what_the_process_may_use(monkeypatch, tmp_path):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    assert 1 <= threads.default_threads() == threads.CPUS <= len(os.sched_getaffinity(0))
    for text, quota in (("max 100000", None), ("150000 100000", 2), ("50000 100000", 1)):
        (tmp_path / "cpu.max").write_text(text)
        assert threads.cgroup_quota(tmp_path) == quota
    assert threads.cgroup_quota(tmp_path / "nowhere") is None


def teams(*works, most):
    """The threads for works of so many nanoseconds, one after the other, in a thread that has had
    no team."""

    def in_turn():
        with minidl.set_num_threads(most):
            return [threads.threads_for(work) for work in works]

    with ThreadPoolExecutor(1) as pool:
        return pool.submit(in_turn).result()


def test_a_team_is_as_large_as_the_work_repays():
    most = threads.MOST_THREADS
    for work in (0, 9_999, 10_000, 19_999, 20_000, 55_555.5, 10_000 * (most - 1), 1e15):
        assert teams(work, most=most) == [min(most, 1 + int(work // 10_000))]
    assert teams(1e15, most=1) == [1]


def test_a_team_is_not_torn_apart_for_smaller_work():
    """One thread leaves it as it is; two of three would end the third."""
    assert teams(15_000, 25_000, 15_000, 5_000, 35_000, most=4) == [2, 3, 3, 1, 4]
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(threads.threads_for, 1e15).result() == minidl.get_num_threads()


def test_a_team_is_never_larger_than_is_wanted_now():
    def in_turn():
        counts = []
        for most in (4, 2, 1, 4):
            with minidl.set_num_threads(most):
                counts += [threads.threads_for(1e15), threads.threads_for(15_000)]
        return counts

    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(in_turn).result() == [4, 4, 2, 2, 1, 1, 4, 4]


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
