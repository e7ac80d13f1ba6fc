"""The experiments, in the order of the report: a file each."""

from ..experiment import Experiment
from .collapse import Collapse

EXPERIMENTS: tuple[Experiment, ...] = (Collapse(),)
BY_NAME = {experiment.name: experiment for experiment in EXPERIMENTS}
