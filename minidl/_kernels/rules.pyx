"""The optimisers' update rules, each a section of two functions: one computes coefficients c from a
step's hyperparameters h, the other applies them to a parameter's elements.

No element needs another, so the bits depend neither on the threads nor on the spans. Coefficients
are computed in double precision once for a parameter and a step, elements in their own precision.
update.pxd applies weight decay and the sign of `maximize`. Cost of each rule: one pass over the
arrays named.
"""

from cpython.pycapsule cimport PyCapsule_New
from libc.math cimport exp, expm1, log, pow, sqrt

from minidl._kernels.real cimport real, root
from minidl._kernels.update cimport Hyperparameters, coefficients_function, rule_double, rule_float

RULES = {}  # by name: {"coefficients": ..., "float32": ..., "float64": ...}


cdef dict rule(coefficients_function coefficients, rule_float f32, rule_double f64):
    """A rule, in capsules for the Python side."""
    return {"coefficients": PyCapsule_New(<void *> coefficients, "minidl coefficients", NULL),
            "float32": PyCapsule_New(<void *> f32, "minidl rule float32", NULL),
            "float64": PyCapsule_New(<void *> f64, "minidl rule float64", NULL)}


# ---- SGD: w -= lr g; or u = momentum u + fresh g, and w -= lr u or w -= lr (g + momentum u) ----
# The first u is g. state: u or NULL; options: momentum, dampening, nesterov.

cdef void sgd_coefficients(const Hyperparameters *h, double *c) noexcept nogil:
    c[0], c[1] = h.lr, h.options[0]
    c[2] = 1 if h.t == 1 else 1 - h.options[1]
    c[3] = h.options[2]


cdef void sgd(
    real *w, const real *g, real *u, real *_, real *__, Py_ssize_t n, const double *c
) noexcept nogil:
    cdef Py_ssize_t i
    cdef real lr = <real> c[0], momentum = <real> c[1], fresh = <real> c[2], d
    cdef bint nesterov = c[3] != 0
    if u == NULL:
        for i in range(n):
            w[i] -= lr * g[i]
        return
    for i in range(n):
        d = g[i]
        u[i] = momentum * u[i] + fresh * d
        w[i] -= lr * (d + momentum * u[i] if nesterov else u[i])


RULES["sgd"] = rule(sgd_coefficients, sgd, sgd)


# ---- Adam: m, v = averages of g and g²; w -= rate m / (sqrt(v) / correction + eps) --------------
# rate = lr / (1 - beta1^t) and correction = sqrt(1 - beta2^t) undo the start of m and v from 0.
# With a third state, the root is that of the largest v so far. state: m, v, the largest v or NULL;
# options: beta1, beta2, eps.

cdef void adam_coefficients(const Hyperparameters *h, double *c) noexcept nogil:
    c[0] = h.lr / (1 - pow(h.options[0], h.t))
    c[1] = sqrt(1 - pow(h.options[1], h.t))
    c[2], c[3], c[4] = h.options[0], h.options[1], h.options[2]


cdef void adam(
    real *w, const real *g, real *m, real *v, real *largest, Py_ssize_t n, const double *c
) noexcept nogil:
    cdef Py_ssize_t i
    cdef real rate = <real> c[0], correction = <real> c[1], eps = <real> c[4]
    cdef real beta1 = <real> c[2], rest1 = <real> (1 - c[2])
    cdef real beta2 = <real> c[3], rest2 = <real> (1 - c[3]), d
    for i in range(n):
        d = g[i]
        m[i] = beta1 * m[i] + rest1 * d
        v[i] = beta2 * v[i] + rest2 * d * d
        d = v[i]
        if largest != NULL:
            d = largest[i] if d <= largest[i] else d
            largest[i] = d
        w[i] -= rate * (m[i] / (root(d) / correction + eps))


RULES["adam"] = rule(adam_coefficients, adam, adam)


# ---- Adam with eps beside the root of v before its correction: scikit-learn's -------------------
# The form at the end of section 2 of Kingma and Ba.

