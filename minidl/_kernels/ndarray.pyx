"""Questions about arrays that the core asks at every operation, by NumPy's C interface."""

from minidl._kernels.ndarray cimport FLOAT, data, empty, load

cimport numpy as cnp

load()


cpdef bint alike(x, y):
    """Whether two arrays have one shape and one dtype."""
    return (
        cnp.PyArray_CheckExact(x) and cnp.PyArray_CheckExact(y)
        and cnp.PyArray_TYPE(<cnp.ndarray> x) == cnp.PyArray_TYPE(<cnp.ndarray> y)
        and cnp.PyArray_SAMESHAPE(<cnp.ndarray> x, <cnp.ndarray> y)
    )


cpdef bint starts_with(y, x):
    """Whether the first element of one array is that of the other, in the same memory."""
    return cnp.PyArray_DATA(<cnp.ndarray> y) == cnp.PyArray_DATA(<cnp.ndarray> x)


cpdef number(double value, like):
    """An array without axes that holds a number, of the dtype of the array `like`, float32 or
    float64."""
    cdef int kind = cnp.PyArray_TYPE(<cnp.ndarray> like)
    cdef object array = empty(0, NULL, kind)
    if kind == FLOAT:
        (<float *> data(array))[0] = <float> value
    else:
        (<double *> data(array))[0] = value
    return array
