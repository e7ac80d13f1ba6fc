"""Nets in ONNX files, the format that other frameworks and runtimes read: `minidl.onnx.save` writes
a net, an estimator or a table's model, and `minidl.onnx.load` makes a net of a file.

`pip install 'minidl[onnx]'` adds the onnx package, which is needed here and nowhere else. `import
minidl` does not import it. `minidl.onnx.backend` runs any model whose operators minidl has.
"""

from .loading import load
from .saving import save

__all__ = ["load", "save"]


def __dir__() -> list[str]:
    return __all__
