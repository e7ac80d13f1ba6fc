"""Threads that wait for each other: nobody goes on early, and what was written before is seen."""

import os
import subprocess
import sysconfig
from pathlib import Path

import pytest

from minidl._kernels import openmp

KERNELS = Path(__file__).parents[2] / "minidl/_kernels"

# Every thread writes a plain number before a meeting and reads another thread's after it.
PROGRAM = """
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>

static Meeting meeting;
static int written[2][64], missed[64];

static void *work(void *number)
{
    int thread = (int) (intptr_t) number, threads = meeting.threads;
    for (int i = 1; i <= 60; i++) {
        written[i % 2][thread] = i;
        meet(&meeting, thread);
        missed[thread] += written[i % 2][(thread + i) % threads] != i;
    }
    return NULL;
}

int main(int count, char **arguments)
{
    pthread_t team[64];
    int threads = atoi(arguments[count - 1]), wrong = 0;
    begin(&meeting, threads);
    for (int i = 0; i < threads; i++)
        pthread_create(&team[i], NULL, work, (void *) (intptr_t) i);
    for (int i = 0; i < threads; i++)
        pthread_join(team[i], NULL);
    for (int i = 0; i < threads; i++)
        wrong += missed[i];
    return wrong > 0;
}
"""


@pytest.mark.skipif(not openmp.is_there(), reason="built without OpenMP")
@pytest.mark.parametrize("threads", [1, 2, 3, 15, 16, 17, 18, 24, 25, 40])
def test_nobody_goes_on_before_all_have_come(threads):
    assert openmp.try_meetings(threads, 60) == 0


def c_of(name: str) -> str:
    """The C within a file of the kernels."""
    return (KERNELS / name).read_text().split('"""')[3]


def watched(program: str, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """A program of C, run under ThreadSanitizer, which sees every pair of accesses that nothing
    puts in order, also where they did not meet this time."""
    source, built = folder / "program.c", folder / "program"
    source.write_text(program)
    compiler = (os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc").split()
    flags = ["-std=gnu11", "-O1", "-g", "-fsanitize=thread", "-pthread"]
    subprocess.run([*compiler, *flags, source, "-o", built], capture_output=True, check=True)
    # Not with another sanitizer's library, which `make sanitize` loads.
    environment = {name: value for name, value in os.environ.items() if name != "LD_PRELOAD"}
    return subprocess.run([built, *arguments], env=environment, capture_output=True, text=True)


@pytest.fixture
def folder(tmp_path):
    """Where programs can be watched; skips where none can."""
    try:
        watched("int main(void) { return 0; }", tmp_path).check_returncode()
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("there is no ThreadSanitizer here")
    return tmp_path


@pytest.mark.parametrize("threads", ["5", "20"])
def test_all_that_was_written_before_a_meeting_is_seen_after_it(threads, folder):
    program = c_of("cpu.pxd") + c_of("meeting.pxd") + PROGRAM
    assert watched(program, folder, threads).returncode == 0
    careless = program.replace("__ATOMIC_RELEASE", "__ATOMIC_RELAXED")
    assert "data race" in watched(careless, folder, threads).stderr
