"""Questions about arrays that the core asks at every operation, by NumPy's C interface."""

from minidl._kernels.ndarray cimport load

cimport numpy as cnp

load()


cpdef bint alike(x, y):
    """Whether two arrays have one shape and one dtype."""
    return (
        cnp.PyArray_CheckExact(x) and cnp.PyArray_CheckExact(y)
        and cnp.PyArray_TYPE(<cnp.ndarray> x) == cnp.PyArray_TYPE(<cnp.ndarray> y)
        and cnp.PyArray_SAMESHAPE(<cnp.ndarray> x, <cnp.ndarray> y)
    )
