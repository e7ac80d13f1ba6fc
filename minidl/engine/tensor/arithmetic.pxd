# The C types of arithmetic.py, where it is compiled.

cimport cython

from minidl.engine.tensor.base cimport Base, as_tensor, new_result
from minidl.engine.tensor.operation cimport Operation, record


cpdef binary(Operation operation, x, y)


cpdef tuple operands(str operation, x, y)


cpdef matmul(x, y)
