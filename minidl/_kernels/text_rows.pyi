from collections.abc import Sequence

import numpy as np

def read(
    text: bytes,
    start: int,
    delimiter: int,
    point: int,
    kinds: str,
    columns: Sequence[dict[str, float] | dict[str, int] | None],
    out: np.ndarray,
    row: int,
) -> tuple[int, int]: ...
