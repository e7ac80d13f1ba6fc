"""The activations made of pieces: one section each, forward and backward next to each other.

A section is two row functions (rows.pxd says what they are given) and its line in KERNELS. Each
costs one pass over the memory it touches. "keeps y" means that backward reads the output, which
lets forward overwrite its input. A condition is written so that NaN takes the branch that hands
it on, and gives a number that was read already: then the loop has no branch and vectorises.
"""

from minidl._kernels.rows cimport row_functions
from minidl._kernels.scalar cimport ONE, ZERO, clamp, expm1, real

KERNELS = {}

cdef extern from *:
    """
    #define SELU_SCALE 1.0507009873554804934193349852946
    #define SELU_ALPHA 1.6732632423543772848170429916717
    """
    const double SELU_SCALE, SELU_ALPHA


# ---- relu -------------------------------------------------------------------------------------
# y = max(0, x), dx = dy where y > 0, else 0; keeps y.
# The slope at 0 is 0.

cdef void relu_forward(
    const real *x, const real *_, real *y, Py_ssize_t n, const double *options
) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        y[i] = ZERO if x[i] <= 0 else x[i]


cdef void relu_backward(
    const real *y, const real *_, const real *dy, real *dx, Py_ssize_t n,
    const double *options
) noexcept nogil:
    cdef Py_ssize_t i
    cdef real g
    for i in range(n):
        g = dy[i]
        dx[i] = ZERO if y[i] <= 0 else g


KERNELS["relu"] = row_functions(
    relu_forward, relu_backward, relu_forward, relu_backward)


# ---- leaky_relu -------------------------------------------------------------------------------
# y = x where x > 0, else slope · x; dx = slope · dy where y <= 0, else dy; keeps y.
# The slope at 0 is the negative side's. It is positive, so y has the sign of x.

cdef void leaky_relu_forward(
    const real *x, const real *_, real *y, Py_ssize_t n, const double *options
) noexcept nogil:
    cdef Py_ssize_t i
    cdef real slope = <real> options[0]
    for i in range(n):
        y[i] = x[i] if x[i] > 0 else slope * x[i]


cdef void leaky_relu_backward(
    const real *y, const real *_, const real *dy, real *dx, Py_ssize_t n,
    const double *options
) noexcept nogil:
    cdef Py_ssize_t i
    cdef real slope = <real> options[0], sloped
    for i in range(n):
        sloped = slope * dy[i]
        dx[i] = sloped if y[i] <= 0 else dy[i]


KERNELS["leaky_relu"] = row_functions(
    leaky_relu_forward, leaky_relu_backward, leaky_relu_forward, leaky_relu_backward)


# ---- relu6 ------------------------------------------------------------------------------------
# y = min(max(0, x), 6), dx = dy where 0 < y < 6, else 0; keeps y.
# The slope at 0 and at 6 is 0.

cdef void relu6_forward(
    const real *x, const real *_, real *y, Py_ssize_t n, const double *options
) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        y[i] = clamp(x[i], 0, 6)


cdef void relu6_backward(
    const real *y, const real *_, const real *dy, real *dx, Py_ssize_t n,
    const double *options
) noexcept nogil:
    cdef Py_ssize_t i
    cdef real g
    for i in range(n):
        g = dy[i]
        dx[i] = ZERO if (y[i] <= 0) | (y[i] >= 6) else g


KERNELS["relu6"] = row_functions(
    relu6_forward, relu6_backward, relu6_forward, relu6_backward)


# ---- hard_tanh --------------------------------------------------------------------------------
# y = min(max(-1, x), 1), dx = dy where -1 < y < 1, else 0; keeps y.
# The slope at -1 and at 1 is 0.

cdef void hard_tanh_forward(
    const real *x, const real *_, real *y, Py_ssize_t n, const double *options
) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        y[i] = clamp(x[i], -1, 1)


cdef void hard_tanh_backward(
    const real *y, const real *_, const real *dy, real *dx, Py_ssize_t n,
    const double *options
) noexcept nogil:
    cdef Py_ssize_t i
    cdef real g
    for i in range(n):
        g = dy[i]
        dx[i] = ZERO if (y[i] <= -1) | (y[i] >= 1) else g


