"""The activation laboratory: claims of textbooks about activations, tested, measured and judged.

`python -m minidl_lab` runs it. An experiment is a file in `experiments/`: the claim, its source, a
protocol that was fixed before the first run, the measurements, the rule that judges the numbers,
and its pictures.
"""

from .bench import Bench, Digits
from .experiment import Experiment, Verdict
from .scale import FULL, QUICK, Scale

__all__ = ["FULL", "QUICK", "Bench", "Digits", "Experiment", "Scale", "Verdict"]
