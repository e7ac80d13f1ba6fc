"""Softmax, its logarithm, and cross-entropy with its gradient, row by row.

A row of x holds one sample's logits. With m = max x and z = x - m nothing overflows: every e^z is
at most 1, and their sum is at least 1. The exponentials have x's precision. Sums are in double
precision and in one order: four sums of every fourth number, then their sum.

NaN anywhere in a row makes the row NaN. A logit of -inf has probability 0, and a single logit of
+inf has probability 1; two of them, or a row of only -inf, leave the ratio undefined and give NaN.
"""

from cython.parallel cimport prange
from libc.math cimport INFINITY, NAN, fabs
from libc.stdint cimport int64_t

from minidl._kernels.losses cimport loss_functions
from minidl._kernels.scalar cimport exp, exp_below, normal_log64, real


cdef inline double log_of_sum(double x, bint short_series) noexcept nogil:
    """ln x for x >= 1. A short series is enough for sums of float32."""
    return normal_log64(x, short_series) if x >= 1.0 else NAN


cdef inline double below(double x, double m) noexcept nogil:
    """z = x - m; 0 for the largest logit, even if it is infinite."""
    return 0.0 if x == m else x - m


cdef inline real largest(const real *x, Py_ssize_t n) noexcept nogil:
    """max x; -inf of nothing. NaN loses every comparison, but shows again in the sum."""
    cdef Py_ssize_t j, whole = n - n % 4
    cdef real a = <real> -INFINITY, b = a, c = a, d = a
    for j in range(0, whole, 4):
        a = x[j] if x[j] > a else a
        b = x[j + 1] if x[j + 1] > b else b
        c = x[j + 2] if x[j + 2] > c else c
        d = x[j + 3] if x[j + 3] > d else d
    for j in range(whole, n):
        a = x[j] if x[j] > a else a
    a, c = (a if a > b else b), (c if c > d else d)
    return a if a > c else c


cdef inline double sum_of(const real *x, Py_ssize_t n) noexcept nogil:
    """The sum of x, in four chains, as in one every addition would wait for the last."""
    cdef Py_ssize_t j, whole = n - n % 4
    cdef double a = 0.0, b = 0.0, c = 0.0, d = 0.0
    for j in range(0, whole, 4):
        a += x[j]
        b += x[j + 1]
        c += x[j + 2]
        d += x[j + 3]
    for j in range(whole, n):
        a += x[j]
    return (a + b) + (c + d)


cdef inline double dot_of(const real *x, const real *y, Py_ssize_t n) noexcept nogil:
    """The sum of x y, in the same way."""
    cdef Py_ssize_t j, whole = n - n % 4
    cdef double a = 0.0, b = 0.0, c = 0.0, d = 0.0
    for j in range(0, whole, 4):
        a += <double> x[j] * y[j]
        b += <double> x[j + 1] * y[j + 1]
        c += <double> x[j + 2] * y[j + 2]
        d += <double> x[j + 3] * y[j + 3]
    for j in range(whole, n):
        a += <double> x[j] * y[j]
    return (a + b) + (c + d)


cdef inline double exponentials(const real *x, real m, real *e, Py_ssize_t n) noexcept nogil:
    """e_j = exp(x_j - m); gives the sum of what is stored."""
    cdef Py_ssize_t j
    cdef double total
    for j in range(n):
        e[j] = exp_below(x[j], m)
    total = sum_of(e, n)
    return NAN if fabs(m) == INFINITY and total > 1.0 else total


cdef inline double cost(double a, double log_p) noexcept nogil:
    """-a ln p; a class without weight (a = 0) costs nothing, even if it is impossible."""
    return 0.0 if a == 0.0 else -a * log_p


# ---- softmax: y_j = e^(z_j) / sum e^z, dx = y (dy - sum y dy); keeps y ------------------------
# Shapes (rows, n). Cost: three passes over x and y, one exponential for each element.

