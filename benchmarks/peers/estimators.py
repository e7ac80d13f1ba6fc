"""scikit-learn's MLPClassifier and minidl's, which have one interface: fit, then score."""

import importlib
import warnings
from typing import Any

import sklearn
from nets import load_numbers
from sklearn.datasets import load_iris
from sklearn.exceptions import ConvergenceWarning

from peers.timing import timed

HELD_OUT = 10_000  # of MNIST's images, for the accuracy


def versions() -> dict[str, str]:
    return {"scikit-learn": sklearn.__version__}


class Fit:
    """A whole fit, from the seed's first weights: what a user waits for."""

    def __init__(self, module: str, data: str, samples: int) -> None:
        self.kind: Any = importlib.import_module(module).MLPClassifier
        x, y = load_numbers(data)
        test = slice(len(x) - HELD_OUT, None)
        iris = load_iris(return_X_y=True)
        self.sets = {
            "MNIST": ((x[:samples], y[:samples]), (x[test], y[test])),
            "iris": (iris, iris),
        }

    def turn(self, name: str, seed: int, options: dict[str, Any]) -> dict[str, float]:
        train, test = self.sets[name]
        classifier = self.kind(random_state=seed, **options)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            seconds, _ = timed(classifier.fit, *train)
        return {"seconds": seconds, "loss": float(classifier.loss_curve_[-1]),
                "accuracy": 100 * float(classifier.score(*test))}  # fmt: skip
