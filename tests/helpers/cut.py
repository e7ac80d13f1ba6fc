"""A training that ends in the middle, as by a kill."""

from minidl import train


class CutError(Exception):
    """What ends a training at once."""


class CutAfter(train.Callback):
    """Raises after so many steps of all; it comes after the checkpoint."""

    comes_last = True

    def __init__(self, steps):
        self.steps = steps

    def on_steps(self, run, losses):
        if run.step >= self.steps:
            raise CutError
