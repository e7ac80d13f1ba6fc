"""The functions of one number that the kernels share: exp, log1p, tanh and their kin.

They are our own so that loops vectorise and results do not depend on the platform's libm: every
one is a short series without a branch or a call. All compute in double precision, also for
float32 arrays, where rounding the result once is then nearly all the error there is.

NaN goes through each: limits are written `hi if x > hi else x`, which is false for NaN.
"""

from libc.math cimport copysign, fabs
from libc.stdint cimport int64_t

ctypedef fused real:
    float
    double

cdef extern from *:
    """
    #include <stdint.h>
    #include <string.h>
    static inline int64_t bits_of(double x) { int64_t i; memcpy(&i, &x, sizeof i); return i; }
    static inline double double_of(int64_t i) { double x; memcpy(&x, &i, sizeof x); return x; }
    """
    int64_t bits_of(double x) nogil
    double double_of(int64_t i) nogil

cdef enum:
    EXPONENT_BIAS = 1023
    FRACTION_BITS = 52


cdef inline double clamp(double x, double low, double high) noexcept nogil:
    x = low if x < low else x
    return high if x > high else x


cdef inline double shifted(double x) noexcept nogil:
    """x + 1.5·2^52: no fraction bits are left, so the sum is rounded to an integer, which stands
    in its low bits."""
    return x + 6755399441055744.0


cdef inline double nearest(double x) noexcept nogil:
    return shifted(x) - 6755399441055744.0


cdef inline double power_of_two(double n) noexcept nogil:
    """2^n for an integer n in [-1022, 1023]: the exponent's bits, written directly."""
    return double_of((bits_of(shifted(n)) + EXPONENT_BIAS) << FRACTION_BITS)


cdef inline double exp(double x) noexcept nogil:
    """e^x = 2^n e^r with n = round(x / ln 2), so that |r| <= 0.35, and the series of e^r, whose
    first omitted term is below 5e-18. Below -745 the result is 0, above 709.8 infinite."""
    cdef double n, half, r, s
    x = clamp(x, -750.0, 710.0)
    n = nearest(x * 1.4426950408889634)
    # ln 2 in two parts: n times the first is exact.
    r = (x - n * 6.93147180369123816490e-01) - n * 1.90821492927058770002e-10
    s = 1 / 479001600.0 + r * (1 / 6227020800.0)
    s = 1 / 3628800.0 + r * (1 / 39916800.0 + r * s)
    s = 1 / 40320.0 + r * (1 / 362880.0 + r * s)
    s = 1 / 720.0 + r * (1 / 5040.0 + r * s)
    s = 1 / 24.0 + r * (1 / 120.0 + r * s)
    s = 1.0 + r * (1.0 + r * (0.5 + r * (1 / 6.0 + r * s)))
    # 2^n in two factors: either is a normal number even where the result is not.
    half = nearest(0.5 * n)
    return s * power_of_two(half) * power_of_two(n - half)


cdef inline double expm1(double x) noexcept nogil:
    """e^x - 1 = 2^n (e^r - 1) + (2^n - 1), exact to the last digits near 0; for x up to 700."""
    cdef double n, r, s, scale
    x = clamp(x, -50.0, 700.0)
    n = nearest(x * 1.4426950408889634)
    r = (x - n * 6.93147180369123816490e-01) - n * 1.90821492927058770002e-10
    s = 1 / 479001600.0 + r * (1 / 6227020800.0)
    s = 1 / 3628800.0 + r * (1 / 39916800.0 + r * s)
    s = 1 / 40320.0 + r * (1 / 362880.0 + r * s)
    s = 1 / 720.0 + r * (1 / 5040.0 + r * s)
    s = 1 / 24.0 + r * (1 / 120.0 + r * s)
    s = r + r * r * (0.5 + r * (1 / 6.0 + r * s))
    scale = power_of_two(n)
    return scale * s + (scale - 1.0)


