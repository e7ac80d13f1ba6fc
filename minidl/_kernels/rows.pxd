"""What an activation's kernel is: two functions of a row of numbers.

    forward(x, slopes, y, units, options)             y[0..units) from the inputs at x
    backward(kept, slopes, dy, dx, units, options)    dx from dy and what forward kept (x or y)

    learned(x, dy, gradient, first, end, rows, units)   for an activation that learns a number for
                    each unit: its gradient over the whole batch, for units first ... end - 1

`slopes` is NULL except for PReLU, `options` are the declaration's options in order. A row function
may get the same memory for kept, dy and dx. The functions travel from their module to the others in
capsules, so the dense kernel and the drivers below it need no list of activations.
"""

from cpython.pycapsule cimport PyCapsule_GetPointer, PyCapsule_New
from cython.parallel cimport prange

from minidl._kernels.scalar cimport real
from minidl._kernels.team cimport share

ctypedef void (*forward_float)(
    const float *, const float *, float *, Py_ssize_t, const double *) noexcept nogil
ctypedef void (*forward_double)(
    const double *, const double *, double *, Py_ssize_t, const double *) noexcept nogil
ctypedef void (*backward_float)(
    const float *, const float *, const float *, float *, Py_ssize_t, const double *
) noexcept nogil
ctypedef void (*backward_double)(
    const double *, const double *, const double *, double *, Py_ssize_t, const double *
) noexcept nogil
ctypedef void (*learned_float)(
    const float *, const float *, float *, Py_ssize_t, Py_ssize_t, Py_ssize_t, Py_ssize_t
) noexcept nogil
ctypedef void (*learned_double)(
    const double *, const double *, double *, Py_ssize_t, Py_ssize_t, Py_ssize_t, Py_ssize_t
) noexcept nogil


cdef inline dict row_functions(
    forward_float f32, backward_float b32, forward_double f64, backward_double b64
):
    """The four builds of one activation, in capsules for the Python side."""
    return {
        "float32": (PyCapsule_New(<void *> f32, "minidl forward float32", NULL),
                    PyCapsule_New(<void *> b32, "minidl backward float32", NULL)),
        "float64": (PyCapsule_New(<void *> f64, "minidl forward float64", NULL),
                    PyCapsule_New(<void *> b64, "minidl backward float64", NULL)),
    }


cdef inline void *forward_function(object capsule, size_t itemsize) except? NULL:
    """The capsule's pointer; a ValueError if it holds a function of another kind or dtype."""
    return PyCapsule_GetPointer(
        capsule, "minidl forward float32" if itemsize == 4 else "minidl forward float64")


cdef inline void *backward_function(object capsule, size_t itemsize) except? NULL:
    return PyCapsule_GetPointer(
        capsule, "minidl backward float32" if itemsize == 4 else "minidl backward float64")


cdef inline void forward_row(
    void *function, const real *x, const real *slopes, real *y,
    Py_ssize_t units, const double *options
) noexcept nogil:
    if real is float:
        (<forward_float> function)(x, slopes, y, units, options)
    else:
        (<forward_double> function)(x, slopes, y, units, options)


cdef inline void backward_row(
    void *function, const real *kept, const real *slopes, const real *dy, real *dx,
    Py_ssize_t units, const double *options
) noexcept nogil:
    if real is float:
        (<backward_float> function)(kept, slopes, dy, dx, units, options)
    else:
        (<backward_double> function)(kept, slopes, dy, dx, units, options)


cdef inline dict learned_functions(learned_float f32, learned_double f64):
    """Both builds of the function that computes the gradient of learned numbers."""
    return {"float32": PyCapsule_New(<void *> f32, "minidl learned float32", NULL),
            "float64": PyCapsule_New(<void *> f64, "minidl learned float64", NULL)}


cdef inline void *learned_function(object capsule, size_t itemsize) except? NULL:
    return PyCapsule_GetPointer(
        capsule, "minidl learned float32" if itemsize == 4 else "minidl learned float64")


cdef inline void learned_gradient(
    void *function, const real *x, const real *dy, real *gradient, Py_ssize_t first,
    Py_ssize_t end, Py_ssize_t rows, Py_ssize_t units
) noexcept nogil:
    if real is float:
        (<learned_float> function)(x, dy, gradient, first, end, rows, units)
    else:
        (<learned_double> function)(x, dy, gradient, first, end, rows, units)


cdef inline void forward_rows(
    void *function, const real *x, Py_ssize_t width, const real *slopes, real *y,
    Py_ssize_t units, const double *options, Py_ssize_t first, Py_ssize_t end
) noexcept nogil:
    """Rows first ... end - 1 of y (rows, units) from x (rows, width)."""
    cdef Py_ssize_t i
    for i in range(first, end):
        forward_row(function, x + i * width, slopes, y + i * units, units, options)


cdef inline void backward_rows(
    void *function, const real *kept, Py_ssize_t kept_width, const real *slopes, const real *dy,
    real *dx, Py_ssize_t width, Py_ssize_t units, const double *options, Py_ssize_t first,
    Py_ssize_t end
) noexcept nogil:
    """Rows first ... end - 1 of dx (rows, width) from dy (rows, units) and what was kept."""
    cdef Py_ssize_t i
    for i in range(first, end):
        backward_row(function, kept + i * kept_width, slopes, dy + i * units, dx + i * width,
                     units, options)


cdef inline void forward_shares(
    void *function, const real *x, Py_ssize_t width, const real *slopes, real *y,
    Py_ssize_t units, const double *options, Py_ssize_t rows, int threads
) noexcept nogil:
    """All rows; threads share them. One thread works without a team, as in gemm.pxd."""
    cdef int thread
    if threads == 1:
        forward_rows(function, x, width, slopes, y, units, options, 0, rows)
        return
    for thread in prange(threads, num_threads=threads, schedule="static"):
        forward_rows(function, x, width, slopes, y, units, options, share(rows, thread, threads),
                     share(rows, thread + 1, threads))


cdef inline void backward_shares(
    void *function, const real *kept, Py_ssize_t kept_width, const real *slopes, const real *dy,
    real *dx, Py_ssize_t width, Py_ssize_t units, const double *options, Py_ssize_t rows,
    int threads
) noexcept nogil:
    """The backward pass, in the same way."""
    cdef int thread
    if threads == 1:
        backward_rows(function, kept, kept_width, slopes, dy, dx, width, units, options, 0, rows)
        return
    for thread in prange(threads, num_threads=threads, schedule="static"):
        backward_rows(function, kept, kept_width, slopes, dy, dx, width, units, options,
                      share(rows, thread, threads), share(rows, thread + 1, threads))
