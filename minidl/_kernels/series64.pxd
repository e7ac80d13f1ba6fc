"""exp, log, tanh, sin and others in double precision: series whose error is below the rounding."""

from libc.math cimport copysign, fabs
from libc.stdint cimport uint64_t

from minidl._kernels.real cimport clamp
from minidl._kernels.series32 cimport exp_series, limits_of_log, tanh_series

cdef extern from *:
    """
    #include <stdint.h>
    #include <string.h>
    static inline uint64_t bits_of(double x) { uint64_t i; memcpy(&i, &x, sizeof i); return i; }
    static inline double double_of(uint64_t i) { double x; memcpy(&x, &i, sizeof x); return x; }

    #define SQRT_HALF 0.70710678118654752440
    #define LN2_HIGH_64 6.93147180369123816490e-01  /* n times it is exact */
    #define LN2_LOW_64 1.90821492927058770002e-10
    """
    const double SQRT_HALF
    uint64_t bits_of(double x) nogil
    double double_of(uint64_t i) nogil
    const double LN2_HIGH_64, LN2_LOW_64

cdef enum:
    EXPONENT_BIAS = 1023
    FRACTION_BITS = 52


cdef inline double shifted(double x) noexcept nogil:
    """x + 1.5·2^52: no fraction bits are left, so the sum is rounded to an integer, which stands
    in its low bits."""
    return x + 6755399441055744.0


cdef inline double nearest(double x) noexcept nogil:
    return shifted(x) - 6755399441055744.0


cdef inline double power_of_two(double n) noexcept nogil:
    """2^n for an integer n in [-1022, 1023]: the exponent's bits, written directly."""
    return double_of((bits_of(shifted(n)) + EXPONENT_BIAS) << FRACTION_BITS)


cdef inline double remainder(double x, double n) noexcept nogil:
    """x - n ln 2, with ln 2 in two parts: n times the first is exact."""
    return (x - n * LN2_HIGH_64) - n * LN2_LOW_64


cdef inline double exp_tail(double r) noexcept nogil:
    """1/4! + r/5! + ... + r^9/13!: what the exponential's series goes on with after r^3."""
    cdef double s = 1 / 479001600.0 + r * (1 / 6227020800.0)
    s = 1 / 3628800.0 + r * (1 / 39916800.0 + r * s)
    s = 1 / 40320.0 + r * (1 / 362880.0 + r * s)
    s = 1 / 720.0 + r * (1 / 5040.0 + r * s)
    return 1 / 24.0 + r * (1 / 120.0 + r * s)


cdef inline double exp64(double x) noexcept nogil:
    """e^x = 2^n e^r with n = round(x / ln 2), so that |r| <= 0.35, and the series of e^r, whose
    first omitted term is below 5e-18. Below -745 the result is 0, above 709.8 infinite. 1.1 ULP."""
    cdef double n, half, r, s
    x = clamp(x, -750, 710)
    n = nearest(x * 1.4426950408889634)
    r = remainder(x, n)
    s = 1.0 + r * (1.0 + r * (0.5 + r * (1 / 6.0 + r * exp_tail(r))))
    # 2^n in two factors: either is a normal number even where the result is not.
    half = nearest(0.5 * n)
    return s * power_of_two(half) * power_of_two(n - half)


cdef inline double exp64_short(double x) noexcept nogil:
    """e^x for x <= 0, to 1e-9 of itself by float32's series: for formulas whose result is then
    rounded to float32. Below -700 it is e^-700."""
    cdef double n, r
    x = -700.0 if x < -700 else x
    n = nearest(x * 1.4426950408889634)
    r = x - n * 0.6931471805599453
    return (1.0 + (r + r * r * exp_series(r))) * power_of_two(n)


cdef inline double expm1_64(double x) noexcept nogil:
    """e^x - 1 = 2^n (e^r - 1) + (2^n - 1), exact to the last digits near 0; infinite above 709.8.
    The digits that r loses to rounding are added to the series. As 2^1024 is no double, half of
    2^n is doubled for a large x. 1.7 ULP."""
    cdef double n, high, low, r, s, scale, z = clamp(x, -50, 710)
    cdef bint large = x > 600
    n = nearest(z * 1.4426950408889634)
    high = z - n * LN2_HIGH_64
    low = n * LN2_LOW_64
    r = high - low
    s = r + (r * r * (0.5 + r * (1 / 6.0 + r * exp_tail(r))) + ((high - r) - low))
    scale = power_of_two(n - 1.0 if large else n)
    return copysign((scale * s + (scale - 1.0)) * (2.0 if large else 1.0), x)


cdef inline double artanh_series(double q, bint short_series) noexcept nogil:
    """artanh(s) / s - 1 = s²/3 + s⁴/5 + ... for q = s² <= 0.0295; the first omitted term is below
    1e-18, or 3e-9 in the short series."""
    cdef double t = 1 / 15.0 + q * (1 / 17.0 + q * (1 / 19.0 + q * (1 / 21.0)))
    t = 1 / 11.0 + q * (1 / 13.0 + q * t)
    t = 1 / 9.0 if short_series else 1 / 9.0 + q * t
    return q * (1 / 3.0 + q * (1 / 5.0 + q * (1 / 7.0 + q * t)))