cdef inline double log1p(double u) noexcept nogil:
    """ln(1 + u) for u in [0, 1] by 2 artanh(s) = 2 (s + s^3/3 + s^5/5 + ...), s = u / (2 + u).
    Above sqrt(2) - 1 the argument is halved first, so that |s| <= 0.1716 always; the first
    omitted term is below 1e-18."""
    cdef bint upper = u > 0.41421356237309503
    cdef double s = (u - 1.0 if upper else u) / (u + 3.0 if upper else u + 2.0)
    cdef double q = s * s
    cdef double t = 1 / 19.0 + q * (1 / 21.0)
    t = 1 / 15.0 + q * (1 / 17.0 + q * t)
    t = 1 / 11.0 + q * (1 / 13.0 + q * t)
    t = 1 / 7.0 + q * (1 / 9.0 + q * t)
    t = 1 / 3.0 + q * (1 / 5.0 + q * t)
    return (0.6931471805599453 if upper else 0.0) + 2.0 * (s + s * q * t)


cdef inline double tanh(double x) noexcept nogil:
    """tanh |x| = e / (e + 2) with e = e^(2|x|) - 1; beyond 22 it rounds to 1."""
    cdef double e = expm1(2.0 * clamp(fabs(x), 0.0, 22.0))
    return copysign(e / (e + 2.0), x)


cdef inline double sigmoid(double x) noexcept nogil:
    """1 / (1 + e^-x), with e^-|x| so that nothing overflows on the way to a small result."""
    cdef double e = exp(-fabs(x))
    return (e if x < 0 else 1.0) / (1.0 + e)


cdef inline double softplus(double x) noexcept nogil:
    """ln(1 + e^x) = max(x, 0) + ln(1 + e^-|x|)."""
    return (x if x > 0 else 0.0) + log1p(exp(-fabs(x)))


cdef inline double normal_density(double x) noexcept nogil:
    """phi(x) = e^(-x²/2) / sqrt(2 pi). Half of x's digits are squared exactly and the rest goes
    into a factor near 1: rounding x² itself would cost a relative error of up to x²·1e-16."""
    cdef double coarse, rest
    x = clamp(x, -40.0, 40.0)
    coarse = <float> x
    rest = 0.5 * (x - coarse) * (x + coarse)
    return 0.3989422804014327 * exp(-0.5 * coarse * coarse) * (1.0 - rest * (1.0 - 0.5 * rest))


cdef inline double normal_cdf(double x) noexcept nogil:
    """Phi(x). The tail is Q(z) = sqrt(2 pi) phi(z) P(s) / (z + 5), z = |x|, s = (z - 5) / (z + 5),
    where P is the Chebyshev interpolant of degree 22 on [-1, 1] of (z + 5) e^(z²/2) Q(z), made
    with 60 digits; its error is 3e-17 of the value, in the far tail too."""
    cdef double z = clamp(fabs(x), 0.0, 40.0)
    cdef double s = (z - 5.0) / (z + 5.0)
    cdef double p, tail
    p = 5.037302126379857e-10 + s * -8.166192624428987e-10
    p = -5.015649939857857e-09 + s * (9.446827519677366e-09 + s * p)
    p = 3.581840051543223e-08 + s * (-6.782555313291156e-08 + s * p)
    p = -3.310698071526862e-07 + s * (4.340262594829775e-07 + s * p)
    p = 3.977912640593242e-06 + s * (-2.769337871043854e-06 + s * p)
    p = -4.976177118979218e-05 + s * (1.6681099115863468e-05 + s * p)
    p = 0.00054489883090093 + s * (-5.9375673286488655e-05 + s * p)
    p = -0.00299337673822322 + s * (-0.0007978694094808063 + s * p)
    p = -0.06911863870881432 + s * (0.020795066800941616 + s * p)
    p = -0.3135331566712138 + s * (0.16502036617034282 + s * p)
    p = -0.6653825028900577 + s * (0.4953056159699768 + s * p)
    p = 0.769193049750063 + s * p
    tail = 2.5066282746310002 * normal_density(z) * p / (z + 5.0)
    return tail if x < 0 else 1.0 - tail
