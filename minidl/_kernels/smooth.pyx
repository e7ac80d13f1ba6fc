"""The smooth activations: one section each, forward and backward next to each other.

A section is two row functions (rows.pxd says what they are given) and its line in KERNELS. Each
costs one pass over the memory it touches. "keeps y" means that backward reads the output, which
lets forward overwrite its input. A condition is written so that NaN takes the branch that hands
it on. float32 computes in float32, but where its roundings would add up to more than 2 ULP.
"""

from minidl._kernels.rows cimport row_functions
from minidl._kernels.scalar cimport (
    ONE, TWO, bell, clamp, exp, expm1, magnitude, normal_cdf, real, sigmoid, softplus, tanh,
    wide_exp, wide_sigmoid, wide_tanh)

KERNELS = {}

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
# y = 1 / (1 + e^-x), dx = dy y (1 - y); keeps y.

cdef void sigmoid_forward(
    const real *x, const real *_, real *y, Py_ssize_t n, const double *options
) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        y[i] = sigmoid(x[i])


cdef void sigmoid_backward(
    const real *y, const real *_, const real *dy, real *dx, Py_ssize_t n,
    const double *options
) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        dx[i] = dy[i] * (y[i] * (ONE - y[i]))


KERNELS["sigmoid"] = row_functions(
    sigmoid_forward, sigmoid_backward, sigmoid_forward, sigmoid_backward)


# ---- tanh -------------------------------------------------------------------------------------
# y = tanh x, dx = dy (1 - y²); keeps y.

cdef void tanh_forward(
    const real *x, const real *_, real *y, Py_ssize_t n, const double *options
) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        y[i] = tanh(x[i])


cdef void tanh_backward(
    const real *y, const real *_, const real *dy, real *dx, Py_ssize_t n,
    const double *options
) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        dx[i] = dy[i] * ((ONE - y[i]) * (ONE + y[i]))


KERNELS["tanh"] = row_functions(
    tanh_forward, tanh_backward, tanh_forward, tanh_backward)


# ---- lecun_tanh -------------------------------------------------------------------------------
# y = A tanh(2x / 3), A = 1.7159, dx = dy (2 / 3A) (A - y) (A + y); keeps y.

cdef void lecun_tanh_forward(
    const real *x, const real *_, real *y, Py_ssize_t n, const double *options
) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        y[i] = <real> (1.7159 * wide_tanh(x[i] * (2.0 / 3.0), sizeof(real) == 4))


cdef void lecun_tanh_backward(
    const real *y, const real *_, const real *dy, real *dx, Py_ssize_t n,
    const double *options
) noexcept nogil:
    cdef Py_ssize_t i
    cdef real a = <real> 1.7159, factor = <real> (2.0 / (3.0 * 1.7159))
    for i in range(n):
        dx[i] = dy[i] * factor * (a - y[i]) * (a + y[i])


KERNELS["lecun_tanh"] = row_functions(
    lecun_tanh_forward, lecun_tanh_backward, lecun_tanh_forward, lecun_tanh_backward)


# ---- softsign ---------------------------------------------------------------------------------
# y = x / (1 + |x|), dx = dy (1 - |y|)²; keeps y.
# The clamp turns ±inf into the limit ±1, where inf / inf would give NaN.

cdef void softsign_forward(
    const real *x, const real *_, real *y, Py_ssize_t n, const double *options
) noexcept nogil:
    cdef Py_ssize_t i
    cdef real finite
    for i in range(n):
        finite = clamp(x[i], <real> -1e38, <real> 1e38)
        y[i] = finite / (ONE + magnitude(finite))


cdef void softsign_backward(
    const real *y, const real *_, const real *dy, real *dx, Py_ssize_t n,
    const double *options
) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        dx[i] = dy[i] * (ONE - magnitude(y[i])) * (ONE - magnitude(y[i]))


KERNELS["softsign"] = row_functions(
    softsign_forward, softsign_backward, softsign_forward, softsign_backward)


# ---- softplus ---------------------------------------------------------------------------------
# y = ln(1 + e^x), dx = dy sigmoid(x) = dy (1 - e^-y); keeps y.

cdef void softplus_forward(
    const real *x, const real *_, real *y, Py_ssize_t n, const double *options
) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        y[i] = softplus(x[i])


cdef void softplus_backward(
    const real *y, const real *_, const real *dy, real *dx, Py_ssize_t n,
    const double *options
) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        dx[i] = dy[i] * -expm1(-y[i])


KERNELS["softplus"] = row_functions(
    softplus_forward, softplus_backward, softplus_forward, softplus_backward)


# ---- log_sigmoid ------------------------------------------------------------------------------
# y = -ln(1 + e^-x), dx = dy sigmoid(-x) = dy (1 - e^y); keeps y.

cdef void log_sigmoid_forward(
    const real *x, const real *_, real *y, Py_ssize_t n, const double *options
) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        y[i] = -softplus(-x[i])


cdef void log_sigmoid_backward(
    const real *y, const real *_, const real *dy, real *dx, Py_ssize_t n,
    const double *options
) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        dx[i] = dy[i] * -expm1(y[i])


