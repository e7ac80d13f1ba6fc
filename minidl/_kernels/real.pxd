"""The two precisions, and what every formula needs in both."""

from libc.math cimport fabs, fabsf, sqrt, sqrtf

ctypedef fused real:
    float
    double

# Constants take the precision of the numbers beside them. The literal 1 is a double in C: 1 - y
# would compute a float32 y in double precision, half as many at a time.
cdef extern from *:
    """
    #define ZERO 0.0f
    #define HALF 0.5f
    #define ONE 1.0f
    #define TWO 2.0f
    """
    const float ZERO, HALF, ONE, TWO


cdef inline real clamp(real x, real low, real high) noexcept nogil:
    """min(max(x, low), high). NaN passes through: it loses every comparison."""
    x = low if x < low else x
    return high if x > high else x


cdef inline real magnitude(real x) noexcept nogil:
    """|x|."""
    if real is float:
        return fabsf(x)
    else:
        return fabs(x)


cdef inline real root(real x) noexcept nogil:
    """The square root; NaN below 0."""
    if real is float:
        return sqrtf(x)
    else:
        return sqrt(x)
