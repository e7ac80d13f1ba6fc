# The C types of elementwise.py, where it is compiled.

cimport cython

from minidl.engine.tensor.base cimport Base
from minidl.engine.tensor.operation cimport Operation, record


@cython.locals(a=Base)
cpdef by_kernel(Operation operation, x, str kernel=*)
