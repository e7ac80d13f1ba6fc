"""Layer normalisation and RMS normalisation of many rows. layer_norm.pxd has the formulas.

Threads share the rows, and for the gradients of weight and bias the columns: each sum belongs to
one thread and has one order.
"""

from cython.parallel cimport prange

from minidl._kernels.instruction cimport Columns, Run, Turn, at, columns_of, instruction
from minidl._kernels.layer_norm cimport affine_gradients, normalize_row, normalize_row_backward
from minidl._kernels.ndarray cimport address
from minidl._kernels.scalar cimport real

INSTRUCTIONS = {}

cdef enum:
    PIECE = 32  # columns that a thread takes at a time: whole cache lines of a row


def forward(
    const real[:, ::1] x, const real[::1] weight, const real[::1] bias, double eps,
    real[:, ::1] y, double[::1] center, double[::1] scale, bint is_centered, int threads
):
    """y = weight (x - center) scale + bias, and each row's centre and scale.

    Shapes: x and y (rows, units); weight and bias (units,); center and scale (rows,). Cost: three
    passes over x, two without centring, and one over y.
    """
    cdef Py_ssize_t i, units = x.shape[1]
    if units == 0:
        return
    for i in prange(x.shape[0], nogil=True, num_threads=threads, schedule="static"):
        normalize_row(&x[i, 0], &weight[0], &bias[0], eps, &y[i, 0], &center[i], &scale[i], units,
                      is_centered)


def backward(
    const real[:, ::1] x, const real[::1] weight, const double[::1] center,
    const double[::1] scale, const real[:, ::1] dy, real[:, ::1] dx, real[::1] dweight,
    real[::1] dbias, bint is_centered, int threads
):
    """dx, dweight and dbias; of shape (0, 0) or (0,) if not wanted.

    Shapes as in forward. Cost: two passes over x, three over dy and one over dx; for dweight and
    dbias one more over x and dy.
    """
    cdef real *to_w = &dweight[0] if dweight.shape[0] else NULL
    cdef real *to_b = &dbias[0] if dbias.shape[0] else NULL
    cdef Py_ssize_t i, piece, rows = x.shape[0], units = x.shape[1]
    if units == 0:
        return
    for i in prange(dx.shape[0], nogil=True, num_threads=threads, schedule="static"):
        normalize_row_backward(&x[i, 0], &weight[0], center[i], scale[i], &dy[i, 0], &dx[i, 0],
                               units, is_centered)
    if to_w == NULL and to_b == NULL:
        return
    for piece in prange((units + PIECE - 1) // PIECE, nogil=True, num_threads=threads,
                        schedule="static"):
        affine_gradients(&x[0, 0], &center[0], &scale[0], &dy[0, 0], to_w, to_b, rows, units,
                         piece * PIECE, min(units, (piece + 1) * PIECE))


# ---- In a step -----------------------------------------------------------------------------------

cdef struct LayerNorm:
    # Slots and parameters by their numbers.
    Py_ssize_t x
    Py_ssize_t y
    Py_ssize_t dx
    Py_ssize_t dy
    Py_ssize_t weight
    Py_ssize_t bias
    Py_ssize_t width
    Py_ssize_t group
    double eps
    bint is_centered
    const void *ones  # if there is no weight
    const void *zeros  # if there is no bias
    double *center  # of each row
    double *scale
    void *dweight  # NULL: not wanted
    void *dbias


cdef int read_layer_norm(void *it, dict given, size_t itemsize, list kept) except -1:
    cdef LayerNorm *norm = <LayerNorm *> it
    norm.x, norm.y, norm.dx, norm.dy = given["x"], given["y"], given["dx"], given["dy"]
    norm.weight, norm.bias, norm.width = given["weight"], given["bias"], given["width"]
    norm.group, norm.eps, norm.is_centered = given["group"], given["eps"], given["is_centered"]
    norm.ones, norm.zeros = address(given["ones"], kept), address(given["zeros"], kept)
    norm.center = <double *> address(given["center"], kept, True)
    norm.scale = <double *> address(given["scale"], kept, True)
    norm.dweight = address(given["dweight"], kept, True)
    norm.dbias = address(given["dbias"], kept, True)
    return 0


cdef inline const void *found(
    const Turn *turn, Py_ssize_t parameter, const void *otherwise
) noexcept nogil:
    return turn.parameters[parameter].w if parameter >= 0 else otherwise


cdef void run_forward(const LayerNorm *it, const Turn *turn, real *scratch) noexcept nogil:
    """y of this thread's rows."""
    cdef const real *weight = <const real *> found(turn, it.weight, it.ones)
    cdef const real *bias = <const real *> found(turn, it.bias, it.zeros)
    cdef const real *x = <const real *> at(turn, it.x)
    cdef real *y = <real *> at(turn, it.y)
    cdef Py_ssize_t i
    for i in range(turn.first, turn.end):
        normalize_row(x + i * it.width, weight, bias, it.eps, y + i * it.width, &it.center[i],
                      &it.scale[i], it.width, it.is_centered)


cdef void run_backward(const LayerNorm *it, const Turn *turn, real *scratch) noexcept nogil:
    """dx of this thread's rows."""
    cdef const real *weight = <const real *> found(turn, it.weight, it.ones)
    cdef const real *x = <const real *> at(turn, it.x)
    cdef const real *dy = <const real *> at(turn, it.dy)
    cdef real *dx = <real *> at(turn, it.dx)
    cdef Py_ssize_t i
    for i in range(turn.first, turn.end):
        normalize_row_backward(x + i * it.width, weight, it.center[i], it.scale[i],
                               dy + i * it.width, dx + i * it.width, it.width, it.is_centered)


cdef void run_gradients(const LayerNorm *it, const Turn *turn, real *scratch) noexcept nogil:
    """dweight and dbias of this thread's columns."""
    cdef Columns own = columns_of(turn, it.width, it.group)
    affine_gradients(<const real *> at(turn, it.x), it.center, it.scale,
                     <const real *> at(turn, it.dy), <real *> it.dweight, <real *> it.dbias,
                     turn.n, it.width, own.first, own.end)


INSTRUCTIONS["layer norm"] = instruction(
    sizeof(LayerNorm), read_layer_norm, <Run> run_forward[float], <Run> run_forward[double],
    reads={"x": "rows", "weight": "all", "bias": "all"},
    writes={"y": "rows", "center": "rows", "scale": "rows"})
INSTRUCTIONS["layer norm back"] = instruction(
    sizeof(LayerNorm), read_layer_norm, <Run> run_backward[float], <Run> run_backward[double],
    reads={"x": "rows", "dy": "rows", "weight": "all", "center": "rows", "scale": "rows"},
    writes={"dx": "rows"})
INSTRUCTIONS["gradients of layer norm"] = instruction(
    sizeof(LayerNorm), read_layer_norm, <Run> run_gradients[float], <Run> run_gradients[double],
    reads={"x": "all", "dy": "all", "center": "all", "scale": "all"},
    writes={"dweight": "columns {group}", "dbias": "columns {group}"})
