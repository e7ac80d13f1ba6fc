from collections.abc import Mapping

import numpy as np

def read(
    text: bytes,
    start: int,
    delimiter: int,
    point: int,
    kinds: str,
    columns: list[Mapping[str, float] | None],
    out: np.ndarray,
    row: int,
) -> tuple[int, int]: ...
