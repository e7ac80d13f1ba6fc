"""The activation laboratory: what textbooks say of activations, run, measured and judged.

`python -m minidl_lab` runs it. An experiment is a file in `experiments/`: the claim, where it is
from, a protocol that was fixed before it was run, what is measured, the rule by which the numbers
are judged, and its pictures.
"""

from .bench import Bench, Digits
from .experiment import Experiment, Verdict
from .scale import FULL, QUICK, Scale

__all__ = ["FULL", "QUICK", "Bench", "Digits", "Experiment", "Scale", "Verdict"]
