"""The activations made of pieces: a section each, of two formulas for one number.

    NAME_forward(x)        y
    NAME_backward(x, dy)   dx; or from y and dy, and then forward may overwrite its input

Both may take one more number: the activation's option (a double, or a bint for a choice), or the
slope that PReLU learns for the unit (a real). The loops are in pointwise.pyx.in. A condition is
written so that NaN takes the branch that passes it on, and chooses between numbers that exist
already: then the loop has no branch and vectorises.
"""

from minidl._kernels.scalar cimport ONE, ZERO, clamp, expm1, real

cdef extern from *:
    """
    #define SELU_SCALE 1.0507009873554804934193349852946
    #define SELU_ALPHA 1.6732632423543772848170429916717
    """
    const double SELU_SCALE, SELU_ALPHA


# ---- relu -------------------------------------------------------------------------------------
# y = max(0, x), dx = dy where y > 0, else 0. The slope at 0 is 0.

cdef inline real relu_forward(real x) noexcept nogil:
    return ZERO if x <= 0 else x


cdef inline real relu_backward(real y, real dy) noexcept nogil:
    return ZERO if y <= 0 else dy


# ---- leaky_relu -------------------------------------------------------------------------------
# y = x where x > 0, else a x, dx = dy where y > 0, else a dy, with a = negative_slope.
# The slope at 0 is a. It is positive, so y has the sign of x.

cdef inline real leaky_relu_forward(real x, double negative_slope) noexcept nogil:
    return x if x > 0 else <real> negative_slope * x


cdef inline real leaky_relu_backward(real y, real dy, double negative_slope) noexcept nogil:
    cdef real sloped = <real> negative_slope * dy
    return sloped if y <= 0 else dy


# ---- prelu ------------------------------------------------------------------------------------
# y = x where x > 0, else a x, dx = dy where x > 0, else a dy, with the unit's own a; prelu.pyx has
# its gradient. It reads x: a learned slope may turn negative, and y then loses the sign of x.

cdef inline real prelu_forward(real x, real slope) noexcept nogil:
    cdef real sloped = slope * x
    return x if x > 0 else sloped


cdef inline real prelu_backward(real x, real dy, real slope) noexcept nogil:
    cdef real sloped = slope * dy
    return sloped if x <= 0 else dy


# ---- relu6 ------------------------------------------------------------------------------------
# y = min(max(0, x), 6), dx = dy where 0 < y < 6, else 0. The slope at 0 and at 6 is 0.

cdef inline real relu6_forward(real x) noexcept nogil:
    return clamp(x, 0, 6)


cdef inline real relu6_backward(real y, real dy) noexcept nogil:
    return ZERO if (y <= 0) | (y >= 6) else dy


# ---- hard_tanh --------------------------------------------------------------------------------
# y = min(max(-1, x), 1), dx = dy where -1 < y < 1, else 0. The slope at -1 and at 1 is 0.

cdef inline real hard_tanh_forward(real x) noexcept nogil:
    return clamp(x, -1, 1)


cdef inline real hard_tanh_backward(real y, real dy) noexcept nogil:
    return ZERO if (y <= -1) | (y >= 1) else dy


# ---- hard_sigmoid -----------------------------------------------------------------------------
# y = min(max(0, x + 3), 6) / 6, dx = dy / 6 where -3 < x < 3, else 0. The slope at -3 and at 3
# is 0. It reads x: just inside a kink y already rounds to 0 or 1.

cdef inline real hard_sigmoid_forward(real x) noexcept nogil:
    return clamp(x + 3, 0, 6) / 6


cdef inline real hard_sigmoid_backward(real x, real dy) noexcept nogil:
    cdef real sixth = dy / 6
    return ZERO if (x <= -3) | (x >= 3) else sixth


# ---- elu --------------------------------------------------------------------------------------
# y = x where x > 0, else a (e^x - 1), dx = dy or dy (y + a). The slope at 0 is a.

cdef inline real elu_forward(real x, double alpha) noexcept nogil:
    return x if x > 0 else <real> (alpha * expm1(x))


cdef inline real elu_backward(real y, real dy, double alpha) noexcept nogil:
    return dy if y > 0 else dy * (y + <real> alpha)


# ---- selu -------------------------------------------------------------------------------------
# y = s x where x > 0, else s a (e^x - 1), dx = s dy or dy (y + s a). The slope at 0 is s a.

cdef inline real selu_forward(real x) noexcept nogil:
    return <real> (SELU_SCALE * (x if x > 0 else SELU_ALPHA * expm1(x)))


cdef inline real selu_backward(real y, real dy) noexcept nogil:
    return dy * (<real> SELU_SCALE if y > 0 else y + <real> (SELU_SCALE * SELU_ALPHA))


# ---- celu -------------------------------------------------------------------------------------
# y = x where x > 0, else a (e^(x / a) - 1), dx = dy or dy (1 + y / a).

cdef inline real celu_forward(real x, double alpha) noexcept nogil:
    return x if x > 0 else <real> (alpha * expm1(<real> (1.0 / alpha * x)))


cdef inline real celu_backward(real y, real dy, double alpha) noexcept nogil:
    return dy if y > 0 else dy * (ONE + <real> (1.0 / alpha) * y)
