"""The optimisers' update rules, and the norms that bound gradients and weights.

A rule is one function (update.pxd) on a span of a parameter's elements, and its line in RULES. An
element needs no other element, so its bits depend neither on the threads nor on the spans.
Numbers are computed in double precision once per parameter, elements in their own precision.
Weight decay adds decay · w to the gradient g; where decay is 0 it is left out, so that an
infinite weight does not become NaN. Cost of each: one pass over the arrays named.
"""

from cpython.buffer cimport (
    PyBUF_C_CONTIGUOUS, PyBUF_WRITABLE, PyBuffer_Release, PyObject_GetBuffer)
from cython.parallel cimport prange
from libc.math cimport sqrt, sqrtf

from minidl._kernels.scalar cimport real
from minidl._kernels.update cimport apply_rule, rule, rule_function

RULES = {}

cdef enum:
    LANES = 8  # sums that run side by side, so that one addition need not wait for the last
    COLUMNS = 64


cdef inline real root(real x) noexcept nogil:
    if real is float:
        return sqrtf(x)
    else:
        return sqrt(x)


# ---- SGD: w -= lr g --------------------------------------------------------------------------
# numbers: lr, decay.

cdef void sgd(
    real *w, const real *g, real *_, real *__, real *___, Py_ssize_t n, const double *numbers
) noexcept nogil:
    cdef Py_ssize_t i
    cdef real lr = <real> numbers[0], decay = <real> numbers[1]
    for i in range(n):
        w[i] -= lr * (g[i] + decay * w[i] if decay != 0 else g[i])


RULES["sgd"] = rule(sgd, sgd)


# ---- Momentum: u = momentum u + fresh g, w -= lr u, or in Nesterov's form w -= lr (g + momentum u)
# state: u; numbers: lr, decay, momentum, fresh, nesterov.

cdef void momentum(
    real *w, const real *g, real *u, real *_, real *__, Py_ssize_t n, const double *numbers
) noexcept nogil:
    cdef Py_ssize_t i
    cdef real lr = <real> numbers[0], decay = <real> numbers[1], share = <real> numbers[2]
    cdef real fresh = <real> numbers[3], d
    cdef bint nesterov = numbers[4] != 0
    for i in range(n):
        d = g[i] + decay * w[i] if decay != 0 else g[i]
        u[i] = share * u[i] + fresh * d
        w[i] -= lr * (d + share * u[i] if nesterov else u[i])


RULES["momentum"] = rule(momentum, momentum)


# ---- Adam: m, v = averages of g and g²; w = shrink w - rate m / (sqrt(v) / correction + eps) ----
# rate = lr / (1 - beta1^t) and correction = sqrt(1 - beta2^t) undo that m and v start from 0.
# AdamW's decay is shrink = 1 - lr · weight_decay, beside the averages.
# state: m, v; numbers: decay, shrink, rate, correction, beta1, beta2, eps.

cdef void adam(
    real *w, const real *g, real *m, real *v, real *_, Py_ssize_t n, const double *numbers
) noexcept nogil:
    cdef Py_ssize_t i
    cdef real decay = <real> numbers[0], shrink = <real> numbers[1], rate = <real> numbers[2]
    cdef real correction = <real> numbers[3], beta1 = <real> numbers[4], beta2 = <real> numbers[5]
    cdef real rest1 = <real> (1 - numbers[4]), rest2 = <real> (1 - numbers[5])
    cdef real eps = <real> numbers[6], d
    for i in range(n):
        d = g[i] + decay * w[i] if decay != 0 else g[i]
        m[i] = beta1 * m[i] + rest1 * d
        v[i] = beta2 * v[i] + rest2 * d * d
        w[i] = shrink * w[i] - rate * (m[i] / (root(v[i]) / correction + eps))


RULES["adam"] = rule(adam, adam)


# ---- RMSprop: v = average of g²; w -= lr g / (sqrt(v) + eps) -----------------------------------
# Centred, the average m of g is kept too and the root is of the variance v - m², which rounding
# can make negative: it is then 0. With momentum, u = momentum u + g / (sqrt(v) + eps) and
# w -= lr u. state: v, m or NULL, u or NULL; numbers: lr, decay, alpha, eps, momentum.

cdef void rmsprop(
    real *w, const real *g, real *v, real *m, real *u, Py_ssize_t n, const double *numbers
) noexcept nogil:
    cdef Py_ssize_t i
    cdef real lr = <real> numbers[0], decay = <real> numbers[1], alpha = <real> numbers[2]
    cdef real rest = <real> (1 - numbers[2]), eps = <real> numbers[3], share = <real> numbers[4]
    cdef real d, variance
    for i in range(n):
        d = g[i] + decay * w[i] if decay != 0 else g[i]
        v[i] = alpha * v[i] + rest * d * d
        variance = v[i]
        if m != NULL:
            m[i] = alpha * m[i] + rest * d
            variance = variance - m[i] * m[i]
            variance = 0 if variance < 0 else variance
        d = d / (root(variance) + eps)
        if u != NULL:
            u[i] = share * u[i] + d
            d = u[i]
        w[i] -= lr * d


