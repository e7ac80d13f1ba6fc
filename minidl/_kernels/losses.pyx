"""The losses of quantities, of yes and no, and of margins; and what runs a loss over a batch.

A section is one function on a row (losses.pxd says what it is given): the loss and its gradient
come from the same numbers. float32 computes in float32 what takes long, the exponential and the
logarithm, and the rest in double precision, so that one rounding is left. Cross-entropy is in
softmax.pyx.
"""

from cython.parallel cimport prange
from libc.stdint cimport int64_t

from minidl._kernels.address cimport address
from minidl._kernels.losses cimport (
    Loss, in_order, loss_functions, read_loss, row_loss)
from minidl._kernels.scalar cimport clamp, exp, log1p, magnitude, real

LOSSES = {}

cdef enum:
    PIECE = 64  # of a column


# ---- mse: e², e = x - t -----------------------------------------------------------------------

cdef void mse_row(
    const real *x, const void *target, const double *_, double scale, double *losses, real *dx,
    Py_ssize_t n
) noexcept nogil:
    cdef Py_ssize_t j
    cdef const real *t = <const real *> target
    cdef double e
    for j in range(n):
        e = <double> x[j] - t[j]
        losses[j] = scale * (e * e)
        dx[j] = <real> (scale * (2.0 * e))


LOSSES["mse"] = loss_functions(mse_row, mse_row)


# ---- huber: c (e - c / 2) with c = e clipped to [-delta, delta]; dx = c ------------------------
# Both branches of the definition at once, and e² cannot overflow. Options: delta.

cdef void huber_row(
    const real *x, const void *target, const double *options, double scale, double *losses,
    real *dx, Py_ssize_t n
) noexcept nogil:
    cdef Py_ssize_t j
    cdef const real *t = <const real *> target
    cdef double e, clipped, delta = options[0]
    for j in range(n):
        e = <double> x[j] - t[j]
        clipped = clamp(e, -delta, delta)
        losses[j] = scale * (clipped * (e - 0.5 * clipped))
        dx[j] = <real> (scale * clipped)


LOSSES["huber"] = loss_functions(huber_row, huber_row)


# ---- binary cross-entropy of logits ------------------------------------------------------------
# r t softplus(-x) + (1 - t) softplus(x); dx = (1 - t) sigmoid(x) - r t sigmoid(-x). Both come from
# e = e^-|x|, so that nothing overflows. Options: r for every column.

cdef inline double weighted(double weight, double cost) noexcept nogil:
    """weight · cost; what is not wanted costs nothing, even if it is impossible."""
    return 0.0 if weight == 0.0 else weight * cost


cdef void binary_cross_entropy_row(
    const real *x, const void *target, const double *r, double scale, double *losses, real *dx,
    Py_ssize_t n
) noexcept nogil:
    cdef Py_ssize_t j
    cdef const real *t = <const real *> target
    cdef double yes, no, e, log_sum
    cdef real small
    for j in range(n):
        small = exp(-magnitude(x[j]))
        e, log_sum = small, log1p(small)
        yes, no = r[j] * t[j], 1.0 - t[j]
        losses[j] = scale * (weighted(yes, log_sum + (-x[j] if x[j] < 0 else 0.0))
                             + weighted(no, log_sum + (x[j] if x[j] > 0 else 0.0)))
        dx[j] = <real> (scale * ((no * (1.0 if x[j] > 0 else e) - yes * (e if x[j] > 0 else 1.0))
                                 / (1.0 + e)))


LOSSES["binary_cross_entropy_with_logits"] = loss_functions(
    binary_cross_entropy_row, binary_cross_entropy_row)


# ---- hinge: max(0, 1 - t x), t = -1 or 1; dx = -t within the margin, and 0 at the kink ---------

cdef void hinge_row(
    const real *x, const void *target, const double *_, double scale, double *losses, real *dx,
    Py_ssize_t n
) noexcept nogil:
    cdef Py_ssize_t j
    cdef const real *t = <const real *> target
    cdef double margin
    for j in range(n):
        margin = 1.0 - <double> t[j] * x[j]
        losses[j] = scale * (0.0 if margin <= 0 else margin)  # NaN goes on
        dx[j] = <real> (0.0 if margin <= 0 else -scale * t[j])


LOSSES["hinge"] = loss_functions(hinge_row, hinge_row)


