"""Where the threads of a team wait for each other.

They count themselves at a gate, and the last thread opens it. The count, and the flag that the
others watch, lie on separate cache lines: so a waiting thread keeps its copy of the flag until it
changes. The line of the count goes from thread to thread, some 50 ns each time. So more than 16
threads meet in 8 groups, and the last thread of each group at a gate above (a tree: Yew, Tzeng &
Lawrie, "Distributing hot-spot addressing in large-scale multiprocessors", 1987).

A waiting thread spins for some 10 microseconds; then it offers its core to other threads, as on a
busy machine the thread that it waits for may have none. OpenMP's own barrier spins on: where eight
processes shared two cores, an epoch of 784-128-10 took 2 to 30 s with it, and 0.7 to 2 s with this
one.
"""

from minidl._kernels.cpu cimport CACHE_LINE

cdef extern from *:
    """
    #include <string.h>
    #ifdef _WIN32
    int __stdcall SwitchToThread(void);  /* windows.h has it, and defines far too much else */
    #define MINIDL_YIELD() SwitchToThread()
    #else
    #include <sched.h>
    #define MINIDL_YIELD() sched_yield()
    #endif
    #if defined(__x86_64__) || defined(__i386__)
    #define MINIDL_PAUSE() __builtin_ia32_pause()
    #elif defined(__aarch64__)
    #define MINIDL_PAUSE() __asm__ __volatile__("yield")
    #else
    #define MINIDL_PAUSE()
    #endif

    enum {
        LINE = 2 * CACHE_LINE,  /* as some processors fetch the next line with one */
        PAUSES = 500,
        FLAT = 16,   /* threads that meet at one gate */
        GROUPS = 8   /* of more threads */
    };

    typedef struct {
        int arrived;
        char apart[LINE - sizeof(int)];
        unsigned times;  /* that it has opened */
        char from_the_next[LINE - sizeof(int)];
    } Gate;

    typedef struct {
        int threads;
        char apart[LINE - sizeof(int)];
        Gate top, groups[GROUPS];
    } Meeting;

    /* No thread may be in a meeting; but of one that a fork broke off, nothing is left. */
    static inline void begin(Meeting *meeting, int threads)
    {
        memset(meeting, 0, sizeof(Meeting));
        meeting->threads = threads;
    }

    /* 1 for the last of so many threads, which opens the gate; 0 for the others, when it has. */
    static inline int is_last(Gate *gate, int threads)
    {
        unsigned times = __atomic_load_n(&gate->times, __ATOMIC_RELAXED);
        if (__atomic_add_fetch(&gate->arrived, 1, __ATOMIC_ACQ_REL) == threads) {
            __atomic_store_n(&gate->arrived, 0, __ATOMIC_RELAXED);
            return 1;
        }
        for (int i = 0; __atomic_load_n(&gate->times, __ATOMIC_ACQUIRE) == times; i++) {
            if (i < PAUSES)
                MINIDL_PAUSE();
            else
                MINIDL_YIELD();
        }
        return 0;
    }

    static inline void open_gate(Gate *gate)
    {
        __atomic_store_n(&gate->times, gate->times + 1, __ATOMIC_RELEASE);
    }

    /* Returns when all threads have called it; then each sees what the others wrote before. */
    static inline void meet(Meeting *meeting, int thread)
    {
        int threads = meeting->threads;
        if (threads <= FLAT) {
            if (is_last(&meeting->top, threads))
                open_gate(&meeting->top);
        } else {
            int group = thread % GROUPS, members = (threads - group + GROUPS - 1) / GROUPS;
            Gate *gate = &meeting->groups[group];
            if (is_last(gate, members)) {
                if (is_last(&meeting->top, GROUPS))
                    open_gate(&meeting->top);
                open_gate(gate);
            }
        }
    }
    """
    ctypedef struct Meeting:
        int threads

    void begin(Meeting *meeting, int threads) noexcept nogil
    void meet(Meeting *meeting, int thread) noexcept nogil
