"""The smooth activations: one section each, forward and backward next to each other.

A section is two row functions (rows.pxd says what they are given) and its line in KERNELS. Each
costs one pass over the memory it touches. "keeps y" means that backward reads the output, which
lets forward overwrite its input. A condition is written so that NaN takes the branch that hands
it on. exp, tanh and the like compute in double precision (scalar.pxd).
"""

from libc.math cimport fabs

from minidl._kernels.rows cimport row_functions
from minidl._kernels.scalar cimport (
    clamp, exp, expm1, normal_cdf, normal_density, real, sigmoid, softplus, tanh)

KERNELS = {}

cdef extern from *:
    """
    #include <math.h>
    #define FAR 750.0  /* e^-750 is 0 in double precision */
    #define GELU_A 0.79788456080286535588  /* sqrt(2 / pi) */
    #define GELU_B 0.044715
    """
    const double INFINITY, FAR, GELU_A, GELU_B


# ---- sigmoid ----------------------------------------------------------------------------------
# y = 1 / (1 + e^-x), dx = dy y (1 - y); keeps y.

cdef void sigmoid_forward(
    const real *x, const real *_, real *y, Py_ssize_t n, const double *options
) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        y[i] = <real> sigmoid(x[i])


cdef void sigmoid_backward(
    const real *y, const real *_, const real *dy, real *dx, Py_ssize_t n,
    const double *options
) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        dx[i] = dy[i] * (y[i] * (1 - y[i]))


KERNELS["sigmoid"] = row_functions(
    sigmoid_forward, sigmoid_backward, sigmoid_forward, sigmoid_backward)


# ---- tanh -------------------------------------------------------------------------------------
# y = tanh x, dx = dy (1 - y²); keeps y.

cdef void tanh_forward(
    const real *x, const real *_, real *y, Py_ssize_t n, const double *options
) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        y[i] = <real> tanh(x[i])


cdef void tanh_backward(
    const real *y, const real *_, const real *dy, real *dx, Py_ssize_t n,
    const double *options
) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        dx[i] = dy[i] * ((1 - y[i]) * (1 + y[i]))


KERNELS["tanh"] = row_functions(
    tanh_forward, tanh_backward, tanh_forward, tanh_backward)


# ---- lecun_tanh -------------------------------------------------------------------------------
# y = A tanh(2x / 3), A = 1.7159, dx = dy (2 / 3A) (A - y) (A + y); keeps y.

cdef void lecun_tanh_forward(
    const real *x, const real *_, real *y, Py_ssize_t n, const double *options
) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        y[i] = <real> (1.7159 * tanh(x[i] * (2.0 / 3.0)))


cdef void lecun_tanh_backward(
    const real *y, const real *_, const real *dy, real *dx, Py_ssize_t n,
    const double *options
) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        dx[i] = <real> (dy[i] * (2.0 / (3.0 * 1.7159)) * (1.7159 - y[i]) * (1.7159 + y[i]))


KERNELS["lecun_tanh"] = row_functions(
    lecun_tanh_forward, lecun_tanh_backward, lecun_tanh_forward, lecun_tanh_backward)


# ---- softsign ---------------------------------------------------------------------------------
# y = x / (1 + |x|), dx = dy (1 - |y|)²; keeps y.
# The clamp turns ±inf into the limit ±1, where inf / inf would give NaN.

cdef void softsign_forward(
    const real *x, const real *_, real *y, Py_ssize_t n, const double *options
) noexcept nogil:
    cdef Py_ssize_t i
    cdef double finite
    for i in range(n):
        finite = clamp(x[i], -1e308, 1e308)
        y[i] = <real> (finite / (1.0 + fabs(finite)))


cdef void softsign_backward(
    const real *y, const real *_, const real *dy, real *dx, Py_ssize_t n,
    const double *options
) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        dx[i] = <real> (dy[i] * (1.0 - fabs(y[i])) * (1.0 - fabs(y[i])))


KERNELS["softsign"] = row_functions(
    softsign_forward, softsign_backward, softsign_forward, softsign_backward)


# ---- softplus ---------------------------------------------------------------------------------
# y = ln(1 + e^x), dx = dy sigmoid(x) = dy (1 - e^-y); keeps y.

cdef void softplus_forward(
    const real *x, const real *_, real *y, Py_ssize_t n, const double *options
) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        y[i] = <real> softplus(x[i])


cdef void softplus_backward(
    const real *y, const real *_, const real *dy, real *dx, Py_ssize_t n,
    const double *options
) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        dx[i] = <real> (dy[i] * -expm1(-y[i]))


KERNELS["softplus"] = row_functions(
    softplus_forward, softplus_backward, softplus_forward, softplus_backward)