# ---- multi_margin: (1 / n) sum over j != label of max(0, margin + x_j - x_label) ---------------
# Options: margin.

cdef void multi_margin_row(
    const real *x, const void *target, const double *options, double scale, double *losses,
    real *dx, Py_ssize_t n
) noexcept nogil:
    cdef Py_ssize_t j, label = (<const int64_t *> target)[0], wrong = 0
    cdef double margin, right = x[label], total = 0.0
    cdef bint is_wrong
    for j in range(n):
        # An infinite score less itself is NaN: not the label's.
        margin = options[0] + (<double> x[j] - right) if j != label else 0.0
        is_wrong = not margin <= 0  # or NaN
        total += 0.0 if margin <= 0 else margin
        dx[j] = <real> (scale / n if is_wrong else 0.0)
        wrong += is_wrong
    losses[0] = scale * (total / n)
    dx[label] = <real> (-scale * wrong / n)


LOSSES["multi_margin"] = loss_functions(multi_margin_row, multi_margin_row)


# ---- A batch ------------------------------------------------------------------------------------

cdef void run_rows(
    Loss *loss, const real *x, const double *scales, bint has_scales, double *losses, real *dx,
    Py_ssize_t rows, Py_ssize_t n, int threads
) noexcept nogil:
    cdef Py_ssize_t i
    for i in prange(rows, num_threads=threads, schedule="static"):
        row_loss(loss, i, x + i * n, scales[i * has_scales], losses + i * loss.per_row,
                 dx + i * n, n)


cdef void run_column(
    Loss *loss, const real *x, double scale, double *losses, real *dx, Py_ssize_t rows, int threads
) noexcept nogil:
    """Rows of one element, by pieces: a piece runs in vectors, with the column's option for each of
    its elements."""
    cdef Loss of_piece = loss[0]
    cdef double options[PIECE]
    cdef Py_ssize_t i
    for i in range(PIECE):
        options[i] = loss.options[0]
    of_piece.options = options
    for i in prange(0, rows, PIECE, num_threads=threads, schedule="static"):
        row_loss(&of_piece, i, x + i, scale, losses + i, dx + i, min(<Py_ssize_t> PIECE, rows - i))


cdef double run(
    Loss *loss, const real *x, const double *scales, bint has_scales, bint is_column,
    double *losses, real *dx, Py_ssize_t rows, Py_ssize_t n, int threads
) noexcept nogil:
    cdef double total = 0.0
    cdef Py_ssize_t i
    if is_column and not has_scales and loss.options_step == 0:
        run_column(loss, x, scales[0], losses, dx, rows, threads)
    else:
        run_rows(loss, x, scales, has_scales, losses, dx, rows, n, threads)
    for i in range(rows):
        total += in_order(losses + i * loss.per_row, loss.per_row)
    return total


def of_rows(source, x, scale, losses, dx, int threads):
    """The losses of every row of x and their gradient, each times the scale, a number or one for
    each row; returns the losses' sum: each row's in order, then the rows in order.

    `source` is a RowLoss; x and dx (rows, n), losses (rows, per_row), scale (rows,). All arrays are
    contiguous; x and dx have the RowLoss's dtype, the others are float64.
    """
    cdef Loss loss
    cdef list kept = []
    cdef bint has_scales = not isinstance(scale, float)
    cdef double one = 1.0 if has_scales else scale, total
    cdef const double *scales = <const double *> address(scale, kept) if has_scales else &one
    cdef double *to = <double *> address(losses, kept, True)
    cdef const void *at = address(x, kept)
    cdef void *slopes = address(dx, kept, True)
    cdef Py_ssize_t rows, n
    cdef size_t itemsize = x.itemsize
    cdef bint is_column
    rows, n = x.shape
    is_column = n == 1 and source.by_element
    read_loss(&loss, source, itemsize, kept)
    with nogil:
        if itemsize == 4:
            total = run(&loss, <const float *> at, scales, has_scales, is_column, to,
                        <float *> slopes, rows, n, threads)
        else:
            total = run(&loss, <const double *> at, scales, has_scales, is_column, to,
                        <double *> slopes, rows, n, threads)
    return total


def first_outside(const int64_t[::1] labels, Py_ssize_t classes):
    """Where the first label outside 0 ... classes - 1 stands; -1 if there is none."""
    cdef Py_ssize_t i
    for i in range(labels.shape[0]):
        if labels[i] < 0 or labels[i] >= classes:
            return i
    return -1
