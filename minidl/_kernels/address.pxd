"""Where the elements of an array start, for arrays whose dtype or presence is known only later."""

from cpython.buffer cimport (
    PyBUF_C_CONTIGUOUS, PyBUF_WRITABLE, PyBuffer_Release, PyObject_GetBuffer)


cdef inline void *address(object array, list kept, bint writable=False) except? NULL:
    """Where a contiguous array's elements start; NULL for None. `kept` has the array from then on:
    who uses the address keeps it."""
    cdef Py_buffer view
    if array is None:
        return NULL
    PyObject_GetBuffer(array, &view, PyBUF_C_CONTIGUOUS | (PyBUF_WRITABLE if writable else 0))
    PyBuffer_Release(&view)
    kept.append(array)
    return view.buf
