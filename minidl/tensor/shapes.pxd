# The C types of shapes.py, where it is compiled.

from minidl.tensor.base cimport Base
from minidl.tensor.operation cimport Operation, record