cdef void early_eps_coefficients(const Hyperparameters *h, double *c) noexcept nogil:
    adam_coefficients(h, c)
    c[4] /= c[1]


RULES["adam_early_eps"] = rule(early_eps_coefficients, adam, adam)


# ---- NAdam: Adam's averages; w -= (of_g g + of_m m) / (sqrt(v) / correction + eps) --------------
# With mu_t = beta1 (1 - 0.96^(t momentum_decay) / 2): of_g = lr (1 - mu_t) / (1 - mu_1 ... mu_t),
# of_m = lr mu_{t + 1} / (1 - mu_1 ... mu_{t + 1}).
# state: m, v; options: beta1, beta2, eps, momentum_decay.

cdef double product_of_momenta(double beta1, double log_q, double t) noexcept nogil:
    """mu_1 ... mu_t, without a loop over them. The logarithm of mu_i / beta1 = 1 - q^i / 2 is minus
    the sum over k of (q^i / 2)^k / k, and for one k these are a geometric series in i. The rest
    after 53 terms is below the rounding."""
    cdef double total = 0, power = 1, step
    cdef int k
    for k in range(1, 54):
        power /= 2
        step = k * log_q
        total += power / k * (exp(step) * expm1(t * step) / expm1(step) if step != 0 else t)
    return pow(beta1, t) * exp(-total)


cdef void nadam_coefficients(const Hyperparameters *h, double *c) noexcept nogil:
    cdef double beta1 = h.options[0], log_q = h.options[3] * log(0.96)
    cdef double mu = beta1 * (1 - exp(h.t * log_q) / 2)
    cdef double next_mu = beta1 * (1 - exp((h.t + 1) * log_q) / 2)
    cdef double product = product_of_momenta(beta1, log_q, h.t)
    adam_coefficients(h, c)
    c[0] = h.lr * (1 - mu) / (1 - product)
    c[5] = h.lr * next_mu / (1 - product * next_mu)


cdef void nadam(
    real *w, const real *g, real *m, real *v, real *_, Py_ssize_t n, const double *c
) noexcept nogil:
    cdef Py_ssize_t i
    cdef real of_g = <real> c[0], of_m = <real> c[5]
    cdef real correction = <real> c[1], eps = <real> c[4]
    cdef real beta1 = <real> c[2], rest1 = <real> (1 - c[2])
    cdef real beta2 = <real> c[3], rest2 = <real> (1 - c[3]), d
    for i in range(n):
        d = g[i]
        m[i] = beta1 * m[i] + rest1 * d
        v[i] = beta2 * v[i] + rest2 * d * d
        w[i] -= (of_g * d + of_m * m[i]) / (root(v[i]) / correction + eps)


RULES["nadam"] = rule(nadam_coefficients, nadam, nadam)


# ---- RAdam: Adam's averages; w -= rate m at first, then w -= rate m / (sqrt(v) + eps) -----------
# The first v have too large a variance to divide by their roots. `length`, the paper's rho_t, is
# the number of gradients that v averages; from 5 on the variance can be rectified. state: m, v;
# options: beta1, beta2, eps.

cdef void radam_coefficients(const Hyperparameters *h, double *c) noexcept nogil:
    cdef double power = pow(h.options[1], h.t), limit = 2 / (1 - h.options[1]) - 1
    cdef double length = limit - 2 * h.t * power / (1 - power)
    adam_coefficients(h, c)
    c[5] = length > 5
    if length > 5:
        c[0] *= c[1] * sqrt(
            (length - 4) * (length - 2) * limit / ((limit - 4) * (limit - 2) * length))


cdef void radam(
    real *w, const real *g, real *m, real *v, real *_, Py_ssize_t n, const double *c
) noexcept nogil:
    cdef Py_ssize_t i
    cdef real rate = <real> c[0], eps = <real> c[4]
    cdef real beta1 = <real> c[2], rest1 = <real> (1 - c[2])
    cdef real beta2 = <real> c[3], rest2 = <real> (1 - c[3]), d
    cdef bint divides = c[5] != 0
    for i in range(n):
        d = g[i]
        m[i] = beta1 * m[i] + rest1 * d
        v[i] = beta2 * v[i] + rest2 * d * d
        w[i] -= rate * (m[i] / (root(v[i]) + eps) if divides else m[i])


