# The C types of elementwise.py, where it is compiled.

from minidl.tensor.base cimport Base
from minidl.tensor.operation cimport Operation, record


cpdef by_kernel(Operation operation, Base x, str kernel=*)
