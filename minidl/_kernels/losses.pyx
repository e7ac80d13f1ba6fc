"""The losses of quantities, of counts, of distributions, of yes and no, and of margins; and the
loop that runs a loss over a batch.

A section is one function of a row (losses.pxd describes its arguments): the loss and its gradient
come from the same numbers. For float32, the exponential and the logarithm, which take long, are
computed in float32 and the rest in double precision, so that one rounding is left. Cross-entropy is
in softmax.pyx.
"""

from cython.parallel cimport prange
from libc.math cimport INFINITY
from libc.stdint cimport int64_t

from minidl._kernels.losses cimport (
    Loss, divisor_of, in_order, loss_functions, read_loss, row_loss)
from minidl._kernels.ndarray cimport address
from minidl._kernels.scalar cimport clamp, exp, full_exp, log, log1p, magnitude, real

LOSSES = {}

cdef enum:
    PIECE = 64  # rows of a column


cdef inline double weighted(double weight, double cost) noexcept nogil:
    """weight · cost; an element without weight costs nothing, even if it is impossible."""
    return 0.0 if weight == 0.0 else weight * cost


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


# ---- poisson: e^x - t x; dx = e^x - t ----------------------------------------------------------
# In double precision: a float32 e^x is infinite from 89 on, though the mean need not be.

cdef void poisson_row(
    const real *x, const void *target, const double *_, double scale, double *losses, real *dx,
    Py_ssize_t n
) noexcept nogil:
    cdef Py_ssize_t j
    cdef const real *t = <const real *> target
    cdef double rate
    for j in range(n):
        rate = full_exp(<double> x[j])
        losses[j] = scale * (rate - (weighted(t[j], x[j]) if x[j] != INFINITY else 0.0))
        dx[j] = <real> (scale * (rate - t[j]))


LOSSES["poisson"] = loss_functions(poisson_row, poisson_row)


# ---- kl_divergence: p (ln p - x); dx = -p ------------------------------------------------------
# Options: whether the targets are ln p, not p. In double precision, as ln p and x are almost equal
# once a net has learned.

cdef void kl_divergence_row(
    const real *x, const void *target, const double *options, double scale, double *losses,
    real *dx, Py_ssize_t n
) noexcept nogil:
    cdef Py_ssize_t j
    cdef const real *t = <const real *> target
    cdef bint is_log = options[0] != 0.0
    cdef double p, log_p
    for j in range(n):
        p = full_exp(<double> t[j]) if is_log else t[j]
        log_p = t[j] if is_log else log(<double> t[j])
        losses[j] = scale * weighted(p, log_p - x[j])
        dx[j] = <real> (-scale * p)


LOSSES["kl_divergence"] = loss_functions(kl_divergence_row, kl_divergence_row)


# ---- nll: -w x at the label; dx = -w there -----------------------------------------------------
# Options: the weight w of every class. The label n says that the row is ignored.

cdef void nll_row(
    const real *x, const void *target, const double *w, double scale, double *losses, real *dx,
    Py_ssize_t n
) noexcept nogil:
    cdef Py_ssize_t j, label = (<const int64_t *> target)[0]
    for j in range(n):
        dx[j] = 0.0
    losses[0] = 0.0
    if label < n and w[label] != 0.0:
        losses[0] = scale * (-w[label] * x[label])
        dx[label] = <real> (-scale * w[label])


LOSSES["nll"] = loss_functions(nll_row, nll_row)


# ---- binary cross-entropy of logits ------------------------------------------------------------
# r t softplus(-x) + (1 - t) softplus(x); dx = (1 - t) sigmoid(x) - r t sigmoid(-x). Both come from
# e = e^-|x|, so that nothing overflows. Options: r for every column.

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
        losses[j] = scale * (0.0 if margin <= 0 else margin)  # passes NaN on
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
        # An infinite score minus itself is NaN; for the label's own score it is skipped.
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
    Loss *loss, const real *x, double divisor, double *losses, real *dx, Py_ssize_t rows,
    Py_ssize_t n, int threads
) noexcept nogil:
    cdef Py_ssize_t i
    for i in prange(rows, num_threads=threads, schedule="static"):
        row_loss(loss, i, x + i * n, divisor, losses + i * loss.per_row, dx + i * n, n)


cdef void run_column(
    Loss *loss, const real *x, double divisor, double *losses, real *dx, Py_ssize_t rows,
    int threads
) noexcept nogil:
    """Rows of one element, in pieces: a piece runs in vectors, with the column's option for each of
    its elements."""
    cdef Loss of_piece = loss[0]
    cdef double options[PIECE]
    cdef Py_ssize_t i
    for i in range(PIECE):
        options[i] = loss.options[0]
    of_piece.options = options
    for i in prange(0, rows, PIECE, num_threads=threads, schedule="static"):
        row_loss(&of_piece, i, x + i, divisor, losses + i, dx + i,
                 min(<Py_ssize_t> PIECE, rows - i))


cdef double run(
    Loss *loss, const real *x, double divisor, bint is_column, double *losses, real *dx,
    Py_ssize_t rows, Py_ssize_t n, int threads
) noexcept nogil:
    cdef double total = 0.0
    cdef Py_ssize_t i
    if is_column and loss.weights == NULL and loss.options_step == 0:
        run_column(loss, x, divisor, losses, dx, rows, threads)
    else:
        run_rows(loss, x, divisor, losses, dx, rows, n, threads)
    for i in range(rows):
        total += in_order(losses + i * loss.per_row, loss.per_row)
    return total


def of_rows(source, x, losses, dx, int threads):
    """The losses of every row of x and their gradient, each times the row's scale. Returns the sum
    of the losses (over each row in order, then over the rows in order) and the divisor. If the
    divisor is 0, nothing is done.

    `source` is a RowLoss; x and dx (rows, n), losses (rows, per_row). All arrays are contiguous;
    x and dx have the RowLoss's dtype, the others are float64.
    """
    cdef Loss loss
    cdef list kept = []
    cdef double *to = <double *> address(losses, kept, True)
    cdef const void *at = address(x, kept)
    cdef void *slopes = address(dx, kept, True)
    cdef Py_ssize_t rows, n
    cdef size_t itemsize = x.itemsize
    cdef double divisor, total = 0.0
    cdef bint is_column
    rows, n = x.shape
    is_column = n == 1 and source.by_element
    read_loss(&loss, source, itemsize, kept)
    divisor = divisor_of(&loss, NULL, 0, rows)
    if divisor == 0.0:
        return total, divisor
    with nogil:
        if itemsize == 4:
            total = run(&loss, <const float *> at, divisor, is_column, to, <float *> slopes, rows,
                        n, threads)
        else:
            total = run(&loss, <const double *> at, divisor, is_column, to, <double *> slopes, rows,
                        n, threads)
    return total, divisor


def divisors(source, order, Py_ssize_t batch, double[::1] found):
    """The divisor of each batch of `batch` rows, in this order (int64; None: the order of
    memory)."""
    cdef Loss loss
    cdef list kept = []
    cdef const int64_t *rows = <const int64_t *> address(order, kept)
    cdef Py_ssize_t i, count = len(source.targets if order is None else order)
    read_loss(&loss, source, 8, kept)
    for i in range(found.shape[0]):
        found[i] = divisor_of(&loss, rows, i * batch, min(batch, count - i * batch))


def first_outside(const int64_t[::1] labels, Py_ssize_t classes):
    """The place of the first label outside 0 ... classes - 1; -1 if there is none."""
    cdef Py_ssize_t i
    for i in range(labels.shape[0]):
        if labels[i] < 0 or labels[i] >= classes:
            return i
    return -1