KERNELS["log_sigmoid"] = row_functions(
    log_sigmoid_forward, log_sigmoid_backward, log_sigmoid_forward, log_sigmoid_backward)


# ---- silu -------------------------------------------------------------------------------------
# y = x s, s = sigmoid(x), dx = dy s (1 + x (1 - s)); keeps x.
# Beyond FAR the sigmoid is 0 or 1; the clamp keeps inf · 0 from giving NaN.

cdef void silu_forward(
    const real *x, const real *_, real *y, Py_ssize_t n, const double *options
) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        y[i] = <real> (clamp(x[i], -FAR, <real> INFINITY) * wide_sigmoid(x[i], sizeof(real) == 4))


cdef void silu_backward(
    const real *x, const real *_, const real *dy, real *dx, Py_ssize_t n,
    const double *options
) noexcept nogil:
    cdef Py_ssize_t i
    cdef real s
    for i in range(n):
        s = sigmoid(x[i])
        dx[i] = dy[i] * s * (ONE + clamp(x[i], -FAR, FAR) * (ONE - s))


KERNELS["silu"] = row_functions(
    silu_forward, silu_backward, silu_forward, silu_backward)


cdef inline real tanh_softplus(real x, real q) noexcept nogil:
    """tanh(ln(1 + e^x)) as a quotient in q = e^-|x|, which cannot overflow."""
    cdef real top = q * (q + TWO) if x < 0 else ONE + TWO * q
    return top / (top + (TWO if x < 0 else TWO * q * q))


# ---- mish -------------------------------------------------------------------------------------
# y = x t, t = tanh(softplus(x)), dx = dy (t + x sigmoid(x) (1 - t²)); keeps x.

cdef void mish_forward(
    const real *x, const real *_, real *y, Py_ssize_t n, const double *options
) noexcept nogil:
    cdef Py_ssize_t i
    cdef double q
    for i in range(n):
        q = wide_exp(-magnitude(x[i]), sizeof(real) == 4)
        y[i] = <real> (clamp(x[i], -FAR, <real> INFINITY) * tanh_softplus(<double> x[i], q))


cdef void mish_backward(
    const real *x, const real *_, const real *dy, real *dx, Py_ssize_t n,
    const double *options
) noexcept nogil:
    cdef Py_ssize_t i
    cdef real q, s, t
    for i in range(n):
        q = exp(-magnitude(x[i]))
        s = (q if x[i] < 0 else ONE) / (ONE + q)
        t = tanh_softplus(x[i], q)
        dx[i] = dy[i] * (t + clamp(x[i], -FAR, FAR) * s * (ONE - t) * (ONE + t))


KERNELS["mish"] = row_functions(
    mish_forward, mish_backward, mish_forward, mish_backward)


cdef inline real gelu_inner(real x) noexcept nogil:
    return <real> GELU_A * (x + <real> GELU_B * x * x * x)


# ---- gelu -------------------------------------------------------------------------------------
# y = x Phi(x), dx = dy (Phi(x) + x phi(x)); keeps x.
# The approximation puts sigmoid(2 u) for Phi(x), u = sqrt(2/pi) (x + 0.044715 x³), which is
# the usual (1 + tanh u) / 2 without its cancellation for negative x.

cdef void gelu_forward(
    const real *x, const real *_, real *y, Py_ssize_t n, const double *options
) noexcept nogil:
    cdef Py_ssize_t i
    cdef bint approximate = options[0] != 0, short_series = sizeof(real) == 4
    cdef double z, e, share
    if approximate:
        for i in range(n):
            share = wide_sigmoid(2.0 * gelu_inner(<double> x[i]), short_series)
            y[i] = <real> (clamp(x[i], -FAR, <real> INFINITY) * share)
    else:
        for i in range(n):
            z = clamp(x[i], -FAR, <real> INFINITY)
            # The square of a float32 number has room in double precision.
            e = wide_exp(-0.5 * z * z, True) if short_series else bell(z)
            y[i] = <real> (z * normal_cdf(z, e, short_series))


cdef void gelu_backward(
    const real *x, const real *_, const real *dy, real *dx, Py_ssize_t n,
    const double *options
) noexcept nogil:
    cdef Py_ssize_t i
    cdef bint approximate = options[0] != 0, short_series = sizeof(real) == 4
    cdef real e, s, t, z
    if approximate:
        for i in range(n):
            z = clamp(x[i], -FAR, FAR)
            t = TWO * gelu_inner(z)
            e = exp(-magnitude(t))
            s = (e if t < 0 else ONE) / (ONE + e)
            # s (1 - s) = e / (1 + e)², without rounding 1 - s for large t.
            dx[i] = dy[i] * (s + z * e / ((ONE + e) * (ONE + e))
                             * <real> (2.0 * GELU_A) * (ONE + <real> (3.0 * GELU_B) * z * z))
    else:
        for i in range(n):
            z = clamp(x[i], -FAR, FAR)
            e = bell(z)
            dx[i] = dy[i] * (normal_cdf(z, e, short_series) + z * e * <real> DENSITY_AT_0)


KERNELS["gelu"] = row_functions(
    gelu_forward, gelu_backward, gelu_forward, gelu_backward)
