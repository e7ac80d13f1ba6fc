"""Exercise 7: an activation in the kernels.

Squareplus is a ReLU with a round corner, without an exponential:

    y = (x + s) / 2,  s = sqrt(x² + 4)

Barron, "Squareplus: a softplus-like algebraic rectifier", 2021.

Its section in the kernels is two formulas for one number, which is a float or a double. minidl
fills them into a loop (minidl/_kernels/pointwise.pyx.in) that the C compiler vectorises.

To do:
- squareplus_forward(x) gives y. For negative x the sum x + s cancels: far out no digit of it is
  right. There y = 2 / (s - x) is the same number without a difference.
- squareplus_backward(y, dy) gives dx from the result y, so that x need not be kept. From
  y² - x y = 1 follows dy/dx = y² / (y² + 1). Write it so that an infinite y gives 1, not inf / inf.

The tests compile this file, so they need a C compiler.

A worked example: docs/tour/8-your-own.md, section 7.
"""

from minidl._kernels.real cimport real, root

# cdef inline real squareplus_forward(real x) noexcept nogil:
#     return ...
#
#
# cdef inline real squareplus_backward(real y, real dy) noexcept nogil:
#     return ...
