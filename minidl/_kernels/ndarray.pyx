"""What the core asks of arrays and objects at every operation, by C interfaces."""

from minidl._kernels.ndarray cimport FLOAT, data, empty, load

cimport numpy as cnp
from cpython.object cimport PyObject, PyTypeObject

load()

cdef tuple NO_ARGUMENTS = ()


cdef void *address(object array, list kept, bint writable=False) except? NULL:
    """Where the elements of a C-contiguous array start; NULL for None. `kept` has the array from
    then on: who uses the address keeps it."""
    cdef int flags = cnp.NPY_ARRAY_C_CONTIGUOUS | (cnp.NPY_ARRAY_WRITEABLE if writable else 0)
    if array is None:
        return NULL
    if not cnp.PyArray_Check(array) or not cnp.PyArray_CHKFLAGS(<cnp.ndarray> array, flags):
        raise ValueError(f"expected a C-contiguous{' and writable' * writable} array")
    kept.append(array)
    return data(array)


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


cpdef bare(type kind):
    """An object of this class that no __init__ has seen, as kind.__new__(kind) gives it; that takes
    60 ns longer, a tenth of what a small operation takes."""
    return (<PyTypeObject *> kind).tp_new(kind, <PyObject *> NO_ARGUMENTS, NULL)
