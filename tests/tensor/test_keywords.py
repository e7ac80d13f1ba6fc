"""Keywords of other libraries: the error says what they are called here."""

from inspect import signature

import pytest

import minidl
from minidl import Tensor, functional, tensor
from minidl.errors import KeywordError

PLACES = {"x": Tensor, "minidl": minidl, "F": functional}
FUNCTIONS = {
    f"{prefix}.{name}": function
    for prefix, place in PLACES.items()
    for name in dir(place)
    if not name.startswith("_") and callable(function := getattr(place, name, None))
    if not isinstance(function, type) and "axis" in signature(function).parameters
}


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize(
    ("wrong", "ours"),
    [("dim", "the keyword axis"), ("keepdim", "the keyword keepdims"), ("odd", "that it has")],
)
def test_a_wrong_keyword_gets_an_error_that_says_ours(name, wrong, ours):
    function, x = FUNCTIONS[name], tensor([[1.0, 2.0]])
    parameters = signature(function).parameters.values()
    needed = [p for p in parameters if p.default is p.empty and p.kind is p.POSITIONAL_OR_KEYWORD]
    arguments = [x if name.startswith("x.") else [x, x], *needed[1:]]
    message = f"^{function.__name__}: expected .*{ours}, got {wrong}=1"
    with pytest.raises(KeywordError, match=message):
        function(*arguments, **{wrong: 1})


def test_it_is_a_type_error_as_in_python():
    with pytest.raises(TypeError, match="sum: expected the keyword axis, got dim=0."):
        tensor([1.0]).sum(dim=0)
