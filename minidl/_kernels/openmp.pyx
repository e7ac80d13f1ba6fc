"""How many threads a team has, and OpenMP's own view of it. Built once, for every CPU.

OpenMP keeps a number for each thread of the program: the most threads of its next team, at first
OMP_NUM_THREADS or the number of CPUs. threadpoolctl reads and sets it. This module sets it to the
number that is wanted here. So any other number is somebody else's limit, even if it equals that of
the environment.
"""

from cython.parallel cimport parallel

import numpy as np

from minidl._kernels.meeting cimport Meeting, begin, meet

cdef extern from *:
    """
    #ifdef _OPENMP
    #include <omp.h>
    static const int with_openmp = 1;
    #else
    static const int with_openmp = 0;
    static inline int omp_get_max_threads(void) { return 1; }
    static inline void omp_set_num_threads(int threads) { (void) threads; }
    static inline int omp_get_thread_num(void) { return 0; }
    static inline int omp_get_num_threads(void) { return 1; }
    #endif

    static int wanted_by_process = 1;
    static __thread int wanted_here = 0;  /* by this thread; 0: what the process wants */
    static __thread int told = 0;         /* to OpenMP; 0: nothing */
    static __thread int largest_team = 1; /* that this thread has had, as far as it may be so now */

    /* GNU's OpenMP, from GCC 9 on, ends the threads that wait for the next team. Other libraries
       (LLVM's) begin anew in a forked child by themselves. */
    static inline int end_team(void)
    {
    #if defined(_OPENMP) && !defined(__clang__) && defined(__GNUC__)
    #if __GNUC__ >= 9
        return omp_pause_resource_all(omp_pause_soft) == 0;
    #else
        return 0;
    #endif
    #else
        return 1;
    #endif
    }
    """
    int omp_get_max_threads()
    void omp_set_num_threads(int threads)
    int omp_get_thread_num() noexcept nogil
    int omp_get_num_threads() noexcept nogil
    bint end_team()
    bint with_openmp
    int wanted_by_process
    int wanted_here
    int told
    int largest_team


def is_there():
    """Whether the kernels were compiled with OpenMP."""
    return with_openmp


cdef int told_at_first = omp_get_max_threads()


cdef inline bint limited():
    return omp_get_max_threads() != (told or told_at_first)


def is_limited():
    """Whether somebody else has set the number of threads."""
    return limited()


def number():
    """The threads of the calling thread's next team."""
    cdef int wanted = wanted_here or wanted_by_process
    return min(wanted, omp_get_max_threads()) if limited() else wanted


def team_of(int wanted):
    """The number of threads for work that repays `wanted`. Never fewer than last time, except one:
    GNU's OpenMP ends the threads that a smaller team leaves out, and starting one again takes 18
    microseconds (two cores, Zen 4)."""
    global largest_team
    cdef int most = number()
    if most == 1:
        return 1
    largest_team = min(most, max(wanted, largest_team))
    return largest_team


def want(list settings, int here):
    """The process wants the last setting's number of threads; the calling thread wants `here`, 0
    for the same. (The list is read here, where no other thread can run.)"""
    global wanted_by_process, wanted_here, told
    wanted_by_process, wanted_here = settings[len(settings) - 1].threads, here
    if not limited():
        omp_set_num_threads(here or wanted_by_process)
        told = omp_get_max_threads()


def release_team():
    """Ends the calling thread's team, so that a forked child can have its own; the next parallel
    loop starts a new one. Returns whether that was possible."""
    global largest_team
    largest_team = 1
    return end_team()


def begin_anew():
    """Takes OpenMP's number in a forked child as nobody's limit: LLVM's OpenMP has reset it
    there."""
    global told
    told = omp_get_max_threads()


# ---- Meetings, tried -----------------------------------------------------------------------------

cdef enum:
    APART = 32  # ints from one thread's mark to the next, which is on another line


cdef void leave_marks(Meeting *meeting, int *marks, int meetings) noexcept nogil:
    """A thread of try_meetings; marks (3, threads, APART). Even and odd meetings have separate
    marks, as the first thread out of one writes the next mark while others still read; the last
    ones count the marks missed."""
    cdef int threads = meeting.threads, thread = omp_get_thread_num(), i
    cdef int *missed = marks + (2 * threads + thread) * APART
    cdef int *row
    if omp_get_num_threads() != threads:
        missed[0] = -1
        return
    for i in range(1, meetings + 1):
        row = marks + i % 2 * threads * APART
        row[thread * APART] = i
        meet(meeting, thread)
        missed[0] += row[(thread + i) % threads * APART] != i


def try_meetings(int threads, int meetings):
    """Lets a team meet `meetings` times. Before each meeting every thread leaves a mark, and after
    it looks for another thread's. Returns how many were missing; below 0 if OpenMP gave fewer
    threads."""
    cdef Meeting meeting
    cdef int[:, :, ::1] marks = np.zeros((3, threads, APART), np.intc)
    begin(&meeting, threads)
    with nogil, parallel(num_threads=threads):
        leave_marks(&meeting, &marks[0, 0, 0], meetings)
    return sum(marks[2, :, 0])