# ---- log_sigmoid ------------------------------------------------------------------------------
# y = -ln(1 + e^-x), dx = dy sigmoid(-x) = dy (1 - e^y); keeps y.

cdef void log_sigmoid_forward(
    const real *x, const real *_, real *y, Py_ssize_t n, const double *options
) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        y[i] = <real> -softplus(-x[i])


cdef void log_sigmoid_backward(
    const real *y, const real *_, const real *dy, real *dx, Py_ssize_t n,
    const double *options
) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        dx[i] = <real> (dy[i] * -expm1(y[i]))


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
        y[i] = <real> (clamp(x[i], -FAR, INFINITY) * sigmoid(x[i]))


cdef void silu_backward(
    const real *x, const real *_, const real *dy, real *dx, Py_ssize_t n,
    const double *options
) noexcept nogil:
    cdef Py_ssize_t i
    cdef double s
    for i in range(n):
        s = sigmoid(x[i])
        dx[i] = <real> (dy[i] * s * (1.0 + clamp(x[i], -FAR, FAR) * (1.0 - s)))


KERNELS["silu"] = row_functions(
    silu_forward, silu_backward, silu_forward, silu_backward)


cdef inline double tanh_softplus(double x) noexcept nogil:
    """tanh(ln(1 + e^x)) as a quotient in q = e^-|x|, which cannot overflow."""
    cdef double q = exp(-fabs(x))
    cdef double top = q * (q + 2.0) if x < 0 else 1.0 + 2.0 * q
    return top / (top + (2.0 if x < 0 else 2.0 * q * q))


# ---- mish -------------------------------------------------------------------------------------
# y = x t, t = tanh(softplus(x)), dx = dy (t + x sigmoid(x) (1 - t²)); keeps x.

cdef void mish_forward(
    const real *x, const real *_, real *y, Py_ssize_t n, const double *options
) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        y[i] = <real> (clamp(x[i], -FAR, INFINITY) * tanh_softplus(x[i]))


cdef void mish_backward(
    const real *x, const real *_, const real *dy, real *dx, Py_ssize_t n,
    const double *options
) noexcept nogil:
    cdef Py_ssize_t i
    cdef double t
    for i in range(n):
        t = tanh_softplus(x[i])
        dx[i] = <real> (
            dy[i] * (t + clamp(x[i], -FAR, FAR) * sigmoid(x[i]) * (1.0 - t) * (1.0 + t)))


KERNELS["mish"] = row_functions(
    mish_forward, mish_backward, mish_forward, mish_backward)


cdef inline double gelu_inner(double x) noexcept nogil:
    return GELU_A * (x + GELU_B * x * x * x)


# ---- gelu -------------------------------------------------------------------------------------
# y = x Phi(x), dx = dy (Phi(x) + x phi(x)); keeps x.
# The approximation puts sigmoid(2 u) for Phi(x), u = sqrt(2/pi) (x + 0.044715 x³), which is
# the usual (1 + tanh u) / 2 without its cancellation for negative x.

cdef void gelu_forward(
    const real *x, const real *_, real *y, Py_ssize_t n, const double *options
) noexcept nogil:
    cdef Py_ssize_t i
    cdef bint approximate = options[0] != 0
    if approximate:
        for i in range(n):
            y[i] = <real> (clamp(x[i], -FAR, INFINITY) * sigmoid(2.0 * gelu_inner(x[i])))
    else:
        for i in range(n):
            y[i] = <real> (clamp(x[i], -FAR, INFINITY) * normal_cdf(x[i]))


cdef void gelu_backward(
    const real *x, const real *_, const real *dy, real *dx, Py_ssize_t n,
    const double *options
) noexcept nogil:
    cdef Py_ssize_t i
    cdef bint approximate = options[0] != 0
    cdef double e, s, t, z
    if approximate:
        for i in range(n):
            z = clamp(x[i], -FAR, FAR)
            t = 2.0 * gelu_inner(z)
            e = exp(-fabs(t))
            s = (e if t < 0 else 1.0) / (1.0 + e)
            # s (1 - s) = e / (1 + e)², without rounding 1 - s for large t.
            dx[i] = <real> (dy[i] * (s + z * e / ((1.0 + e) * (1.0 + e))
                                     * (2.0 * GELU_A) * (1.0 + 3.0 * GELU_B * z * z)))
    else:
        for i in range(n):
            z = clamp(x[i], -FAR, FAR)
            dx[i] = <real> (dy[i] * (normal_cdf(z) + z * normal_density(z)))


KERNELS["gelu"] = row_functions(
    gelu_forward, gelu_backward, gelu_forward, gelu_backward)
