"""What an optimiser's rule is: a function of a span of a parameter's elements.

    rule(w, g, s0, s1, s2, n, c)    changes w[0..n) and its state by the gradients g[0..n)

The state is up to three arrays of w's shape, NULL if the rule keeps fewer. Another function
computes the coefficients c from the hyperparameters, once for a parameter and a step. `apply_rule`
adds weight decay and the sign of `maximize`. A rule travels in capsules, like an activation's row
functions, so its callers need no list of rules.
"""

from cpython.pycapsule cimport PyCapsule_GetPointer, PyCapsule_New

from minidl._kernels.scalar cimport real

ctypedef void (*rule_float)(
    float *, const float *, float *, float *, float *, Py_ssize_t, const double *) noexcept nogil
ctypedef void (*rule_double)(
    double *, const double *, double *, double *, double *, Py_ssize_t, const double *
) noexcept nogil

cdef enum:
    OWN = 6  # the most options of a rule, or numbers computed from them
    CHUNK = 256  # elements whose gradients are changed at a time, on the stack


cdef struct Hyperparameters:
    # The hyperparameters of a parameter's step.
    double t  # the count of the parameter's steps, this one included
    double lr
    double decay  # the weight decay
    double is_decoupled  # whether it shrinks w and stays out of the gradient
    double climbs  # whether the objective is maximised
    double options[OWN]  # the rule's own, in the order in which it declares them


cdef struct Coefficients:
    # The coefficients for the elements.
    double shrink  # w = shrink · w, before anything else
    double decay  # g = g + decay · w
    double climbs  # g = -g, unless 0
    double own[OWN]  # the rule's


ctypedef void (*coefficients_function)(const Hyperparameters *h, double *c) noexcept nogil


cdef inline void *rule_function(object capsule, size_t itemsize) except? NULL:
    """The capsule's pointer; a ValueError if it holds a function of another kind or dtype."""
    return PyCapsule_GetPointer(
        capsule, "minidl rule float32" if itemsize == 4 else "minidl rule float64")


cdef inline void call_rule(
    void *function, real *w, const real *g, real *s0, real *s1, real *s2, Py_ssize_t n,
    const double *c
) noexcept nogil:
    if real is float:
        (<rule_float> function)(w, g, s0, s1, s2, n, c)
    else:
        (<rule_double> function)(w, g, s0, s1, s2, n, c)


cdef inline real *moved(real *state, Py_ssize_t by) noexcept nogil:
    return state + by if state != NULL else NULL


cdef inline void apply_rule(
    void *function, real *w, const real *g, real *s0, real *s1, real *s2, Py_ssize_t n,
    const Coefficients *coefficients
) noexcept nogil:
    """The rule, with weight decay and the sign of `maximize` if they are wanted. A decay of 0 is
    left out, so that an infinite weight does not become NaN."""
    cdef real d[CHUNK]
    cdef Py_ssize_t first = 0, count, i
    cdef real shrink = <real> coefficients.shrink, decay = <real> coefficients.decay
    cdef bint climbs = coefficients.climbs != 0
    if shrink == 1 and decay == 0 and not climbs:
        call_rule(function, w, g, s0, s1, s2, n, coefficients.own)
        return
    while first < n:
        count = min(<Py_ssize_t> CHUNK, n - first)
        for i in range(count):
            w[first + i] *= shrink
            d[i] = -g[first + i] if climbs else g[first + i]
        if decay != 0:
            for i in range(count):
                d[i] += decay * w[first + i]
        call_rule(function, w + first, <const real *> d, moved(s0, first), moved(s1, first),
                  moved(s2, first), count, coefficients.own)
        first += count
