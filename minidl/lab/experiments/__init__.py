"""The experiments, in the order of the report: a file each."""

from ..experiment import Experiment
from .collapse import Collapse
from .dying import Dying
from .saturation import Saturation
from .zigzag import Zigzag

EXPERIMENTS: tuple[Experiment, ...] = (Collapse(), Saturation(), Zigzag(), Dying())
BY_NAME = {experiment.name: experiment for experiment in EXPERIMENTS}
