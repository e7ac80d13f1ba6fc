# The C types of base.py, where it is compiled.

cimport cython

from minidl._kernels.ndarray cimport bare
from minidl.engine.tape cimport Memory, Node


cdef class Base:
    cdef public object _array, _hooks, grad
    cdef public Memory _memory
    cdef public Node _node
    cdef public long _recorded
    cdef public bint _requires_grad
    cdef object __weakref__


cdef type _result_class


@cython.locals(result=Base)
cpdef result_of(array, Memory memory)

cpdef as_tensor(value, str operation=*, Base like=*, number_dtype=*)

cpdef new_result(array)


cpdef origin(Base x)