RULES["radam"] = rule(radam_coefficients, radam, radam)


# ---- RMSprop: v = average of g²; w -= lr g / (sqrt(v) + eps) -----------------------------------
# Centred, the average m of g is kept too and the root is of the variance v - m², which rounding
# can make negative: it is then 0. With momentum, u = momentum u + g / (sqrt(v) + eps) and
# w -= lr u. state: v, m or NULL, u or NULL; options: alpha, eps, momentum.

cdef void rmsprop_coefficients(const Hyperparameters *h, double *c) noexcept nogil:
    c[0], c[1] = h.lr, h.options[0]
    c[2], c[3] = h.options[1], h.options[2]


cdef void rmsprop(
    real *w, const real *g, real *v, real *m, real *u, Py_ssize_t n, const double *c
) noexcept nogil:
    cdef Py_ssize_t i
    cdef real lr = <real> c[0], alpha = <real> c[1], rest = <real> (1 - c[1])
    cdef real eps = <real> c[2], momentum = <real> c[3], d, variance
    for i in range(n):
        d = g[i]
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


RULES["rmsprop"] = rule(rmsprop_coefficients, rmsprop, rmsprop)


# ---- Adagrad: v = sum of all g²; w -= rate g / (sqrt(v) + eps) ---------------------------------
# state: v; options: lr_decay, what v starts from, eps.

cdef void adagrad_coefficients(const Hyperparameters *h, double *c) noexcept nogil:
    c[0] = h.lr / (1 + (h.t - 1) * h.options[0])
    c[1] = h.options[2]


cdef void adagrad(
    real *w, const real *g, real *v, real *_, real *__, Py_ssize_t n, const double *c
) noexcept nogil:
    cdef Py_ssize_t i
    cdef real rate = <real> c[0], eps = <real> c[1], d
    for i in range(n):
        d = g[i]
        v[i] += d * d
        w[i] -= rate * (d / (root(v[i]) + eps))


RULES["adagrad"] = rule(adagrad_coefficients, adagrad, adagrad)


# ---- Adadelta: v, u = averages of g² and d²; d = sqrt(u + eps) / sqrt(v + eps) g; w -= lr d -----
# state: v, u; options: rho, eps.

cdef void lr_and_two(const Hyperparameters *h, double *c) noexcept nogil:
    """The learning rate, and two options unchanged."""
    c[0], c[1], c[2] = h.lr, h.options[0], h.options[1]


cdef void adadelta(
    real *w, const real *g, real *v, real *u, real *_, Py_ssize_t n, const double *c
) noexcept nogil:
    cdef Py_ssize_t i
    cdef real lr = <real> c[0], rho = <real> c[1], rest = <real> (1 - c[1])
    cdef real eps = <real> c[2], d
    for i in range(n):
        d = g[i]
        v[i] = rho * v[i] + rest * d * d
        d = root(u[i] + eps) / root(v[i] + eps) * d
        u[i] = rho * u[i] + rest * d * d
        w[i] -= lr * d


RULES["adadelta"] = rule(lr_and_two, adadelta, adadelta)


# ---- Lion: w -= lr sign(beta1 m + (1 - beta1) g), then m = beta2 m + (1 - beta2) g --------------
# state: m; options: beta1, beta2.

cdef void lion(
    real *w, const real *g, real *m, real *_, real *__, Py_ssize_t n, const double *c
) noexcept nogil:
    cdef Py_ssize_t i
    cdef real lr = <real> c[0], d
    cdef real beta1 = <real> c[1], rest1 = <real> (1 - c[1])
    cdef real beta2 = <real> c[2], rest2 = <real> (1 - c[2])
    for i in range(n):
        d = beta1 * m[i] + rest1 * g[i]
        m[i] = beta2 * m[i] + rest2 * g[i]
        w[i] -= lr if d > 0 else -lr if d < 0 else 0 * d  # NaN for NaN


RULES["lion"] = rule(lr_and_two, lion, lion)
