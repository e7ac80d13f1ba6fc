"""The data that `fit` was given, in any form: as steps to train on, and rows to validate with."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from ..data.batches import Batches, is_plain
from ..data.kinds import inputs_of, is_gone_through_once, is_pair, require_data, rows_of
from ..data.pixels import warn_unless_pixels
from ..errors import ArgumentError, explain
from .feed import Feed, IterableFeed, RowFeed
from .readers import BATCH_SIZE, Key, Rows, Samples, Stream, read, stream_of
from .rows import class_weights, split

EVERY_EPOCH, ANEW = "batches in every epoch", "a list, or an object whose __iter__ starts anew"


class Given(NamedTuple):
    """The arguments of `fit` that say how its data is read."""

    batch_size: int | None
    shuffle: bool
    seed: int | None
    sample_weight: Any
    class_weight: Mapping[Any, float] | str | None
    validation_split: float | None
    steps_per_epoch: int | None
    key: Key

    def feed(
        self, data: Any, validation: Any, epochs: int, dtype: np.dtype | None
    ) -> tuple[Feed, Any]:
        """The data as steps for a model of this dtype, and the data for validation."""
        data = read("fit", data, self.key, self.batch_size, self.shuffle, self.seed)
        data = stream_of("fit", data, self.steps_per_epoch)
        require_data("fit", "data", data)
        if validation is not None:
            names = None if self.key is None or is_pair(validation) else self.key[:2]
            validation = read("validation", validation, names)
        if is_pair(data):
            x, y = data
            return self.of_pair(x, y, validation, dtype)
        self.refuse_options_of_pairs(data)
        if is_plain(data):
            return RowFeed(data, dtype), validation
        if epochs > 1 and is_gone_through_once(data):
            got = f"a {type(data).__name__}, which ends with the first"
            raise ArgumentError(explain("fit", EVERY_EPOCH, got, f"steps_per_epoch; {ANEW}"))
        return IterableFeed(data, dtype), validation

    def of_pair(self, x: Any, y: Any, validation: Any, dtype: np.dtype | None) -> tuple[Feed, Any]:
        """The rows of x and y, without those that are kept for validation."""
        x, y = inputs_of("fit", x, dtype), rows_of("fit", "y", y)
        whole = self.batches(x, y, self.sample_weight)
        warn_unless_pixels("fit", x)
        weights = whole.sample_weight
        if self.class_weight is not None:
            by_class = class_weights(y, self.class_weight)
            weights = by_class if weights is None else weights * by_class
        if weights is not None:
            whole = self.batches(x, y, weights)
        train = np.arange(len(y))
        if self.validation_split is not None:
            if validation is not None:
                raise ArgumentError(explain("fit", "validation or validation_split", "both"))
            train, kept = split(y, self.validation_split, self.seed)
            validation = Rows(x, y, kept)
        if weights is not None:
            train = train[weights[train] > 0]
            if not len(train):
                raise ArgumentError(explain("fit", "a row with a weight above 0", "only 0"))
        return RowFeed(whole if len(train) == len(y) else whole.among(train)), validation

    def batches(self, x: np.ndarray, y: np.ndarray, weights: Any) -> Batches:
        """The batches of these rows."""
        size = BATCH_SIZE if self.batch_size is None else self.batch_size
        return Batches(x, y, size, self.shuffle, self.seed, False, True, weights)

    def refuse_options_of_pairs(self, data: Any) -> None:
        """ArgumentError for an option that belongs to a pair (x, y)."""
        names = ["sample_weight", "class_weight", "validation_split"]
        if not isinstance(data.data if isinstance(data, Stream) else data, Samples):
            names.append("batch_size")
        for name in names:
            if getattr(self, name) is not None:
                hint = "batches (x, y, weights)" if name.endswith("weight") else ""
                expected, got = f"{name} beside a pair (x, y) only", type(data).__name__
                raise ArgumentError(explain("fit", expected, got, hint))
