"""exp, expm1, log, log1p and tanh in float32: short series, which vectorise eight wide.

A function's error is the worst in units of the last place (ULP) of the exact result that
tests/kernels/test_accuracy_of_functions.py finds at any CPU level. The coefficients are
least-squares fits of the relative error at 200 Chebyshev points, made with 40 digits; each is
rounded to float32 in turn, from the lowest up, and those above it are fitted anew.
"""

from libc.math cimport copysignf, fabsf
from libc.stdint cimport int32_t, uint32_t

from minidl._kernels.real cimport HALF, ONE, TWO, ZERO, clamp, real

cdef extern from *:
    """
    #include <math.h>
    #include <stdint.h>
    #include <string.h>
    static inline uint32_t bits_of32(float x) { uint32_t i; memcpy(&i, &x, sizeof i); return i; }
    static inline float float_of(uint32_t i) { float x; memcpy(&x, &i, sizeof x); return x; }

    #define SHIFT32 12582912.0f  /* 1.5·2^23 */
    #define PER_LN2 1.4426950408889634f
    #define LN2_32 0.6931471805599453f
    #define LN2_HIGH 0.693359375f  /* n times it is exact */
    #define LN2_LOW -2.12194440e-4f
    #define TWO_TO_64 18446744073709551616.0f

    /* (e^r - 1 - r) / r² for |r| <= 0.35, so that e^r - 1 is off by 5e-10 of itself. */
    static const float EXP_SERIES[] = {
        0.5f, 0.16666667f, 0.041666478f, 0.008333191f, 0.0013933693f, 0.00019959325f};
    /* (t - ln(1 + t)) / t² for t in [-1/4, 1/2], so that ln(1 + t) is off by 5e-9 of itself. */
    static const float LOG_SERIES[] = {
        0.5f, -0.33333457f, 0.25000125f, -0.19990613f, 0.16645999f, -0.14478987f, 0.13174164f,
        -0.1048792f, 0.04522251f};
    /* (tanh x - x) / x³ in x² for x <= 5/8, so that tanh x is off by 5e-9 of itself. */
    static const float TANH_SERIES[] = {
        -0.3333328f, 0.13331419f, -0.053738292f, 0.02063543f, -0.005701635f};
    /* (z + 5) e^(z²/2) Q(z) in s, z = 5 (1 + s) / (1 - s) <= 14.5, for the normal distribution's
       upper tail Q; off by 5e-9 of itself. Beyond 14.5 the tail is less than 1e-47. */
    static const float TAIL_SERIES[] = {
        0.76919305f, -0.6653825f, 0.49530545f, -0.31353375f, 0.16502246f,
        -0.0691073f, 0.02079114f, -0.0030582221f, -0.00084478996f, 0.0006517384f,
        0.00010263775f};
    """
    uint32_t bits_of32(float x) nogil
    float float_of(uint32_t i) nogil
    const float INFINITY, NAN
    const float SHIFT32, PER_LN2, LN2_32, LN2_HIGH, LN2_LOW, TWO_TO_64
    const float[6] EXP_SERIES
    const float[9] LOG_SERIES
    const float[5] TANH_SERIES
    const float[11] TAIL_SERIES


cdef inline float shifted32(float x) noexcept nogil:
    """x + 1.5·2^23: no fraction bits are left, so the sum is rounded to an integer, which stands
    in its low bits."""
    return x + SHIFT32


cdef inline float power_of_two32(float shifted_n, uint32_t bias) noexcept nogil:
    """2^(n + bias - 127), normal: the exponent's bits, written directly."""
    return float_of((bits_of32(shifted_n) + bias) << 23)


cdef inline real exp_series(real r) noexcept nogil:
    """(e^r - 1 - r) / r²."""
    cdef real s = EXP_SERIES[4] + r * EXP_SERIES[5]
    s = EXP_SERIES[2] + r * (EXP_SERIES[3] + r * s)
    return EXP_SERIES[0] + r * (EXP_SERIES[1] + r * s)


cdef inline float exp_by_factors32(float x, float rest, uint32_t bias, float other) noexcept nogil:
    """e^(x + rest) as 2^n e^r with n = round(x / ln 2) and r = x - n ln 2 + rest. The digits that
    r and 1 + r lose to rounding are added last. 2^n comes as 2^(n + bias - 127) and `other`: each
    has to be a normal number, also where the result is not."""
    cdef float shifted_n, n, high, low, r, one_r, lost
    shifted_n = shifted32(x * PER_LN2)
    n = shifted_n - SHIFT32
    high = x - n * LN2_HIGH
    low = rest - n * LN2_LOW
    r = high + low
    one_r = ONE + r
    lost = ((high - r) + low) + (r - (one_r - ONE))
    return (one_r + (r * r * exp_series(r) + lost)) * power_of_two32(shifted_n, bias) * other


cdef inline float exp32(float x, float rest) noexcept nogil:
    """e^(x + rest) for x <= 0 and a rest below x's last digit. 0.68 ULP, 0.76 if subnormal; 0
    below -104."""
    x = <float> -105.0 if x < -105 else x
    return exp_by_factors32(x, rest, 127 + 64, ONE / TWO_TO_64)


cdef inline float full_exp32(float x) noexcept nogil:
    """e^x for every x, as exp32 has it; infinite above 88.72."""
    cdef uint32_t bias = 127 - 64 if x > 0 else 127 + 64
    cdef float other = TWO_TO_64 if x > 0 else ONE / TWO_TO_64
    x = clamp(x, <float> -105.0, <float> 89.0)
    return exp_by_factors32(x, ZERO, bias, other)


