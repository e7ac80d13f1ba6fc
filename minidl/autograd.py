"""Gradients as functions, under the names that users import: `from minidl import autograd`."""

from .engine.autograd import grad, hessian, hvp, jacobian, jvp, vjp

__all__ = ["grad", "hessian", "hvp", "jacobian", "jvp", "vjp"]


def __dir__() -> list[str]:
    return __all__
