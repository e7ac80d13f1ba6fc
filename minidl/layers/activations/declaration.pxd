# The C types of declaration.py, where it is compiled.

from minidl.engine.tensor.operation cimport record


cpdef run_pointwise(kind, x, tuple values)
