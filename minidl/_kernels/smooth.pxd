"""The smooth activations: a section each, of two formulas for one number (see piecewise.pxd).

A condition is written so that NaN takes the branch that passes it on. float32 is computed in
float32, except where its roundings would add up to more than 2 ULP.
"""

from minidl._kernels.scalar cimport (
    ONE, TWO, ZERO, bell, clamp, exp, expm1, log1p, magnitude, normal_cdf, real, tanh, wide_exp,
    wide_sigmoid, wide_tanh)

cdef extern from *:
    """
    #include <math.h>
    #define DENSITY_AT_0 0.3989422804014327  /* 1 / sqrt(2 pi) */
    #define GELU_A 0.79788456080286535588  /* sqrt(2 / pi) */
    #define GELU_B 0.044715
    """
    const double INFINITY, DENSITY_AT_0, GELU_A, GELU_B

cdef enum:
    FAR = 750  # e^-750 is 0 in double precision


# ---- sigmoid ----------------------------------------------------------------------------------
# y = 1 / (1 + e^-x), dx = dy y (1 - y).
# Through e = e^-|x|, so that nothing overflows on the way to a small result. Far out e / (1 + e) is
# e - e · e / (1 + e), which avoids the digits that 1 + e rounds off. float32: 1.8 ULP.

cdef inline real sigmoid_forward(real x) noexcept nogil:
    cdef real e = exp(-magnitude(x))
    cdef real y = (e if x < 0 else ONE) / (ONE + e)
    return e - e * y if x < -1.5 else y


cdef inline real sigmoid_backward(real y, real dy) noexcept nogil:
    return dy * (y * (ONE - y))


# ---- tanh -------------------------------------------------------------------------------------
# y = tanh x, dx = dy (1 - y²).

cdef inline real tanh_forward(real x) noexcept nogil:
    return tanh(x)


cdef inline real tanh_backward(real y, real dy) noexcept nogil:
    return dy * ((ONE - y) * (ONE + y))


# ---- lecun_tanh -------------------------------------------------------------------------------
# y = A tanh(2x / 3), A = 1.7159, dx = dy (2 / 3A) (A - y) (A + y).

cdef inline real lecun_tanh_forward(real x) noexcept nogil:
    return <real> (1.7159 * wide_tanh(x * (2.0 / 3.0), sizeof(real) == 4))


cdef inline real lecun_tanh_backward(real y, real dy) noexcept nogil:
    cdef real a = <real> 1.7159
    return dy * <real> (2.0 / (3.0 * 1.7159)) * (a - y) * (a + y)


# ---- softsign ---------------------------------------------------------------------------------
# y = x / (1 + |x|), dx = dy (1 - |y|)².
# The clamp turns ±inf into the limit ±1, where inf / inf would give NaN.

cdef inline real softsign_forward(real x) noexcept nogil:
    x = clamp(x, <real> -1e38, <real> 1e38)
    return x / (ONE + magnitude(x))


cdef inline real softsign_backward(real y, real dy) noexcept nogil:
    return dy * (ONE - magnitude(y)) * (ONE - magnitude(y))


# ---- softplus ---------------------------------------------------------------------------------
# y = ln(1 + e^x) = max(x, 0) + ln(1 + e^-|x|), dx = dy sigmoid(x) = dy (1 - e^-y).
# float32: 1.6 ULP.

cdef inline real softplus_forward(real x) noexcept nogil:
    return (x if x > 0 else ZERO) + log1p(exp(-magnitude(x)))


cdef inline real softplus_backward(real y, real dy) noexcept nogil:
    return dy * -expm1(-y)


# ---- log_sigmoid ------------------------------------------------------------------------------
# y = -ln(1 + e^-x), dx = dy sigmoid(-x) = dy (1 - e^y).

cdef inline real log_sigmoid_forward(real x) noexcept nogil:
    return -softplus_forward(-x)


cdef inline real log_sigmoid_backward(real y, real dy) noexcept nogil:
    return dy * -expm1(y)


# ---- silu -------------------------------------------------------------------------------------
# y = x s, s = sigmoid(x), dx = dy s (1 + x (1 - s)).
# Beyond FAR the sigmoid is 0 or 1; the clamp keeps inf · 0 from giving NaN.

cdef inline real silu_forward(real x) noexcept nogil:
    return <real> (clamp(x, -FAR, <real> INFINITY) * wide_sigmoid(x, sizeof(real) == 4))


cdef inline real silu_backward(real x, real dy) noexcept nogil:
    cdef real s = sigmoid_forward(x)
    return dy * s * (ONE + clamp(x, -FAR, FAR) * (ONE - s))


# ---- mish -------------------------------------------------------------------------------------
# y = x t, t = tanh(softplus(x)), dx = dy (t + x sigmoid(x) (1 - t²)).

cdef inline real tanh_softplus(real x, real q) noexcept nogil:
    """tanh(ln(1 + e^x)) as a quotient in q = e^-|x|, which cannot overflow."""
    cdef real top = q * (q + TWO) if x < 0 else ONE + TWO * q
    return top / (top + (TWO if x < 0 else TWO * q * q))


cdef inline real mish_forward(real x) noexcept nogil:
    cdef double z = x, q = wide_exp(-magnitude(z), sizeof(real) == 4)
    return <real> (clamp(z, -FAR, INFINITY) * tanh_softplus(z, q))


cdef inline real mish_backward(real x, real dy) noexcept nogil:
    cdef real q = exp(-magnitude(x))
    cdef real s = (q if x < 0 else ONE) / (ONE + q)
    cdef real t = tanh_softplus(x, q)
    return dy * (t + clamp(x, -FAR, FAR) * s * (ONE - t) * (ONE + t))


# ---- gelu -------------------------------------------------------------------------------------
# y = x Phi(x), dx = dy (Phi(x) + x phi(x)).
# The approximation puts sigmoid(2 u) for Phi(x), u = sqrt(2/pi) (x + 0.044715 x³), which is
# the usual (1 + tanh u) / 2 without its cancellation for negative x.

cdef inline real gelu_inner(real x) noexcept nogil:
    return <real> GELU_A * (x + <real> GELU_B * x * x * x)


cdef inline real gelu_forward(real x, bint approximate) noexcept nogil:
    cdef bint short_series = sizeof(real) == 4
    cdef double z, e, s
    if approximate:
        s = wide_sigmoid(2.0 * gelu_inner(<double> x), short_series)
        return <real> (clamp(x, -FAR, <real> INFINITY) * s)
    z = clamp(x, -FAR, <real> INFINITY)
    # The square of a float32 number has room in double precision.
    e = wide_exp(-0.5 * z * z, True) if short_series else bell(z)
    return <real> (z * normal_cdf(z, e, short_series))


cdef inline real gelu_backward(real x, real dy, bint approximate) noexcept nogil:
    cdef real z = clamp(x, -FAR, FAR), e, s, t
    if approximate:
        t = TWO * gelu_inner(z)
        e = exp(-magnitude(t))
        s = (e if t < 0 else ONE) / (ONE + e)
        # s (1 - s) = e / (1 + e)², without rounding 1 - s for large t.
        return dy * (s + z * e / ((ONE + e) * (ONE + e))
                     * <real> (2.0 * GELU_A) * (ONE + <real> (3.0 * GELU_B) * z * z))
    e = bell(z)
    return dy * (normal_cdf(z, e, sizeof(real) == 4) + z * e * <real> DENSITY_AT_0)
