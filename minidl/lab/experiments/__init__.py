"""The experiments, in the order of the report: a file each."""

from ..experiment import Experiment
from .collapse import Collapse
from .dying import Dying
from .leaky import Leaky
from .saturation import Saturation
from .six_times import SixTimes
from .tanh_sigmoid import TanhSigmoid
from .zigzag import Zigzag

EXPERIMENTS: tuple[Experiment, ...] = (
    Collapse(), Saturation(), Zigzag(), SixTimes(), Dying(), Leaky(), TanhSigmoid(),
)  # fmt: skip
BY_NAME = {experiment.name: experiment for experiment in EXPERIMENTS}
