"""The optimisers' updates, and the norms that bound gradients and weights.

One call updates all parameters of one dtype in place, where they are:

    weights, gradients   lists of contiguous arrays; a parameter without a gradient (None) is
                         left alone, and so is its state
    spans (spans, 4)     the work, cut into pieces: which parameter, its first element, that
                         element's place in the state, how many elements
    places (2, n)        room for the addresses of the n weights and gradients
    m, v, velocity, ...  the state: one flat array over all n parameters
    decay, rate, ...     numbers that differ from parameter to parameter, (n,)

Numbers are computed in double precision once per parameter, elements in their own precision.
An element needs no other element, so its bits depend neither on the threads nor on the spans.
Weight decay adds decay · w to the gradient g; where decay is 0 it is left out, so that an
infinite weight does not become NaN. Cost: one pass over all arrays named.
"""

from cpython.buffer cimport (
    PyBUF_C_CONTIGUOUS, PyBUF_WRITABLE, PyBuffer_Release, PyObject_GetBuffer)
from cython.parallel cimport prange
from libc.math cimport sqrt, sqrtf
from minidl._kernels.scalar cimport real

cdef enum:
    LANES = 8  # sums that run side by side, so that one addition need not wait for the last
    COLUMNS = 64


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


cdef inline real root(real x) noexcept nogil:
    if real is float:
        return sqrtf(x)
    else:
        return sqrt(x)


# ---- SGD: w -= lr g, or with momentum u = momentum u + fresh g, w -= lr u ------------------------
# Nesterov's form is w -= lr (g + momentum u). Without momentum `velocity` is empty. Two loops: in
# one with a condition the compiler masks the stores to u, which takes many times as long.

cdef inline void sgd_span(
    real *w, const real *g, Py_ssize_t n, real decay, real lr
) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        w[i] -= lr * (g[i] + decay * w[i] if decay != 0 else g[i])


cdef inline void momentum_span(
    real *w, const real *g, real *u, Py_ssize_t n,
    real decay, real fresh, real lr, real momentum, bint nesterov
) noexcept nogil:
    cdef Py_ssize_t i
    cdef real d
    for i in range(n):
        d = g[i] + decay * w[i] if decay != 0 else g[i]
        u[i] = momentum * u[i] + fresh * d
        w[i] -= lr * (d + momentum * u[i] if nesterov else u[i])


def sgd(
    list weights, list gradients, const Py_ssize_t[:, ::1] spans, Py_ssize_t[:, ::1] places,
    real[::1] velocity, const double[::1] decay, const double[::1] fresh,
    double lr, double momentum, bint nesterov, int threads
):
    cdef Py_ssize_t s, k
    cdef real *w
    cdef const real *g
    locate(weights, places[0], PyBUF_WRITABLE)
    locate(gradients, places[1], 0)
    for s in prange(spans.shape[0], nogil=True, num_threads=threads, schedule="static"):
        k = spans[s, 0]
        if places[1, k]:
            w = <real *> places[0, k] + spans[s, 1]
            g = <const real *> places[1, k] + spans[s, 1]
            if velocity.shape[0]:
                momentum_span(w, g, &velocity[spans[s, 2]], spans[s, 3], <real> decay[k],
                              <real> fresh[k], <real> lr, <real> momentum, nesterov)
            else:
                sgd_span(w, g, spans[s, 3], <real> decay[k], <real> lr)


# ---- Adam: m, v = averages of g and g²; w = shrink w - rate m / (sqrt(v) / correction + eps) ---
# rate = lr / (1 - beta1^t) and correction = sqrt(1 - beta2^t) undo that m and v start from 0.
# AdamW's decay is shrink = 1 - lr · weight_decay, beside the averages.

cdef inline void adam_span(
    real *w, const real *g, real *m, real *v, Py_ssize_t n, real decay, real shrink,
    real rate, real correction, real beta1, real rest1, real beta2, real rest2, real eps
) noexcept nogil:
    cdef Py_ssize_t i
    cdef real d
    for i in range(n):
        d = g[i] + decay * w[i] if decay != 0 else g[i]
        m[i] = beta1 * m[i] + rest1 * d
        v[i] = beta2 * v[i] + rest2 * d * d
        w[i] = shrink * w[i] - rate * (m[i] / (root(v[i]) / correction + eps))


