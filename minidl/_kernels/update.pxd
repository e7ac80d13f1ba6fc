"""What an optimiser's rule is: a function on a span of a parameter's elements.

    rule(w, g, s0, s1, s2, n, numbers)    changes w[0..n) and its state by the gradients g[0..n)

The state is up to three arrays of w's shape, NULL where the rule keeps less; the numbers are its
options, and what follows from them for this step. A rule travels in a capsule, as an activation's
row functions do, so what applies it needs no list of rules.
"""

from cpython.pycapsule cimport PyCapsule_GetPointer, PyCapsule_New

from minidl._kernels.scalar cimport real

ctypedef void (*rule_float)(
    float *, const float *, float *, float *, float *, Py_ssize_t, const double *) noexcept nogil
ctypedef void (*rule_double)(
    double *, const double *, double *, double *, double *, Py_ssize_t, const double *
) noexcept nogil


cdef inline dict rule(rule_float f32, rule_double f64):
    """Both builds of a rule, as the Python side hands them on."""
    return {"float32": PyCapsule_New(<void *> f32, "minidl rule float32", NULL),
            "float64": PyCapsule_New(<void *> f64, "minidl rule float64", NULL)}


cdef inline void *rule_function(object capsule, size_t itemsize) except? NULL:
    """The capsule's pointer; a ValueError if it holds a function of another kind or dtype."""
    return PyCapsule_GetPointer(
        capsule, "minidl rule float32" if itemsize == 4 else "minidl rule float64")


cdef inline void apply_rule(
    void *function, real *w, const real *g, real *s0, real *s1, real *s2, Py_ssize_t n,
    const double *numbers
) noexcept nogil:
    if real is float:
        (<rule_float> function)(w, g, s0, s1, s2, n, numbers)
    else:
        (<rule_double> function)(w, g, s0, s1, s2, n, numbers)
