"""Bounds on norms: of all gradients together, and of the columns of weights."""

from cython.parallel cimport prange
from libc.stdint cimport int64_t

from minidl._kernels.instruction cimport Columns, Parameter, Run, Turn, columns_of, instruction
from minidl._kernels.ndarray cimport address
from minidl._kernels.norms cimport BLOCK, COLUMNS, clipping, limit_columns, sum_of_block
from minidl._kernels.scalar cimport real
from minidl._kernels.tile cimport pieces

INSTRUCTIONS = {}
SQUARED = BLOCK  # numbers of a gradient that a thread squares at a time


def sum_of_squares(const real[::1] x, double total=0.0):
    """total + the sum of x²."""
    cdef Py_ssize_t block, n = x.shape[0]
    with nogil:
        for block in range(pieces(n, BLOCK)):
            total += sum_of_block(&x[block * BLOCK], min(<Py_ssize_t> BLOCK, n - block * BLOCK))
    return total


def scale_of(double squares, double limit):
    """The factor that clips gradients with this sum of squares."""
    return clipping(squares, limit)


def max_norm(real[:, ::1] W, double limit, int threads):
    """Scales the columns of W (in, units) whose norm is above `limit` down to it; returns how many
    these are."""
    cdef Py_ssize_t block, start, rows = W.shape[0], units = W.shape[1], exceeded = 0
    for block in prange(pieces(units, COLUMNS), nogil=True, num_threads=threads, schedule="static"):
        start = COLUMNS * block
        exceeded += limit_columns(&W[0, start], rows, units, min(COLUMNS, units - start), limit)
    return exceeded


# ---- In a step: all gradients together -----------------------------------------------------------

cdef struct Squares:
    # The sum of every block of a gradient, from squares[first] on.
    Py_ssize_t parameter
    Py_ssize_t group
    double *squares


cdef int read_squares(void *it, dict given, size_t itemsize, list kept) except -1:
    cdef Squares *of = <Squares *> it
    of.parameter, of.group = given["parameter"], given["group"]
    of.squares = <double *> address(given["squares"], kept, True) + <Py_ssize_t> given["first"]
    return 0


cdef void square_gradient(const Squares *it, const Turn *turn, real *scratch) noexcept nogil:
    """The sums of this thread's blocks."""
    cdef const Parameter *parameter = &turn.parameters[it.parameter]
    cdef const real *gradient = <const real *> parameter.gradient
    cdef Columns own = columns_of(turn, parameter.size, it.group)
    cdef Py_ssize_t block
    for block in range(own.first // BLOCK, pieces(own.end, BLOCK)):
        it.squares[block] = sum_of_block(
            gradient + block * BLOCK, min(<Py_ssize_t> BLOCK, own.end - block * BLOCK))


cdef struct Clip:
    # Each thread adds up the sums of all blocks, and keeps the scale for itself.
    Py_ssize_t parameter
    Py_ssize_t group
    double limit
    const double *squares
    const int64_t *blocks  # (count, 2): of each gradient the first, and the one after the last
    Py_ssize_t count
    double *scales  # (threads,)


cdef int read_clip(void *it, dict given, size_t itemsize, list kept) except -1:
    cdef Clip *clip = <Clip *> it
    clip.parameter, clip.group = given.get("parameter", -1), given.get("group", 1)
    clip.limit, clip.count = given["limit"], len(given["blocks"])
    clip.squares = <const double *> address(given["squares"], kept)
    clip.blocks = <const int64_t *> address(given["blocks"], kept)
    clip.scales = <double *> address(given["scales"], kept, True)
    return 0


cdef void find_scale(const Clip *it, const Turn *turn, real *scratch) noexcept nogil:
    cdef double total = 0
    cdef Py_ssize_t i, block
    for i in range(it.count):
        for block in range(it.blocks[2 * i], it.blocks[2 * i + 1]):
            total += it.squares[block]
    it.scales[turn.thread] = clipping(total, it.limit)


cdef void clip_gradient(const Clip *it, const Turn *turn, real *scratch) noexcept nogil:
    """This thread's elements of the gradient, scaled down; by NaN too, if the norm is NaN."""
    cdef const Parameter *parameter = &turn.parameters[it.parameter]
    cdef real *gradient = <real *> parameter.gradient
    cdef Columns own = columns_of(turn, parameter.size, it.group)
    cdef double scale = it.scales[turn.thread]
    cdef real factor = <real> scale
    cdef Py_ssize_t i
    if scale >= 1:
        return
    for i in range(own.first, own.end):
        gradient[i] *= factor


INSTRUCTIONS["squares of gradient"] = instruction(
    sizeof(Squares), read_squares, <Run> square_gradient[float], <Run> square_gradient[double],
    reads={"parameter.gradient": "columns {group}"}, writes={"squares": "columns {group}"})
INSTRUCTIONS["scale of gradients"] = instruction(
    sizeof(Clip), read_clip, <Run> find_scale[float], <Run> find_scale[double],
    reads={"squares": "all"}, writes={"scales": "thread"})
INSTRUCTIONS["clip gradient"] = instruction(
    sizeof(Clip), read_clip, <Run> clip_gradient[float], <Run> clip_gradient[double],
    reads={"scales": "thread"}, writes={"parameter.gradient": "columns {group}"})


# ---- In a step: the columns of a matrix ----------------------------------------------------------

cdef struct Limit:
    Py_ssize_t W
    Py_ssize_t rows
    Py_ssize_t units
    double limit


cdef int read_limit(void *it, dict given, size_t itemsize, list kept) except -1:
    cdef Limit *bound = <Limit *> it
    bound.W, bound.limit = given["W"], given["limit"]
    bound.rows, bound.units = given["rows"], given["units"]
    return 0


cdef void limit_own(const Limit *it, const Turn *turn, real *scratch) noexcept nogil:
    """This thread's columns of W, if it is learned."""
    cdef const Parameter *W = &turn.parameters[it.W]
    cdef Columns own = columns_of(turn, it.units, COLUMNS)
    if W.rule == NULL:
        return
    while own.first < own.end:
        limit_columns(<real *> W.w + own.first, it.rows, it.units,
                      min(<Py_ssize_t> COLUMNS, own.end - own.first), it.limit)
        own.first += COLUMNS


INSTRUCTIONS["max norm"] = instruction(
    sizeof(Limit), read_limit, <Run> limit_own[float], <Run> limit_own[double],
    reads={}, writes={"W": "all"})
