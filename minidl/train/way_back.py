"""`WayBack`: to undo a step whose loss is not finite."""

from time import perf_counter
from typing import Any

from ..step.training import TrainingStep
from .callbacks import may_change_training
from .feed import Batch
from .run import Run
from .state import learned, load_learned

SHARE = 0.005  # of the time, for keeping a state to go back to


class WayBack:
    """A place shortly before the present that a run can go back to: the state then, from which the
    steps since can be made again. It is renewed as often as a small share of the time allows, and
    before an epoch where a callback may have changed more than the steps do."""

    def __init__(self) -> None:
        self.state: dict[str, Any] = {}
        self.step = -1
        self._next = 0.0

    def renew(self, run: Run) -> None:
        """Moves the place to the present, if it is time to."""
        now = perf_counter()
        may_differ = not run.losses and any(map(may_change_training, run.callbacks))
        if now < self._next and not run.feed.is_full and not may_differ:
            return
        run.feed.mark()
        self.state, self.step = learned(run), run.step
        done = perf_counter()
        self._next = done + (done - now) / SHARE

    def go(self, run: Run, stepper: TrainingStep, steps: int) -> Batch:
        """Goes back and so many steps on from there; gives the batch that comes next."""
        load_learned(run, self.state)
        run.feed.again(stepper, steps)
        return run.feed.batch(steps)
