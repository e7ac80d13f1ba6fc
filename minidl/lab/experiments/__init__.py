"""The experiments, in the order of the report: a file each."""

from ..experiment import Experiment
from .collapse import Collapse
from .leaky import Leaky
from .six_times import SixTimes
from .tanh_sigmoid import TanhSigmoid

EXPERIMENTS: tuple[Experiment, ...] = (Collapse(), SixTimes(), Leaky(), TanhSigmoid())
BY_NAME = {experiment.name: experiment for experiment in EXPERIMENTS}
