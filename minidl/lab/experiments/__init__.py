"""The experiments, in the order of the report: a file each."""

from ..experiment import Experiment
from .collapse import Collapse
from .leaky import Leaky
from .six_times import SixTimes

EXPERIMENTS: tuple[Experiment, ...] = (Collapse(), SixTimes(), Leaky())
BY_NAME = {experiment.name: experiment for experiment in EXPERIMENTS}
