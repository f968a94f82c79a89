"""The table of routes: what matches, what is refused at start, and how requests are read."""

from typing import Annotated, Any, cast

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from builder.errors import InvalidError, MethodError, NotFoundError
from builder.model import Label, Value
from builder.model.visitor import Act
from builder.web.table import Route, Table
from builder.web.visit import Visit


class Asked(Value, frozen=True, kw_only=True, forbid_unknown_fields=True):
    number: Annotated[int, msgspec.Meta(ge=1)]
    name: Label = "x"
    limit: Annotated[int, msgspec.Meta(le=10)] = 5
    follow: bool = False


class Posted(Value, frozen=True, kw_only=True):
    body: Asked


class Text(Value, frozen=True, kw_only=True):
    body: str = "nothing"


class Rest(Value, frozen=True, kw_only=True):
    path: tuple[str, ...]


async def told(asked: Value, _: Visit) -> Value:
    return asked


def route(method: str, pattern: str, request: type[Value] = Asked, act: Act = Act.READ) -> Route[Any, Any]:
    return Route(method, pattern, act, request, Value, told)


TABLE = Table(
    [
        route("GET", "/things/{number}"),
        route("POST", "/things/{number}"),
        route("GET", "/things/{number}/{name}/log"),
        route("POST", "/things", Posted),
        route("POST", "/text", Text),
        route("GET", "/files/{path...}/list", Rest),
        route("GET", "/files/{path...}", Rest),
    ]
)


def test_segments_are_values_of_the_request() -> None:
    """What a pattern finds in a path comes decoded and converted."""
    found = TABLE.find("GET", "/things/17/fedora%2D43/log")
    assert found.route.pattern == "/things/{number}/{name}/log"
    assert found.asked({}, b"") == Asked(number=17, name="fedora-43")


@pytest.mark.parametrize(
    "path", ["/", "", "/things/0", "/things/-1", "/things/soon", "/things/1/", "/things/1/..%2Fx/log", "/things/%FF"]
)
def test_segments_that_are_no_such_values_do_not_match(path: str) -> None:
    """An address with the wrong kind of segment does not exist, rather than being a mistake."""
    with pytest.raises(NotFoundError, match="there is nothing at"):
        TABLE.find("GET", path)


def test_head_is_get() -> None:
    """Whatever can be read can be asked for without its body."""
    assert TABLE.find("HEAD", "/things/1").route.method == "GET"


def test_a_wrong_method_says_which_are_right() -> None:
    """The sentence and the list for `Allow` name all methods of the path."""
    with pytest.raises(MethodError, match="GET and HEAD and POST, not DELETE"):
        TABLE.find("DELETE", "/things/1")
    assert TABLE.methods("/things/1") == ("GET", "HEAD", "POST")
    assert TABLE.methods("/nothing") == ()


def test_the_first_route_wins() -> None:
    """A route with a longer pattern stands before the one that takes everything."""
    assert TABLE.find("GET", "/files/a/b/list").asked({}, b"") == Rest(path=("a", "b"))
    assert TABLE.find("GET", "/files/a/b/list").route.pattern == "/files/{path...}/list"
    assert TABLE.find("GET", "/files/a/b%2Fc").asked({}, b"") == Rest(path=("a", "b/c"))


def test_parameters_are_converted() -> None:
    """Query parameters are text and become the fields' types."""
    asked = TABLE.find("GET", "/things/1").asked({"limit": "7", "follow": "1", "name": "y"}, b"")
    assert asked == Asked(number=1, limit=7, follow=True, name="y")


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ({"limit": "11"}, "`limit` should be a whole number of at most 10, not `11`"),
        ({"limit": "x"}, "`limit` should be a whole number of at most 10, not `x`"),
        ({"limt": "1"}, "`limt` is not known here; did you mean `limit`?"),
        ({"follow": "yes", "limit": "3"}, "`follow` should be `true` or `false`, not `yes`"),
        ({"name": "a/b", "follow": "1"}, "`name` should be "),
    ],
)
def test_a_bad_parameter_is_named(query: dict[str, str], sentence: str) -> None:
    """A value that is none, or a misspelt name, is told as such."""
    with pytest.raises(InvalidError) as caught:
        TABLE.find("GET", "/things/1").asked(query, b"")
    (told,) = caught.value.mistakes
    assert told.startswith(f"the address has a parameter that is not acceptable: {sentence}")


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"\xff", b'{"number": 0}', b'{"nmber": 1}', b'{"x":' * 5000])
def test_a_bad_body_is_a_sentence(body: bytes) -> None:
    """JSON that is none, or not what is taken, is told in a sentence."""
    with pytest.raises(InvalidError, match="the request's body is not acceptable: "):
        TABLE.find("POST", "/things").asked({}, body)


def test_a_body_of_text_is_taken_as_it_is() -> None:
    """A field `body` of text takes anything in UTF-8, and nothing where it has a default."""
    found = TABLE.find("POST", "/text")
    assert found.asked({}, "á: 1".encode()) == Text(body="á: 1")
    assert found.asked({}, b"") == Text()
    with pytest.raises(InvalidError, match="the request's body is not acceptable: it is not UTF-8"):
        found.asked({}, b"\xff")


def test_a_route_without_an_act_is_refused() -> None:
    """Nothing is public by being forgotten."""
    with pytest.raises(TypeError, match="'act'"):
        Route("GET", "/x", request=Asked, response=Value, handler=told)  # type: ignore[call-arg]  # the very point
    with pytest.raises(TypeError, match="/x names no act"):
        Table([route("GET", "/x", act=cast("Act", None))])


def test_a_table_that_cannot_be_meant_is_refused() -> None:
    """Neither the same route twice nor a segment that goes nowhere."""
    with pytest.raises(ValueError, match="twice"):
        Table([route("GET", "/x"), route("GET", "/x")])
    with pytest.raises(ValueError, match="colour"):
        Table([route("GET", "/x/{colour}")])


@given(st.text(), st.sampled_from(["GET", "POST", "HEAD", "BREW"]))
def test_no_path_breaks_the_table(path: str, method: str) -> None:
    """Any path is found, or refused in a sentence."""
    try:
        TABLE.find(method, "/things/" + path)
    except (NotFoundError, MethodError) as error:
        assert str(error)  # noqa: PT017 - that it is one is all there is to say
