"""The errors that rounding allows in float32."""

UNIT = 2.0**-24  # the largest relative error of a result


def gamma(terms: int) -> float:
    """γ(k) = k u / (1 - k u): the largest error of k additions, in any order, relative to the sum
    of absolute values. Higham, "Accuracy and stability of numerical algorithms", 2002, section 3.1.

    >>> gamma(787) / UNIT
    787.036919001058
    """
    return terms * UNIT / (1 - terms * UNIT)
