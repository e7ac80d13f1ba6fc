"""The functions of one number that the kernels share: exp, log1p, tanh and others.

They are our own so that loops vectorise and results do not depend on the platform's libm: each is a
short series without a branch or a call, for float32 in series32.pxd and for float64 in
series64.pxd. NaN passes through all of them.
"""

from minidl._kernels.real cimport HALF, ONE, TWO, ZERO, clamp, magnitude, real
from minidl._kernels.series32 cimport (
    exp32, expm1_32, full_exp32, full_expm1_32, full_log1p32, log1p32, log32, tail_series, tanh32)
from minidl._kernels.series64 cimport (
    exp64, exp64_short, expm1_64, full_log1p64, log1p64, log64, normal_log64, sine_of_turns, tail64,
    tanh64, tanh64_short)


cdef inline real exp(real x) noexcept nogil:
    """e^x for x <= 0."""
    if real is float:
        return exp32(x, ZERO)
    else:
        return exp64(x)


cdef inline real exp_below(real x, real m) noexcept nogil:
    """e^(x - m) for x <= m; 1 if they are equal, even if they are infinite. In float32 the rounding
    error of x - m is added back (Knuth's two-sum), as e^z turns |z| eps into a relative error."""
    cdef real z = x - m
    cdef real back = z - x
    cdef real rest = (x - (z - back)) - (m + back)
    rest = rest if z > -105 else ZERO  # NaN, where z is infinite
    z = ZERO if x == m else z
    if real is float:
        return exp32(z, rest)
    else:
        return exp64(z)


cdef inline real expm1(real x) noexcept nogil:
    """e^x - 1 for x <= 0, exact to the last digits near 0."""
    if real is float:
        return expm1_32(x)
    else:
        return expm1_64(x)


cdef inline real log1p(real u) noexcept nogil:
    """ln(1 + u) for u in [0, 1]."""
    if real is float:
        return log1p32(u)
    else:
        return log1p64(u)


cdef inline real full_exp(real x) noexcept nogil:
    """e^x for every x."""
    if real is float:
        return full_exp32(x)
    else:
        return exp64(x)


cdef inline real full_expm1(real x) noexcept nogil:
    """e^x - 1 for every x."""
    if real is float:
        return full_expm1_32(x)
    else:
        return expm1_64(x)


cdef inline real log(real x) noexcept nogil:
    """ln x for every x."""
    if real is float:
        return log32(x)
    else:
        return log64(x)


cdef inline real full_log1p(real x) noexcept nogil:
    """ln(1 + x) for every x."""
    if real is float:
        return full_log1p32(x)
    else:
        return full_log1p64(x)


cdef inline real tanh(real x) noexcept nogil:
    """The hyperbolic tangent."""
    if real is float:
        return tanh32(x)
    else:
        return tanh64(x)


cdef inline double wide_exp(double x, bint short_series) noexcept nogil:
    """e^x for x <= 0; a short series is enough if the result is rounded to float32."""
    return exp64_short(x) if short_series else exp64(x)


cdef inline double wide_tanh(double x, bint short_series) noexcept nogil:
    return tanh64_short(x) if short_series else tanh64(x)


cdef inline double wide_sigmoid(double x, bint short_series) noexcept nogil:
    cdef double e = wide_exp(-magnitude(x), short_series)
    return (e if x < 0 else 1.0) / (1.0 + e)


cdef inline real bell(real x) noexcept nogil:
    """e^(-x²/2). In double precision half of x's digits are squared exactly and the rest goes into
    a factor near 1: rounding x² itself would cost a relative error of up to x²·1e-16. In float32
    that is left out, as nothing needs more than bell's absolute error, 3e-8."""
    cdef real coarse, rest
    x = clamp(x, -40, 40)
    if real is float:
        return exp(-HALF * x * x)
    else:
        coarse = <float> x
        rest = 0.5 * (x - coarse) * (x + coarse)
        return exp(-0.5 * coarse * coarse) * (1.0 - rest * (1.0 - 0.5 * rest))


cdef inline real normal_cdf(real x, real bell_x, bint short_series) noexcept nogil:
    """Phi(x), given bell(x). The tail is Q(z) = bell(z) P(s) / (z + 5) with z = |x| and
    s = (z - 5) / (z + 5); P belongs to series32 or series64."""
    cdef real five = 5, z = clamp(magnitude(x), 0, 40)
    cdef real s = (z - five) / (z + five)
    cdef real tail = bell_x * (tail_series(s) if short_series else <real> tail64(s)) / (z + five)
    return tail if x < 0 else ONE - tail
