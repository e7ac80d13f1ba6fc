"""einsum: sums of products, by Einstein's convention."""

import math
from functools import lru_cache
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np

from ...errors import ArgumentError, ShapeError, explain
from .base import Base, as_tensor
from .contractions import Labels, contract, lengths, summed_over

if TYPE_CHECKING:
    from . import Tensor


def on_diagonal(x: "Tensor", labels: Labels) -> tuple["Tensor", Labels]:
    """The elements of x whose indices agree along axes of one label; each label is then there
    once."""
    once = tuple(dict.fromkeys(labels))
    if len(once) == len(labels):
        return x, labels
    sizes = lengths((x, labels))
    if any(sizes[label] != n for label, n in zip(labels, x.shape, strict=True)):
        raise ShapeError(explain("einsum", f"equal lengths of axes {labels}", f"shape {x.shape}"))
    places = [
        np.arange(n).reshape([-1 if label == other else 1 for other in once])
        for label, n in zip(labels, x.shape, strict=True)
    ]
    return x[tuple(places)], once


def einsum(subscripts: str, *tensors: Any) -> "Tensor":
    """Sums of products, by Einstein's convention.

    The subscripts have a letter for each axis of each tensor, then the letters of the result. The
    products are summed over all other letters:

        "ij,jk->ik"          C_ik = sum over j of A_ij B_jk, the matrix product
        "bi,bi->b"           the scalar product of every row
        "i,j->ij"            the outer product
        "ii->", "ij->ji"     the trace, the transpose
        "...ij,...jk->...ik" any axes before, which broadcast

    Without `->` the result has `...`, then, in alphabetical order, the letters that occur once. A
    letter stands for one length, and 1 broadcasts. The tensors, or data for them, may have any
    dtype; beside floats, integers are constants. More than two tensors are contracted in pairs,
    first the pair with the smallest result.

    ArgumentError for subscripts that do not fit the tensors, ShapeError for lengths that differ.

    >>> einsum("ij,j->i", [[1.0, 2.0], [3.0, 4.0]], [10.0, 1.0])
    tensor([12., 34.])
    """
    if not isinstance(subscripts, str):
        raise ArgumentError(explain("einsum", "subscripts first, 'ij,jk->ik'", repr(subscripts)))
    floats = (x for x in tensors if isinstance(x, Base) and x.dtype.kind == "f")
    like = next(floats, None)
    operands = [as_tensor(x, "einsum", like) for x in tensors]
    labels, of_result = read(subscripts, tuple([x.ndim for x in operands]))
    parts = [on_diagonal(x, own) for x, own in zip(operands, labels, strict=True)]
    sizes = lengths(*parts)
    while len(parts) > 1:
        i, j, left = next_pair([own for _, own in parts], of_result, sizes)
        (x, of_x), (y, of_y) = parts[i], parts[j]
        rest = [part for place, part in enumerate(parts) if place not in (i, j)]
        left = left if rest else of_result
        parts = [*rest, (contract(x, y, of_x, of_y, left), left)]
    x, own = parts[0]
    x, own = summed_over(x, own, {*own}.difference(of_result))
    return x if own == of_result else x.transpose([own.index(label) for label in of_result])


def next_pair(
    labels: list[Labels], of_result: Labels, sizes: dict[Any, int]
) -> tuple[int, int, Labels]:
    """The places of the two tensors whose contraction grows least, and the labels that it keeps:
    those that the result or another tensor has."""

    def left(i: int, j: int) -> Labels:
        others = [own for place, own in enumerate(labels) if place not in (i, j)]
        needed = {*of_result}.union(*others)
        return tuple(label for label in dict.fromkeys(labels[i] + labels[j]) if label in needed)

    def size(of_axes: Labels) -> int:
        return math.prod([sizes[label] for label in of_axes])

    def growth(pair: tuple[int, int]) -> int:
        return size(left(*pair)) - size(labels[pair[0]]) - size(labels[pair[1]])

    i, j = min(combinations(range(len(labels)), 2), key=growth)
    return i, j, left(i, j)


@lru_cache
def read(subscripts: str, ndims: tuple[int, ...]) -> tuple[list[Labels], Labels]:
    """The labels of each tensor, given its number of axes, and of the result. The axes that `...`
    stands for are numbered -1 (the last), -2, and so on."""
    given, arrow, wanted = subscripts.replace(" ", "").partition("->")
    terms = given.split(",")
    if len(terms) != len(ndims):
        raise unreadable(subscripts, f"terms for {len(ndims)} tensors")
    labels = []
    for term, ndim in zip(terms, ndims, strict=True):
        letters = letters_of(subscripts, term)
        more = ndim - len(letters)
        if more < 0 or (more > 0 and letters == term):
            raise unreadable(subscripts, f"a letter for each of {ndim} axes in {term!r}")
        labels.append(numbered(term, more))
    named = [label for own in labels for label in own]
    most = max([0, *[-label for label in named if isinstance(label, int)]])
    if not arrow:
        single = [label for label in named if isinstance(label, str) and named.count(label) == 1]
        wanted = "".join(["...", *sorted(single)])
    letters = letters_of(subscripts, wanted)
    if len({*letters}) < len(letters) or not {*letters} <= {*named}:
        raise unreadable(subscripts, "each letter of the result once, and in a term")
    if most and letters == wanted:
        raise unreadable(subscripts, "'...' in the result too")
    return labels, numbered(wanted, most)


def letters_of(subscripts: str, term: str) -> str:
    """The letters of a term, without its `...`."""
    letters = term.replace("...", "", 1)
    if letters and not (letters.isascii() and letters.isalpha()):
        raise unreadable(subscripts, "letters, ',', '->' and '...'")
    return letters


def numbered(term: str, more: int) -> Labels:
    """The letters of a term, with `more` numbers in place of `...`."""
    before, _, after = term.partition("...")
    return (*before, *range(-more, 0), *after)


def unreadable(subscripts: str, expected: str) -> ArgumentError:
    """The error for subscripts that cannot be read, or do not fit these tensors."""
    return ArgumentError(explain("einsum", expected, repr(subscripts), "'ij,jk->ik'"))
