"""What a loss of labels is for the kernel that trains: a function on a row of logits.

    loss(x, label, weights, smoothing, scale, dx, n)    the row's loss, and its gradient to dx[0..n)
"""

from cpython.pycapsule cimport PyCapsule_GetPointer, PyCapsule_New

from minidl._kernels.scalar cimport real

ctypedef double (*label_float)(
    const float *, Py_ssize_t, const double *, double, double, float *, Py_ssize_t) noexcept nogil
ctypedef double (*label_double)(
    const double *, Py_ssize_t, const double *, double, double, double *, Py_ssize_t
) noexcept nogil


cdef inline dict label_functions(label_float f32, label_double f64):
    """Both builds of a loss, as the Python side hands them on."""
    return {"float32": PyCapsule_New(<void *> f32, "minidl loss float32", NULL),
            "float64": PyCapsule_New(<void *> f64, "minidl loss float64", NULL)}


cdef inline void *label_function(object capsule, size_t itemsize) except? NULL:
    return PyCapsule_GetPointer(
        capsule, "minidl loss float32" if itemsize == 4 else "minidl loss float64")


cdef inline double label_loss(
    void *function, const real *x, Py_ssize_t label, const double *weights, double smoothing,
    double scale, real *dx, Py_ssize_t n
) noexcept nogil:
    if real is float:
        return (<label_float> function)(x, label, weights, smoothing, scale, dx, n)
    else:
        return (<label_double> function)(x, label, weights, smoothing, scale, dx, n)
