"""The experiments, in the order of the report: a file each; what large ones measure is apart."""

from ..experiment import Experiment
from .advice import Advice
from .collapse import Collapse
from .dying import Dying
from .leaky import Leaky
from .maxout import MaxoutContains
from .one_neuron import OneNeuron
from .prelu import PReLUSlopes
from .saturation import Saturation
from .six_times import SixTimes
from .tanh_sigmoid import TanhSigmoid
from .zigzag import Zigzag

EXPERIMENTS: tuple[Experiment, ...] = (
    Advice(), Collapse(), Saturation(), Zigzag(), SixTimes(), Dying(), Leaky(), PReLUSlopes(),
    MaxoutContains(), TanhSigmoid(), OneNeuron(),
)  # fmt: skip
BY_NAME = {experiment.name: experiment for experiment in EXPERIMENTS}
