"""What the core needs to know of arrays and objects at every operation, by C interfaces."""

from minidl._kernels.ndarray cimport FLOAT, data, empty, load

cimport numpy as cnp
from cpython.object cimport PyObject, PyTypeObject

load()

cdef tuple NO_ARGUMENTS = ()


cdef void *address(object array, list kept, bint writable=False) except? NULL:
    """The address of a C-contiguous array's elements; NULL for None. `kept` gets the array: whoever
    uses the address keeps it alive."""
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
    """Whether the first element of both arrays is the same memory."""
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
    """An object of this class without a call of __init__, like kind.__new__(kind), which takes 60
    ns longer: a tenth of a small operation."""
    return (<PyTypeObject *> kind).tp_new(kind, <PyObject *> NO_ARGUMENTS, NULL)
