# The C types of indexing.py, where it is compiled.

from minidl.tensor.base cimport Base
from minidl.tensor.operation cimport Operation, record
