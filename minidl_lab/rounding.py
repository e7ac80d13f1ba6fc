"""What rounding allows in float32."""

UNIT = 2.0**-24  # a result is off by this share of itself at most


def gamma(terms: int) -> float:
    """γ(k) = k u / (1 - k u): k additions are off by this share of the sum of absolute values at
    most, in whatever order they are done. Higham, "Accuracy and stability of numerical algorithms",
    2002, section 3.1.

    >>> gamma(787) / UNIT
    787.036919001058
    """
    return terms * UNIT / (1 - terms * UNIT)
