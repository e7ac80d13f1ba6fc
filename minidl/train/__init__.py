"""Training in one call: `fit`, what watches it, and what it leaves behind."""

from .averaging import WeightAverage
from .callbacks import Callback, Lambda
from .checkpoints import Checkpoint
from .ensemble import Ensemble, ensemble
from .evaluation import evaluate, predict
from .fit import fit
from .guards import GUARDS, check
from .history import History
from .metrics import accuracy, auc, confusion_matrix, f1, mae, precision, r2, recall, top_k
from .plateau import ReduceOnPlateau
from .rate_finder import RateCurve, find_learning_rate
from .records import BestWeights, CSVLogger, TensorBoard
from .run import Run
from .stopping import EarlyStopping, Timer

__all__ = [
    "GUARDS", "BestWeights", "CSVLogger", "Callback", "Checkpoint", "EarlyStopping", "Ensemble",
    "History", "Lambda", "RateCurve", "ReduceOnPlateau", "Run", "TensorBoard", "Timer",
    "WeightAverage", "accuracy", "auc", "check", "confusion_matrix", "ensemble", "evaluate",
    "f1", "find_learning_rate", "fit", "mae", "precision", "predict", "r2", "recall", "top_k",
]  # fmt: skip


def __dir__() -> list[str]:
    return __all__
