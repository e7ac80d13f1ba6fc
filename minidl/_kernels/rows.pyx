"""Runs an activation's row functions over whole arrays, in parallel over the rows.

The arrays are flat; a row is `width` inputs and `units` outputs (maxout: width = units · pieces).
For pointwise activations a row is any piece of the array, and the last may be short.
"""

from cython.parallel cimport prange
from minidl._kernels.cpu cimport CACHE_LINE, PIECE
from minidl._kernels.instruction cimport Columns, Run, Turn, at, columns_of, instruction
from minidl._kernels.ndarray cimport FLOAT, address, data, empty_like, load, size, type_of
from minidl._kernels.rows cimport (
    backward_function, backward_row, backward_rows, forward_function, forward_row, forward_rows,
    learned_function, learned_gradient)
from minidl._kernels.scalar cimport real

load()

INSTRUCTIONS = {}
POINTWISE_ROW = PIECE  # for Python


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
    shape; None for any other. Cost: one pass over x and y."""
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
    """The gradient of what an activation has learned for each unit; shapes (batch, units) and
    (units,). Threads share the units, in whole cache lines. Cost: one pass over x and dy."""
    cdef void *f = learned_function(function, sizeof(real))
    cdef Py_ssize_t rows = x.shape[0], units = x.shape[1], thread
    cdef Py_ssize_t line = CACHE_LINE // sizeof(real)
    cdef Py_ssize_t share = ((units + threads - 1) // threads + line - 1) // line * line
    if rows == 0 or units == 0:
        gradient[:] = 0
        return
    for thread in prange(threads, nogil=True, num_threads=threads, schedule="static"):
        learned_gradient[real](f, &x[0, 0], &dy[0, 0], &gradient[0], min(units, thread * share),
                               min(units, (thread + 1) * share), rows, units)


cdef inline double sum_in_order(const real *x, Py_ssize_t n) noexcept nogil:
    cdef double total = 0
    cdef Py_ssize_t i
    for i in range(n):
        total += x[i]
    return total


def in_order(const real[::1] x):
    """The sum of x, from the first to the last, in double precision."""
    return sum_in_order(&x[0], x.shape[0]) if x.shape[0] else 0.0


# ---- In a step -----------------------------------------------------------------------------------

cdef struct Activation:
    # y = f(x); slots and the parameter by their numbers.
    Py_ssize_t x
    Py_ssize_t y
    Py_ssize_t dx
    Py_ssize_t dy
    Py_ssize_t learned  # -1: nothing is learned
    Py_ssize_t width
    Py_ssize_t units
    Py_ssize_t group
    bint keeps_y
    void *f
    void *df
    void *dlearned
    const double *options
    void *fired  # (threads, width): 1 where dy/dx was not 0 on a row so far
    void *ones  # (units,)


cdef int read_activation(void *it, dict given, size_t itemsize, list kept) except -1:
    cdef Activation *f = <Activation *> it
    f.x, f.y, f.dx, f.dy = given["x"], given["y"], given["dx"], given["dy"]
    f.learned, f.group = given["parameter"], given["group"]
    f.width, f.units, f.keeps_y = given["width"], given["units"], given["keeps_y"]
    f.f = forward_function(given["forward"], itemsize)
    f.df = backward_function(given["backward"], itemsize)
    if f.learned >= 0:
        f.dlearned = learned_function(given["gradient"], itemsize)
    f.options = <const double *> address(given["options"], kept)
    f.fired, f.ones = address(given["fired"], kept, True), address(given["ones"], kept)
    return 0


cdef inline const real *slopes_of(
    const Activation *it, const Turn *turn, real *room
) noexcept nogil:
    """The learned numbers of every unit; written to `room` if all units share one."""
    cdef Py_ssize_t u
    cdef const real *learned
    if it.learned < 0:
        return NULL
    learned = <const real *> turn.parameters[it.learned].w
    if turn.parameters[it.learned].size == it.units:
        return learned
    for u in range(it.units):
        room[u] = learned[0]
    return room


cdef void run_forward(const Activation *it, const Turn *turn, real *scratch) noexcept nogil:
    forward_rows(it.f, <const real *> at(turn, it.x), it.width, slopes_of(it, turn, scratch),
                 <real *> at(turn, it.y), it.units, it.options, turn.first, turn.end)


cdef void run_backward(const Activation *it, const Turn *turn, real *scratch) noexcept nogil:
    backward_rows(
        it.df, <const real *> at(turn, it.y if it.keeps_y else it.x),
        it.units if it.keeps_y else it.width, slopes_of(it, turn, scratch),
        <const real *> at(turn, it.dy), <real *> at(turn, it.dx), it.width, it.units, it.options,
        turn.first, turn.end)


cdef inline bint has_silent(const real *fired, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    cdef real least = 1
    for i in range(n):
        least = fired[i] if fired[i] < least else least
    return least == 0


cdef void note_fired(const Activation *it, const Turn *turn, real *scratch) noexcept nogil:
    """Notes for every column of x whether its slope dy/dx was other than 0 on any of this thread's
    rows. Most columns soon have such a row; when all have, nothing is left to do."""
    cdef Py_ssize_t i, j, kept_width = it.units if it.keeps_y else it.width
    cdef const real *kept = <const real *> at(turn, it.y if it.keeps_y else it.x)
    cdef real *fired = <real *> it.fired + turn.thread * it.width
    cdef real *slope = scratch
    cdef const real *learned = slopes_of(it, turn, scratch + it.width)
    if not has_silent(<const real *> fired, it.width):
        return
    for i in range(turn.first, turn.end):
        backward_row(it.df, kept + i * kept_width, learned, <const real *> it.ones, slope,
                     it.units, it.options)
        for j in range(it.width):
            fired[j] = 1 if slope[j] != 0 else fired[j]


cdef void gradient_by_unit(const Activation *it, const Turn *turn, real *scratch) noexcept nogil:
    """The gradient of the learned number of each of this thread's units."""
    cdef Columns own = columns_of(turn, it.units, it.group)
    learned_gradient(it.dlearned, <const real *> at(turn, it.x), <const real *> at(turn, it.dy),
                     <real *> turn.parameters[it.learned].gradient, own.first, own.end, turn.n,
                     it.units)


