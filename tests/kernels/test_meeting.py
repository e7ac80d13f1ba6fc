"""Threads that wait for each other: nobody goes on early, and what was written before is seen."""

import os
import subprocess
import sysconfig
from pathlib import Path

import pytest

from minidl._kernels import openmp

SOURCE = Path(__file__).parents[2] / "minidl/_kernels/meeting.pxd"

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


def watched(meetings: str, threads: int, folder: Path) -> subprocess.CompletedProcess[str]:
    """The program with these meetings, run under ThreadSanitizer, which sees every pair of accesses
    that nothing puts in order, also where they did not meet this time."""
    source, program = folder / "program.c", folder / "program"
    source.write_text(meetings + PROGRAM)
    compiler = (os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc").split()
    flags = ["-std=gnu11", "-O1", "-g", "-fsanitize=thread", "-pthread"]
    built = subprocess.run([*compiler, *flags, source, "-o", program], capture_output=True)
    if built.returncode != 0:
        pytest.skip("the compiler has no ThreadSanitizer")
    # Not with another sanitizer's library, which `make sanitize` loads.
    environment = {name: value for name, value in os.environ.items() if name != "LD_PRELOAD"}
    command = [program, str(threads)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    if "FATAL: ThreadSanitizer" in done.stderr:
        pytest.skip("ThreadSanitizer does not run on this system")
    return done


@pytest.mark.parametrize("threads", [5, 20])
def test_all_that_was_written_before_a_meeting_is_seen_after_it(threads, tmp_path):
    meetings = SOURCE.read_text().split('"""')[3]
    assert watched(meetings, threads, tmp_path).returncode == 0
    careless = meetings.replace("__ATOMIC_RELEASE", "__ATOMIC_RELAXED")
    assert "data race" in watched(careless, threads, tmp_path).stderr
