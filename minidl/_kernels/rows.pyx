"""Runs an activation's row functions over whole arrays, in parallel over the rows.

The arrays are flat; a row is `width` inputs and `units` outputs (maxout: width = units · pieces).
For pointwise activations a row is any piece of the array, and the last may be short.
"""

from cython.parallel cimport prange
from minidl._kernels.ndarray cimport FLOAT, data, empty_like, load, size, type_of
from minidl._kernels.rows cimport (
    backward_function, backward_row, forward_function, forward_row, learned_function,
    learned_gradient)
from minidl._kernels.scalar cimport real

load()

cdef enum:
    PIECE = 4096  # numbers that one call of a pointwise function works on
    LINE = 16  # floats of a cache line


def forward(
    function, const real[::1] x, const real[::1] slopes, real[::1] y,
    const double[::1] options, Py_ssize_t width, Py_ssize_t units, int threads
):
    """y = f(x), row by row. Cost: one pass over x and y."""
    cdef void *f = forward_function(function, sizeof(real))
    cdef Py_ssize_t row, rows = (y.shape[0] + units - 1) // units
    for row in prange(rows, nogil=True, num_threads=threads, schedule="static"):
        forward_row(f, &x[row * width], &slopes[0], &y[row * units],
                    min(units, y.shape[0] - row * units), &options[0])


def backward(
    function, const real[::1] kept, Py_ssize_t kept_width, const real[::1] slopes,
    const real[::1] dy, real[::1] dx, const double[::1] options,
    Py_ssize_t width, Py_ssize_t units, int threads
):
    """dx = dy · f'(kept), row by row. Cost: one pass over kept, dy and dx."""
    cdef void *f = backward_function(function, sizeof(real))
    cdef Py_ssize_t row, rows = (dy.shape[0] + units - 1) // units
    for row in prange(rows, nogil=True, num_threads=threads, schedule="static"):
        backward_row(f, &kept[row * kept_width], &slopes[0], &dy[row * units], &dx[row * width],
                     min(units, dy.shape[0] - row * units), &options[0])


cdef void pointwise_pieces(
    void *f, const real *x, real *y, Py_ssize_t n, const double *options, int threads
) noexcept nogil:
    cdef Py_ssize_t piece
    if n <= PIECE:
        forward_row(f, x, <const real *> NULL, y, n, options)
        return
    for piece in prange((n + PIECE - 1) // PIECE, num_threads=threads, schedule="static"):
        forward_row(f, x + piece * PIECE, <const real *> NULL, y + piece * PIECE,
                    min(PIECE, n - piece * PIECE), options)


def pointwise(function, x, options, int threads):
    """A new array y = f(x), element by element, for a C-contiguous x of float32 or float64 and any
    shape; None for another one. Cost: one pass over x and y."""
    cdef int kind = type_of(x)
    if kind < 0:
        return None
    cdef void *f = forward_function(function, sizeof(float) if kind == FLOAT else sizeof(double))
    cdef object y = empty_like(x)
    if kind == FLOAT:
        pointwise_pieces(f, <const float *> data(x), <float *> data(y), size(x),
                         <const double *> data(options), threads)
    else:
        pointwise_pieces(f, <const double *> data(x), <double *> data(y), size(x),
                         <const double *> data(options), threads)
    return y


cdef void pointwise_pieces_back(
    void *f, const real *kept, const real *dy, real *dx, Py_ssize_t n, const double *options,
    int threads
) noexcept nogil:
    cdef Py_ssize_t piece, first
    if n <= PIECE:
        backward_row(f, kept, <const real *> NULL, dy, dx, n, options)
        return
    for piece in prange((n + PIECE - 1) // PIECE, num_threads=threads, schedule="static"):
        first = piece * PIECE
        backward_row(f, kept + first, <const real *> NULL, dy + first, dx + first,
                     min(PIECE, n - first), options)


def pointwise_back(function, kept, dy, options, int threads):
    """A new array dx = dy · f'(kept), element by element, for C-contiguous arrays of one size and
    dtype, float32 or float64; None for others. Cost: one pass over kept, dy and dx."""
    cdef int kind = type_of(kept)
    if kind < 0 or type_of(dy) != kind or size(kept) != size(dy):
        return None
    cdef void *f = backward_function(function, sizeof(float) if kind == FLOAT else sizeof(double))
    cdef object dx = empty_like(dy)
    if kind == FLOAT:
        pointwise_pieces_back(
            f, <const float *> data(kept), <const float *> data(dy), <float *> data(dx), size(dy),
            <const double *> data(options), threads)
    else:
        pointwise_pieces_back(
            f, <const double *> data(kept), <const double *> data(dy), <double *> data(dx),
            size(dy), <const double *> data(options), threads)
    return dx


def learned(
    function, const real[:, ::1] x, const real[:, ::1] dy, real[::1] gradient, int threads
):
    """The gradient of what an activation learned for each unit; shapes (batch, units) and
    (units,). Threads share the units out between them, in whole cache lines. Cost: one pass over x
    and dy."""
    cdef void *f = learned_function(function, sizeof(real))
    cdef Py_ssize_t rows = x.shape[0], units = x.shape[1], thread
    cdef Py_ssize_t share = ((units + threads - 1) // threads + LINE - 1) // LINE * LINE
    if rows == 0 or units == 0:
        gradient[:] = 0
        return
    for thread in prange(threads, nogil=True, num_threads=threads, schedule="static"):
        learned_gradient[real](f, &x[0, 0], &dy[0, 0], &gradient[0], min(units, thread * share),
                               min(units, (thread + 1) * share), rows, units)


def in_order(const real[::1] x):
    """The sum of x, from the first to the last, in double precision."""
    cdef double total = 0
    cdef Py_ssize_t i
    for i in range(x.shape[0]):
        total += x[i]
    return total
