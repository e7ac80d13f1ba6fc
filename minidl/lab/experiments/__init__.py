"""The experiments, in the order of the report: a file each."""

from ..experiment import Experiment
from .collapse import Collapse
from .six_times import SixTimes

EXPERIMENTS: tuple[Experiment, ...] = (Collapse(), SixTimes())
BY_NAME = {experiment.name: experiment for experiment in EXPERIMENTS}