cdef inline float expm1_32(float x) noexcept nogil:
    """e^x - 1 = 2^n (e^r - 1) + (2^n - 1), for x <= 0. 0.9 ULP."""
    cdef float shifted_n, n, r, scale
    x = <float> -30.0 if x < -30 else x
    shifted_n = shifted32(x * PER_LN2)
    n = shifted_n - SHIFT32
    r = (x - n * LN2_HIGH) - n * LN2_LOW
    scale = power_of_two32(shifted_n, 127)
    return scale * (r + r * r * exp_series(r)) + (scale - ONE)


cdef inline float full_expm1_32(float x) noexcept nogil:
    """e^x - 1 for every x; infinite above 88.72. 1.5 ULP. As 2^128 is no float32, half of 2^n is
    doubled for a large x."""
    cdef float shifted_n, n, r, scale
    cdef float z = clamp(x, <float> -30.0, <float> 89.0)
    cdef bint large = x > 60
    shifted_n = shifted32(z * PER_LN2)
    n = shifted_n - SHIFT32
    r = (z - n * LN2_HIGH) - n * LN2_LOW
    scale = power_of_two32(shifted_n, 126 if large else 127)
    z = scale * (r + r * r * exp_series(r)) + (scale - ONE)
    z = z * (TWO if large else ONE)
    return copysignf(z, x)


cdef inline float log_series(float t) noexcept nogil:
    """(t - ln(1 + t)) / t²."""
    cdef float s = LOG_SERIES[7] + t * LOG_SERIES[8]
    s = LOG_SERIES[5] + t * (LOG_SERIES[6] + t * s)
    s = LOG_SERIES[3] + t * (LOG_SERIES[4] + t * s)
    s = LOG_SERIES[1] + t * (LOG_SERIES[2] + t * s)
    return LOG_SERIES[0] + t * s


cdef inline float log1p32(float u) noexcept nogil:
    """ln(1 + u) for u in [0, 1]. Above 1/2 it is ln 2 + ln(1 + t), t = (u - 1) / 2. 0.9 ULP."""
    cdef bint upper = u > 0.5
    cdef float t = HALF * (u - ONE) if upper else u
    return (LN2_32 if upper else ZERO) + (t - t * t * log_series(t))


cdef inline float log_of_sum32(float u, float rest, float shift) noexcept nogil:
    """ln(u + rest) - shift ln 2 for a normal u > 0 and a rest below its last digit, as
    n ln 2 + ln(1 + t) + rest / u with u = 2^n (1 + t), t in [-1/4, 1/2)."""
    cdef uint32_t bits = (bits_of32(u) - bits_of32(<float> 0.75)) & 0xFF800000u
    cdef float n = <float> (<int32_t> bits >> 23) - shift
    cdef float t = float_of(bits_of32(u) - bits) - ONE
    return n * LN2_HIGH + (t - (t * t * log_series(t) - (n * LN2_LOW + rest / u)))


cdef inline real limits_of_log(real y, real x) noexcept nogil:
    """y, a logarithm of x, where x is positive and finite; else inf, -inf at 0, or NaN."""
    cdef real from_zero_on = (y if x < INFINITY else INFINITY) if x > 0 else -INFINITY
    return from_zero_on if x >= 0 else NAN


cdef inline float log32(float x) noexcept nogil:
    """ln x for every x. A subnormal x is scaled first. 1.0 ULP."""
    cdef bint small = x < <float> 1.17549435e-38
    cdef float u = x * <float> 33554432.0 if small else x
    cdef float shift = 25 if small else 0
    cdef float y = log_of_sum32(u, ZERO, shift)
    return limits_of_log(y, x)


cdef inline float full_log1p32(float x) noexcept nogil:
    """ln(1 + x) for every x. What rounding leaves of 1 + x is not lost (Knuth's two-sum).
    1.0 ULP."""
    cdef float u = ONE + x
    cdef float back = u - x
    cdef float rest = (x - (u - back)) + (ONE - back)
    cdef float y = log_of_sum32(u, rest, ZERO)
    y = limits_of_log(y, u)
    return copysignf(y, x)


cdef inline real tanh_series(real q) noexcept nogil:
    """(tanh x - x) / x³ for q = x²."""
    cdef real s = TANH_SERIES[3] + q * TANH_SERIES[4]
    return TANH_SERIES[0] + q * (TANH_SERIES[1] + q * (TANH_SERIES[2] + q * s))


cdef inline float tanh32(float x) noexcept nogil:
    """x + x³ p(x²) up to 5/8, 1 - 2 / (e^2|x| + 1) above; beyond 10 that rounds to 1. 1.3 ULP."""
    cdef float z = fabsf(x), q = x * x, shifted_n, n, r, e
    z = <float> 10.0 if z > 10 else z
    shifted_n = shifted32(TWO * z * PER_LN2)
    n = shifted_n - SHIFT32
    r = (TWO * z - n * LN2_HIGH) - n * LN2_LOW
    e = (ONE + (r + r * r * exp_series(r))) * power_of_two32(shifted_n, 127)
    z = fabsf(x)
    return copysignf(z + z * q * tanh_series(q) if z <= 0.625 else ONE - TWO / (e + ONE), x)


cdef inline real tail_series(real s) noexcept nogil:
    """(z + 5) e^(z²/2) Q(z), from which scalar.pxd makes the normal distribution."""
    cdef real p = TAIL_SERIES[8] + s * (TAIL_SERIES[9] + s * TAIL_SERIES[10])
    p = TAIL_SERIES[6] + s * (TAIL_SERIES[7] + s * p)
    p = TAIL_SERIES[4] + s * (TAIL_SERIES[5] + s * p)
    p = TAIL_SERIES[2] + s * (TAIL_SERIES[3] + s * p)
    return TAIL_SERIES[0] + s * (TAIL_SERIES[1] + s * p)
