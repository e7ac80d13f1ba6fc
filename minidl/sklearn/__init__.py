"""Estimators for scikit-learn: `from minidl.sklearn import MLPClassifier, MLPRegressor`.

Only this room needs scikit-learn and SciPy: pip install 'minidl[sklearn]'. `import minidl` does not
import it.
"""

from .classifier import MLPClassifier
from .regressor import MLPRegressor

__all__ = ["MLPClassifier", "MLPRegressor"]


def __dir__() -> list[str]:
    return __all__