cdef inline void softmax_row(const real *x, real *y, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t j
    cdef double factor = 1.0 / exponentials(x, largest(x, n), y, n)
    for j in range(n):
        y[j] = <real> (y[j] * factor)


cdef inline void softmax_backward_row(
    const real *y, const real *dy, real *dx, Py_ssize_t n
) noexcept nogil:
    cdef Py_ssize_t j
    cdef double mean = dot_of(y, dy, n)
    for j in range(n):
        dx[j] = <real> (y[j] * (dy[j] - mean))


def softmax(const real[:, ::1] x, real[:, ::1] y, int threads):
    """y = softmax(x) of every row."""
    cdef Py_ssize_t i, n = x.shape[1]
    for i in prange(x.shape[0], nogil=True, num_threads=threads, schedule="static"):
        softmax_row(&x[i, 0], &y[i, 0], n)


def softmax_backward(
    const real[:, ::1] y, const real[:, ::1] dy, real[:, ::1] dx, int threads
):
    """dx from y = softmax(x) and dy."""
    cdef Py_ssize_t i, n = y.shape[1]
    for i in prange(y.shape[0], nogil=True, num_threads=threads, schedule="static"):
        softmax_backward_row(&y[i, 0], &dy[i, 0], &dx[i, 0], n)


# ---- log_softmax: y_j = z_j - ln sum e^z, dx = dy - e^y sum dy; keeps y -----------------------
# Shapes (rows, n). Cost: three passes over x and y, one exponential for each element.

cdef inline void log_softmax_row(const real *x, real *y, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t j
    cdef real m = largest(x, n)
    cdef double log_total = log_of_sum(exponentials(x, m, y, n), sizeof(real) == 4)
    for j in range(n):
        y[j] = <real> (below(x[j], m) - log_total)


cdef inline void log_softmax_backward_row(
    const real *y, const real *dy, real *dx, Py_ssize_t n
) noexcept nogil:
    cdef Py_ssize_t j
    cdef double total = sum_of(dy, n)
    for j in range(n):
        dx[j] = <real> (dy[j] - exp(y[j]) * total)


def log_softmax(const real[:, ::1] x, real[:, ::1] y, int threads):
    """y = ln softmax(x) of every row."""
    cdef Py_ssize_t i, n = x.shape[1]
    for i in prange(x.shape[0], nogil=True, num_threads=threads, schedule="static"):
        log_softmax_row(&x[i, 0], &y[i, 0], n)


def log_softmax_backward(
    const real[:, ::1] y, const real[:, ::1] dy, real[:, ::1] dx, int threads
):
    """dx from y = log_softmax(x) and dy."""
    cdef Py_ssize_t i, n = y.shape[1]
    for i in prange(y.shape[0], nogil=True, num_threads=threads, schedule="static"):
        log_softmax_backward_row(&y[i, 0], &dy[i, 0], &dx[i, 0], n)


# ---- cross-entropy: loss = -sum_j a_j ln p_j, dx_j = (sum a) p_j - a_j ------------------------ p
# = softmax(x), and a_j >= 0 is the target's weight of class j. Both results come from the same
# exponentials, which dx holds in between. The largest one is exactly 1, so that p - a keeps its
# digits if p is nearly a. losses.pxd describes the arguments of a row's function. A label's options
# are the smoothing and the weight w of every class; they mean a_j = w_j smoothing / n, plus w_j (1
# - smoothing) if j is the label. The label n says that the row is ignored. Cost: as for softmax,
# and one pass over a.

cdef void soft_targets_row(
    const real *x, const void *target, const double *_, double scale, double *losses, real *dx,
    Py_ssize_t n
) noexcept nogil:
    cdef Py_ssize_t j
    cdef const real *a = <const real *> target
    cdef real m = largest(x, n)
    cdef double total = exponentials(x, m, dx, n)
    cdef double log_total = log_of_sum(total, sizeof(real) == 4)
    cdef double loss = 0.0, wanted = 0.0
    for j in range(n):
        wanted += a[j]
        loss += cost(a[j], below(x[j], m) - log_total)
    total = wanted / total
    for j in range(n):
        dx[j] = <real> (scale * (total * dx[j] - a[j]))
    losses[0] = scale * loss


cdef void label_row(
    const real *x, const void *target, const double *options, double scale, double *losses,
    real *dx, Py_ssize_t n
) noexcept nogil:
    cdef Py_ssize_t j, label = (<const int64_t *> target)[0]
    cdef double smoothing = options[0]
    cdef const double *weights = options + 1
    cdef real m
    cdef double total, log_total, hit, share, loss, wanted, factor, at_label
    if label == n:  # ignored
        losses[0] = 0.0
        for j in range(n):
            dx[j] = 0.0
        return
    m = largest(x, n)
    total = exponentials(x, m, dx, n)
    log_total = log_of_sum(total, sizeof(real) == 4)
    hit, share = (1.0 - smoothing) * weights[label], smoothing / n
    loss, wanted = cost(hit, below(x[label], m) - log_total), hit
    if smoothing > 0.0:
        for j in range(n):
            wanted += share * weights[j]
            loss += cost(share * weights[j], below(x[j], m) - log_total)
    factor = scale * wanted / total
    at_label = factor * dx[label] - scale * (share * weights[label] + hit)
    if smoothing > 0.0:
        for j in range(n):
            dx[j] = <real> (factor * dx[j] - scale * share * weights[j])
    else:
        for j in range(n):
            dx[j] = <real> (factor * dx[j])
    dx[label] = <real> at_label
    losses[0] = scale * loss


LOSSES = {
    "cross_entropy": loss_functions(label_row, label_row),
    "cross_entropy of soft targets": loss_functions(soft_targets_row, soft_targets_row),
}
