"""Columns of a batch's numbers: put beside others, added to them, or shifted by a number each.

For layers side by side (`Concat`), for sums (`Residual`), and in the backward pass for the gradient
of a value that several layers read.
"""

from libc.string cimport memcpy

from minidl._kernels.instruction cimport Run, Turn, at, instruction
from minidl._kernels.scalar cimport real

INSTRUCTIONS = {}


cdef struct Put:
    # n columns of x, from one column on, become n columns of y, or are added to them.
    Py_ssize_t x
    Py_ssize_t y
    Py_ssize_t x_width
    Py_ssize_t y_width
    Py_ssize_t x_first
    Py_ssize_t y_first
    Py_ssize_t n
    bint adds


cdef int read_put(void *it, dict given, size_t itemsize, list kept) except -1:
    cdef Put *put = <Put *> it
    put.x, put.x_width, put.x_first = given["x"], given["x_width"], given["x_first"]
    put.y, put.y_width, put.y_first = given["y"], given["y_width"], given["y_first"]
    put.n, put.adds = given["n"], given["adds"]
    return 0


cdef void run_put(const Put *it, const Turn *turn, real *scratch) noexcept nogil:
    """This thread's rows."""
    cdef const real *x = <const real *> at(turn, it.x) + it.x_first
    cdef real *y = <real *> at(turn, it.y) + it.y_first
    cdef Py_ssize_t i, j
    for i in range(turn.first, turn.end):
        if it.adds:
            for j in range(it.n):
                y[i * it.y_width + j] += x[i * it.x_width + j]
        else:
            memcpy(y + i * it.y_width, x + i * it.x_width, it.n * sizeof(real))


INSTRUCTIONS["put columns"] = instruction(
    sizeof(Put), read_put, <Run> run_put[float], <Run> run_put[double],
    reads={"x": "rows"}, writes={"y": "rows"})


cdef struct Shift:
    # y = x + b
    Py_ssize_t x
    Py_ssize_t y
    Py_ssize_t b
    Py_ssize_t width


cdef int read_shift(void *it, dict given, size_t itemsize, list kept) except -1:
    cdef Shift *shift = <Shift *> it
    shift.x, shift.y, shift.b, shift.width = given["x"], given["y"], given["b"], given["width"]
    return 0


cdef void run_shift(const Shift *it, const Turn *turn, real *scratch) noexcept nogil:
    """This thread's rows."""
    cdef const real *x = <const real *> at(turn, it.x)
    cdef const real *b = <const real *> turn.parameters[it.b].w
    cdef real *y = <real *> at(turn, it.y)
    cdef Py_ssize_t i, j
    for i in range(turn.first, turn.end):
        for j in range(it.width):
            y[i * it.width + j] = x[i * it.width + j] + b[j]


INSTRUCTIONS["add b"] = instruction(
    sizeof(Shift), read_shift, <Run> run_shift[float], <Run> run_shift[double],
    reads={"x": "rows", "b": "all"}, writes={"y": "rows"})
