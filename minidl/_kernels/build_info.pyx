"""Facts about the processor and the compiler. Built once, for every CPU."""

cdef extern from *:
    """
    #if defined(__x86_64__)
    static int runs_v3(void) {
        __builtin_cpu_init();
        return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")
            && __builtin_cpu_supports("bmi2");
    }
    static int runs_v4(void) {
        return runs_v3() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw")
            && __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq")
            && __builtin_cpu_supports("avx512vl");
    }
    #else
    static int runs_v3(void) { return 0; }
    static int runs_v4(void) { return 0; }
    #endif
    #ifdef __VERSION__
    static const char *compiler = __VERSION__;
    #else
    static const char *compiler = "unknown";
    #endif
    """
    bint runs_v3()
    bint runs_v4()
    const char *compiler


def cpu_levels():
    """The levels this processor can run, best first."""
    return [level for level, runs in (("v4", runs_v4()), ("v3", runs_v3())) if runs] + ["baseline"]


def compiler_version():
    """What the compiler calls itself."""
    return compiler.decode()
