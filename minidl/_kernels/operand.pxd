"""An array argument, taken through Python's buffer protocol without a typed memoryview.

A memoryview is an object that Cython makes for each argument, and where the arguments may be of
either precision it first asks NumPy which: 0.9 µs for three arrays, which is more than the product
of small ones takes. This way they take 0.3 µs.
"""

from cpython.buffer cimport (
    PyBUF_C_CONTIGUOUS, PyBUF_FORMAT, PyBUF_WRITABLE, PyObject_GetBuffer)


cdef inline int take(object array, int axes, bint writable, Py_buffer *operand) except -1:
    """A C-contiguous array of float32 or float64 and so many axes, until PyBuffer_Release."""
    cdef int flags = PyBUF_FORMAT | PyBUF_C_CONTIGUOUS | (PyBUF_WRITABLE if writable else 0)
    PyObject_GetBuffer(array, operand, flags)
    if operand.ndim != axes or operand.format[0] not in (c"f", c"d") or operand.format[1] != 0:
        raise ValueError(f"expected a float32 or float64 array of {axes} axes")
    return 0
