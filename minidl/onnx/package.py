"""The onnx package, imported when it is first needed."""

from types import ModuleType

from ..errors import MissingPackageError, explain


def package() -> ModuleType:
    """The package; MissingPackageError if it is not installed."""
    try:
        import onnx
        import onnx.inliner
        import onnx.version_converter
    except ImportError as error:
        raise MissingPackageError(
            explain("minidl.onnx", "the package onnx", error, "pip install onnx")
        ) from error
    return onnx
