"""The experiments, in the order of the report: a file each."""

from ..experiment import Experiment
from .collapse import Collapse
from .maxout_contains import MaxoutContains
from .one_neuron import OneNeuron
from .prelu_slopes import PReLUSlopes

EXPERIMENTS: tuple[Experiment, ...] = (Collapse(), PReLUSlopes(), MaxoutContains(), OneNeuron())
BY_NAME = {experiment.name: experiment for experiment in EXPERIMENTS}
