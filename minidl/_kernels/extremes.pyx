"""The largest and the smallest number of a whole array; NaN if any is NaN."""

from minidl._kernels.ndarray cimport FLOAT, data, empty, load, size, type_of
from minidl._kernels.real cimport real

load()

cdef enum:
    LANES = 16  # extremes that are searched side by side, so that no comparison waits for another


cdef real largest_of(const real *x, Py_ssize_t n, real sign) noexcept nogil:
    """The largest of sign · x, times sign: the smallest for sign = -1."""
    cdef real found[LANES]
    cdef real value, best
    cdef Py_ssize_t i = 0, lane
    cdef int is_nan = 0
    for lane in range(LANES):
        found[lane] = sign * x[0]
    while i + LANES <= n:
        for lane in range(LANES):
            value = sign * x[i + lane]
            found[lane] = value if value > found[lane] else found[lane]
            is_nan |= value != value
        i += LANES
    for i in range(n - n % LANES, n):
        value = sign * x[i]
        found[0] = value if value > found[0] else found[0]
        is_nan |= value != value
    best = found[0]
    for lane in range(1, LANES):
        best = found[lane] if found[lane] > best else best
    if is_nan:
        for i in range(n):
            if x[i] != x[i]:
                return x[i]
    return sign * best


cdef object extreme(object x, int sign):
    cdef int kind = type_of(x)
    if kind < 0 or size(x) == 0:
        return None
    cdef object result = empty(0, NULL, kind)
    if kind == FLOAT:
        (<float *> data(result))[0] = largest_of(<const float *> data(x), size(x), <float> sign)
    else:
        (<double *> data(result))[0] = largest_of(<const double *> data(x), size(x), <double> sign)
    return result


def max(x):
    """The largest element of a C-contiguous array of float32 or float64 that is not empty, as an
    array without axes; None for another array. Cost: one pass over x."""
    return extreme(x, 1)


def min(x):
    """The smallest element, in the same way."""
    return extreme(x, -1)