RULES["rmsprop"] = rule(rmsprop, rmsprop)


# ---- Adagrad: v = sum of all g²; w -= rate g / (sqrt(v) + eps) ---------------------------------
# state: v; numbers: decay, rate, eps.

cdef void adagrad(
    real *w, const real *g, real *v, real *_, real *__, Py_ssize_t n, const double *numbers
) noexcept nogil:
    cdef Py_ssize_t i
    cdef real decay = <real> numbers[0], rate = <real> numbers[1], eps = <real> numbers[2], d
    for i in range(n):
        d = g[i] + decay * w[i] if decay != 0 else g[i]
        v[i] += d * d
        w[i] -= rate * (d / (root(v[i]) + eps))


RULES["adagrad"] = rule(adagrad, adagrad)


# ---- One step for all parameters of one dtype ---------------------------------------------------

cdef int locate(list arrays, Py_ssize_t[::1] places, int flags) except -1:
    """Where each array's elements start; 0 for None. The caller's list keeps the arrays alive."""
    cdef Py_buffer view
    cdef Py_ssize_t k
    for k in range(len(arrays)):
        places[k] = 0
        if arrays[k] is not None:
            PyObject_GetBuffer(arrays[k], &view, flags | PyBUF_C_CONTIGUOUS)
            places[k] = <Py_ssize_t> view.buf
            PyBuffer_Release(&view)
    return 0


cdef inline real *part(real[::1] state, Py_ssize_t start) noexcept nogil:
    return &state[start] if state.shape[0] else NULL


def step(
    function, list weights, list gradients, const Py_ssize_t[:, ::1] spans,
    Py_ssize_t[:, ::1] places, real[::1] s0, real[::1] s1, real[::1] s2,
    const double[:, ::1] numbers, int threads
):
    """Applies a rule to the parameters in place, where they are.

    weights, gradients   lists of contiguous arrays; a parameter without a gradient (None) is
                         left alone, and so is its state
    spans (spans, 4)     the work, cut into pieces: which parameter, its first element, that
                         element's place in the state, how many elements
    places (2, n)        room for the addresses of the n weights and gradients
    s0, s1, s2           the state: flat arrays over all n parameters; empty if it is not kept
    numbers (n, k)       the rule's numbers for every parameter
    """
    cdef void *f = rule_function(function, sizeof(real))
    cdef Py_ssize_t s, k
    locate(weights, places[0], PyBUF_WRITABLE)
    locate(gradients, places[1], 0)
    for s in prange(spans.shape[0], nogil=True, num_threads=threads, schedule="static"):
        k = spans[s, 0]
        if places[1, k]:
            apply_rule[real](
                f, <real *> places[0, k] + spans[s, 1],
                <const real *> places[1, k] + spans[s, 1], part(s0, spans[s, 2]),
                part(s1, spans[s, 2]), part(s2, spans[s, 2]), spans[s, 3], &numbers[k, 0])


# ---- Norms: in double precision, in one fixed order --------------------------------------------

def sum_of_squares(const real[::1] x):
    """The sum of x², as a float: LANES sums that run through x side by side, then added up."""
    cdef double sums[LANES]
    cdef Py_ssize_t i = 0, lane, n = x.shape[0]
    cdef double total = 0
    with nogil:
        for lane in range(LANES):
            sums[lane] = 0
        while i + LANES <= n:
            for lane in range(LANES):
                sums[lane] += <double> x[i + lane] * x[i + lane]
            i = i + LANES
        for lane in range(n - i):
            sums[lane] += <double> x[i + lane] * x[i + lane]
        for lane in range(LANES):
            total += sums[lane]
    return total


cdef inline void limit_columns(
    real *W, double *norms, Py_ssize_t rows, Py_ssize_t units, Py_ssize_t columns, double limit
) noexcept nogil:
    """The same for up to COLUMNS neighbouring columns of a matrix whose rows are `units` long."""
    cdef double scales[COLUMNS]
    cdef Py_ssize_t i, u
    cdef bint exceeded = False
    for u in range(columns):
        norms[u] = 0
    for i in range(rows):
        for u in range(columns):
            norms[u] += <double> W[i * units + u] * W[i * units + u]
    for u in range(columns):
        norms[u] = sqrt(norms[u])
        scales[u] = limit / norms[u] if norms[u] > limit else 1
        exceeded = exceeded or norms[u] > limit
    if exceeded:
        for i in range(rows):
            for u in range(columns):
                W[i * units + u] = <real> (W[i * units + u] * scales[u])


def max_norm(real[:, ::1] W, double limit, double[::1] norms, int threads):
    """norms_u = the norm of column u of W (in, units); where it is above `limit`, the column is
    scaled down to it. Cost: one pass over W, a second one where a norm is too large."""
    cdef Py_ssize_t block, start, rows = W.shape[0], units = W.shape[1]
    cdef Py_ssize_t blocks = (units + COLUMNS - 1) // COLUMNS
    for block in prange(blocks, nogil=True, num_threads=threads, schedule="static"):
        start = COLUMNS * block
        limit_columns(&W[0, start], &norms[start], rows, units, min(COLUMNS, units - start),
                      limit)