cdef void gradient_of_all(const Activation *it, const Turn *turn, real *scratch) noexcept nogil:
    """The gradient of the one number that was learned for all units: a group of its own, which
    belongs to the last thread."""
    if turn.thread != turn.threads - 1:
        return
    learned_gradient(it.dlearned, <const real *> at(turn, it.x), <const real *> at(turn, it.dy),
                     scratch, 0, it.units, turn.n, it.units)
    (<real *> turn.parameters[it.learned].gradient)[0] = <real> sum_in_order(
        <const real *> scratch, it.units)


INSTRUCTIONS["activation"] = instruction(
    sizeof(Activation), read_activation, <Run> run_forward[float], <Run> run_forward[double],
    reads={"x": "rows", "parameter": "all"}, writes={"y": "rows"})
INSTRUCTIONS["activation back"] = instruction(
    sizeof(Activation), read_activation, <Run> run_backward[float], <Run> run_backward[double],
    reads={"x": "rows", "y": "rows", "dy": "rows", "parameter": "all"}, writes={"dx": "rows"})
INSTRUCTIONS["what fires"] = instruction(
    sizeof(Activation), read_activation, <Run> note_fired[float], <Run> note_fired[double],
    reads={"x": "rows", "y": "rows", "parameter": "all"}, writes={})
INSTRUCTIONS["gradient by unit"] = instruction(
    sizeof(Activation), read_activation, <Run> gradient_by_unit[float],
    <Run> gradient_by_unit[double],
    reads={"x": "all", "dy": "all"}, writes={"parameter.gradient": "columns {group}"})
INSTRUCTIONS["gradient of all units"] = instruction(
    sizeof(Activation), read_activation, <Run> gradient_of_all[float],
    <Run> gradient_of_all[double],
    reads={"x": "all", "dy": "all"}, writes={"parameter.gradient": "columns {group}"})