KERNELS["hard_tanh"] = row_functions(
    hard_tanh_forward, hard_tanh_backward, hard_tanh_forward, hard_tanh_backward)


# ---- hard_sigmoid -----------------------------------------------------------------------------
# y = min(max(0, x + 3), 6) / 6, dx = dy / 6 where -3 < x < 3, else 0; keeps x.
# Keeps x: just inside a kink y already rounds to 0 or 1. The slope at -3 and at 3 is 0.

cdef void hard_sigmoid_forward(
    const real *x, const real *_, real *y, Py_ssize_t n, const double *options
) noexcept nogil:
    cdef Py_ssize_t i
    cdef real three = 3, six = 6
    for i in range(n):
        y[i] = clamp(x[i] + three, 0, 6) / six


cdef void hard_sigmoid_backward(
    const real *x, const real *_, const real *dy, real *dx, Py_ssize_t n,
    const double *options
) noexcept nogil:
    cdef Py_ssize_t i
    cdef real six = 6, g
    for i in range(n):
        g = dy[i] / six
        dx[i] = ZERO if (x[i] <= -3) | (x[i] >= 3) else g


KERNELS["hard_sigmoid"] = row_functions(
    hard_sigmoid_forward, hard_sigmoid_backward, hard_sigmoid_forward, hard_sigmoid_backward)


# ---- elu --------------------------------------------------------------------------------------
# y = x where x > 0, else a (e^x - 1); dx = dy or dy (y + a); keeps y.
# The slope at 0 is the negative side's, a.

cdef void elu_forward(
    const real *x, const real *_, real *y, Py_ssize_t n, const double *options
) noexcept nogil:
    cdef Py_ssize_t i
    cdef double a = options[0]
    for i in range(n):
        y[i] = x[i] if x[i] > 0 else <real> (a * expm1(x[i]))


cdef void elu_backward(
    const real *y, const real *_, const real *dy, real *dx, Py_ssize_t n,
    const double *options
) noexcept nogil:
    cdef Py_ssize_t i
    cdef real a = <real> options[0]
    for i in range(n):
        dx[i] = dy[i] if y[i] > 0 else dy[i] * (y[i] + a)


KERNELS["elu"] = row_functions(
    elu_forward, elu_backward, elu_forward, elu_backward)


# ---- selu -------------------------------------------------------------------------------------
# y = s x where x > 0, else s a (e^x - 1); dx = s dy or dy (y + s a); keeps y.
# The slope at 0 is the negative side's, s a.

cdef void selu_forward(
    const real *x, const real *_, real *y, Py_ssize_t n, const double *options
) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        y[i] = <real> (SELU_SCALE * (x[i] if x[i] > 0 else SELU_ALPHA * expm1(x[i])))


cdef void selu_backward(
    const real *y, const real *_, const real *dy, real *dx, Py_ssize_t n,
    const double *options
) noexcept nogil:
    cdef Py_ssize_t i
    cdef real s = <real> SELU_SCALE, sa = <real> (SELU_SCALE * SELU_ALPHA)
    for i in range(n):
        dx[i] = dy[i] * (s if y[i] > 0 else y[i] + sa)


KERNELS["selu"] = row_functions(
    selu_forward, selu_backward, selu_forward, selu_backward)


# ---- celu -------------------------------------------------------------------------------------
# y = x where x > 0, else a (e^(x/a) - 1); dx = dy or dy (1 + y / a); keeps y.

cdef void celu_forward(
    const real *x, const real *_, real *y, Py_ssize_t n, const double *options
) noexcept nogil:
    cdef Py_ssize_t i
    cdef double a = options[0], inverse = 1.0 / a
    for i in range(n):
        y[i] = x[i] if x[i] > 0 else <real> (a * expm1(<real> (inverse * x[i])))


cdef void celu_backward(
    const real *y, const real *_, const real *dy, real *dx, Py_ssize_t n,
    const double *options
) noexcept nogil:
    cdef Py_ssize_t i
    cdef real inverse = <real> (1.0 / options[0])
    for i in range(n):
        dx[i] = dy[i] if y[i] > 0 else dy[i] * (ONE + inverse * y[i])


KERNELS["celu"] = row_functions(
    celu_forward, celu_backward, celu_forward, celu_backward)
