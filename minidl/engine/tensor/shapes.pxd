# The C types of shapes.py, where it is compiled.

from minidl.engine.tensor.base cimport Base
from minidl.engine.tensor.operation cimport Operation, record