cdef inline double log1p64(double u) noexcept nogil:
    """ln(1 + u) for u in [0, 1] by 2 artanh(s), s = u / (2 + u). Above sqrt(2) - 1 the argument is
    halved first, so that |s| <= 0.1716 always."""
    cdef bint upper = u > 0.41421356237309503
    cdef double s = (u - 1.0 if upper else u) / (u + 3.0 if upper else u + 2.0)
    cdef double log_sum = 2.0 * (s + s * artanh_series(s * s, False))
    return (0.6931471805599453 if upper else 0.0) + log_sum


cdef inline double normal_log64(double x, bint short_series) noexcept nogil:
    """ln x for a normal x > 0: with x = 2^n f and f in [sqrt(1/2), sqrt(2)] it is n ln 2 + ln f,
    and ln f = 2 artanh(s), s = (f - 1) / (f + 1)."""
    cdef uint64_t bias = <uint64_t> EXPONENT_BIAS << FRACTION_BITS
    cdef uint64_t biased_n = (bits_of(x) + bias - bits_of(SQRT_HALF)) >> FRACTION_BITS
    cdef double f = double_of(bits_of(x) + bias - (biased_n << FRACTION_BITS))
    # Written into the low bits of 2^52, an integer becomes a double without a conversion.
    cdef double n = double_of(bits_of(4503599627370496.0) | biased_n) - 4503599627371519.0
    cdef double s = (f - 1.0) / (f + 1.0)
    return n * 0.6931471805599453 + 2.0 * (s + s * artanh_series(s * s, short_series))


cdef inline double sine_of_turns(double t) noexcept nogil:
    """sin(2 pi t) for |t| <= 1/4 by its series, whose first omitted term is below 2e-18."""
    cdef double x = 6.283185307179586 * t, q = x * x
    cdef double s = -1 / 121645100408832000.0 + q * (1 / 51090942171709440000.0)
    s = -1 / 1307674368000.0 + q * (1 / 355687428096000.0 + q * s)
    s = -1 / 39916800.0 + q * (1 / 6227020800.0 + q * s)
    s = -1 / 5040.0 + q * (1 / 362880.0 + q * s)
    return x + x * q * (-1 / 6.0 + q * (1 / 120.0 + q * s))


cdef inline double log_of_sum64(double u, double rest, double shift) noexcept nogil:
    """ln(u + rest) - shift ln 2 for a normal u > 0 and a rest below its last digit, as
    n ln 2 + ln(1 + f) + rest / u with u = 2^n (1 + f), 1 + f in [1 / sqrt 2, sqrt 2). With
    s = f / (2 + f), ln(1 + f) = 2 artanh(s) is f less a small number, as 2 s = f - s f."""
    cdef uint64_t biased = (bits_of(u) - bits_of(0.7071067811865476)
                            + (<uint64_t> EXPONENT_BIAS << FRACTION_BITS)) >> FRACTION_BITS
    cdef double n = double_of(biased | bits_of(4503599627370496.0)) - 4503599627370496.0
    cdef double f = double_of(bits_of(u) - ((biased - EXPONENT_BIAS) << FRACTION_BITS)) - 1.0
    cdef double s = f / (2.0 + f), half_square = 0.5 * f * f, low
    n = n - EXPONENT_BIAS - shift
    low = s * (half_square + 2.0 * artanh_series(s * s, False)) + (n * LN2_LOW_64 + rest / u)
    return n * LN2_HIGH_64 - ((half_square - low) - f)


cdef inline double log64(double x) noexcept nogil:
    """ln x for every x. A subnormal x is scaled first. 0.8 ULP."""
    cdef bint small = x < 2.2250738585072014e-308
    cdef double u = x * 18014398509481984.0 if small else x
    cdef double shift = 54 if small else 0
    cdef double y = log_of_sum64(u, 0.0, shift)
    return limits_of_log(y, x)


cdef inline double full_log1p64(double x) noexcept nogil:
    """ln(1 + x) for every x. What rounding leaves of 1 + x is not lost (Knuth's two-sum).
    0.8 ULP."""
    cdef double u = 1.0 + x
    cdef double back = u - x
    cdef double rest = (x - (u - back)) + (1.0 - back)
    cdef double y = log_of_sum64(u, rest, 0.0)
    y = limits_of_log(y, u)
    return copysign(y, x)


cdef inline double tanh64(double x) noexcept nogil:
    """tanh |x| = e / (e + 2) with e = e^(2|x|) - 1; beyond 22 it rounds to 1. 2.5 ULP."""
    cdef double e = expm1_64(2.0 * clamp(fabs(x), 0, 22))
    return copysign(e / (e + 2.0), x)


cdef inline double tanh64_short(double x) noexcept nogil:
    """As tanh32, in double precision: to 5e-9 of itself."""
    cdef double z = fabs(x), q = x * x, e
    e = exp64_short(-2.0 * z)
    return x + x * q * tanh_series(q) if z <= 0.625 else copysign((1.0 - e) / (1.0 + e), x)


cdef inline double tail64(double s) noexcept nogil:
    """P(s) = (z + 5) e^(z²/2) Q(z), z = 5 (1 + s) / (1 - s), for the normal distribution's upper
    tail Q: the Chebyshev interpolant of degree 22 on [-1, 1], made with 60 digits; its error is
    3e-17 of the value, in the far tail too."""
    cdef double p
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
    return 0.769193049750063 + s * p
