"""Tables of any origin: files and data frames, the kinds of their columns, and encoders that turn
their rows into a net's inputs. `minidl.data` has the public names.
"""

from .encoder import Encoder
from .reading import table
from .table import Table

__all__ = ["Encoder", "Table", "table"]