def adam(
    list weights, list gradients, const Py_ssize_t[:, ::1] spans, Py_ssize_t[:, ::1] places,
    real[::1] m, real[::1] v, const double[::1] decay, const double[::1] shrink,
    const double[::1] rate, const double[::1] correction, double beta1, double beta2,
    double eps, int threads
):
    cdef Py_ssize_t s, k, first
    locate(weights, places[0], PyBUF_WRITABLE)
    locate(gradients, places[1], 0)
    for s in prange(spans.shape[0], nogil=True, num_threads=threads, schedule="static"):
        k, first = spans[s, 0], spans[s, 1]
        if places[1, k]:
            adam_span(<real *> places[0, k] + first, <const real *> places[1, k] + first,
                      &m[spans[s, 2]], &v[spans[s, 2]], spans[s, 3],
                      <real> decay[k], <real> shrink[k], <real> rate[k], <real> correction[k],
                      <real> beta1, <real> (1 - beta1), <real> beta2, <real> (1 - beta2),
                      <real> eps)


# ---- RMSprop: v = average of g²; w -= lr g / (sqrt(v) + eps) -----------------------------------
# Centred, the average m of g is kept too and the root is of the variance v - m², which rounding
# can make negative: it is then 0. With momentum, u = momentum u + g / (sqrt(v) + eps) and
# w -= lr u. An average that is not wanted is empty.

cdef inline void rmsprop_span(
    real *w, const real *g, real *v, real *m, real *u, Py_ssize_t n,
    real decay, real lr, real alpha, real rest, real eps, real momentum
) noexcept nogil:
    cdef Py_ssize_t i
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
            u[i] = momentum * u[i] + d
            d = u[i]
        w[i] -= lr * d


def rmsprop(
    list weights, list gradients, const Py_ssize_t[:, ::1] spans, Py_ssize_t[:, ::1] places,
    real[::1] v, real[::1] m, real[::1] velocity, const double[::1] decay,
    double lr, double alpha, double eps, double momentum, int threads
):
    cdef Py_ssize_t s, k, first, place
    cdef real *m_at
    cdef real *u_at
    locate(weights, places[0], PyBUF_WRITABLE)
    locate(gradients, places[1], 0)
    for s in prange(spans.shape[0], nogil=True, num_threads=threads, schedule="static"):
        k, first, place = spans[s, 0], spans[s, 1], spans[s, 2]
        if places[1, k]:
            m_at = &m[place] if m.shape[0] else NULL
            u_at = &velocity[place] if velocity.shape[0] else NULL
            rmsprop_span(<real *> places[0, k] + first, <const real *> places[1, k] + first,
                         &v[place], m_at, u_at, spans[s, 3], <real> decay[k], <real> lr,
                         <real> alpha, <real> (1 - alpha), <real> eps, <real> momentum)


# ---- Adagrad: v = sum of all g²; w -= rate g / (sqrt(v) + eps) ---------------------------------

cdef inline void adagrad_span(
    real *w, const real *g, real *v, Py_ssize_t n, real decay, real rate, real eps
) noexcept nogil:
    cdef Py_ssize_t i
    cdef real d
    for i in range(n):
        d = g[i] + decay * w[i] if decay != 0 else g[i]
        v[i] += d * d
        w[i] -= rate * (d / (root(v[i]) + eps))


def adagrad(
    list weights, list gradients, const Py_ssize_t[:, ::1] spans, Py_ssize_t[:, ::1] places,
    real[::1] v, const double[::1] decay, const double[::1] rate, double eps, int threads
):
    cdef Py_ssize_t s, k, first
    locate(weights, places[0], PyBUF_WRITABLE)
    locate(gradients, places[1], 0)
    for s in prange(spans.shape[0], nogil=True, num_threads=threads, schedule="static"):
        k, first = spans[s, 0], spans[s, 1]
        if places[1, k]:
            adagrad_span(<real *> places[0, k] + first, <const real *> places[1, k] + first,
                         &v[spans[s, 2]], spans[s, 3], <real> decay[k], <real> rate[k],
                         <real> eps)


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
