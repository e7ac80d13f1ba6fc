"""How arrays enter the kernels.

There are two ways. Kernels for whole batches have typed memoryviews: Cython checks their dtype,
axes and contiguity, which takes 0.3 µs for each array. All other kernels use these functions and
NumPy's C interface, which takes 20 ns: small operations, and arrays whose dtype or presence is
known only later.
"""

cimport numpy as cnp

cdef enum:
    FLOAT = cnp.NPY_FLOAT
    DOUBLE = cnp.NPY_DOUBLE


cdef inline int type_of(object x) noexcept:
    """FLOAT or DOUBLE for a C-contiguous array of such numbers, else -1."""
    if not cnp.PyArray_CheckExact(x):
        return -1
    cdef int kind = cnp.PyArray_TYPE(<cnp.ndarray> x)
    if (kind == FLOAT or kind == DOUBLE) and cnp.PyArray_CHKFLAGS(
        <cnp.ndarray> x, cnp.NPY_ARRAY_CARRAY_RO
    ) and cnp.PyArray_ISNOTSWAPPED(<cnp.ndarray> x):
        return kind
    return -1


cdef inline bint is_writable(object x) noexcept:
    return cnp.PyArray_CHKFLAGS(<cnp.ndarray> x, cnp.NPY_ARRAY_WRITEABLE)


cdef inline int axes(object x) noexcept:
    return cnp.PyArray_NDIM(<cnp.ndarray> x)


cdef inline const Py_ssize_t *shape(object x) noexcept:
    return <const Py_ssize_t *> cnp.PyArray_DIMS(<cnp.ndarray> x)


cdef inline Py_ssize_t size(object x) noexcept:
    return cnp.PyArray_SIZE(<cnp.ndarray> x)


cdef inline void *data(object x) noexcept:
    return cnp.PyArray_DATA(<cnp.ndarray> x)


cdef inline object empty_like(object x):
    """A new array of the shape and type of x, C-contiguous."""
    return cnp.PyArray_EMPTY(axes(x), cnp.PyArray_DIMS(<cnp.ndarray> x),
                             cnp.PyArray_TYPE(<cnp.ndarray> x), 0)


cdef inline object empty(int axes, const Py_ssize_t *shape, int kind):
    """A new C-contiguous array."""
    return cnp.PyArray_EMPTY(axes, <cnp.npy_intp *> shape, kind, 0)


cdef inline int load() except -1:
    """A module calls this before any of these functions."""
    return cnp.import_array()


cdef void *address(object array, list kept, bint writable=*) except? NULL
cpdef bint alike(x, y)
cpdef bint starts_with(y, x)
cpdef number(double value, like)
cpdef bare(type kind)
