"""The table of routes: the handler of each request, and what the request has to bring.

A pattern is a path whose variable segments are written `{name}`, or `{name...}` for one or more segments. Each name
is a field of the route's request type, and a segment that is no value of that field's type does not match:
`/builds/soon` is an address that does not exist. The field `body`, where there is one, is the request's body: decoded
from JSON, or the plain text where its type is `str`. All other fields are query parameters.
"""

import re
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar
from urllib.parse import unquote_to_bytes

import msgspec
from msgspec import inspect

from builder.errors import InvalidError, MethodError, NotFoundError
from builder.mistakes import read
from builder.model import Value
from builder.model.visitor import Act
from builder.web.visit import Visit

_NAMES = re.compile(r"\{(\w+)(\.\.\.)?\}")
_TRUTH = {"true": True, "1": True, "false": False, "0": False}

Asked = TypeVar("Asked", bound=Value)
Told = TypeVar("Told")


@dataclass(frozen=True)
class Route(Generic[Asked, Told]):
    """A route: a thing that can be asked for, and the act that it needs; a route for GET answers HEAD too."""

    method: str
    pattern: str
    act: Act
    request: type[Asked]
    response: type[Told]
    handler: Callable[[Asked, Visit], Awaitable[Told]]


class RouteMatch:
    """A route with the values that its pattern found in a path."""

    def __init__(self, entry: "_Entry", segments: Mapping[str, Any]) -> None:
        self.route: Route[Any, Any] = entry.route
        self._entry = entry
        self._segments = segments

    def asked(self, query: Mapping[str, str], body: bytes) -> Any:
        """Return the value that the handler takes.

        Raises:
            InvalidError: A query parameter or the body is not what the route takes.
        """
        parameters = self._entry.parameters(query)
        return self.route.request(**self._segments, **parameters, **self._entry.body(body))


class Table:
    """The table of all routes; the first that matches a path and a method answers.

    Raises:
        TypeError: A route names no act.
        ValueError: A pattern names no field of its request, or two routes are the same.
    """

    def __init__(self, routes: Iterable[Route[Any, Any]]) -> None:
        self.routes = tuple(routes)
        seen: set[tuple[str, str]] = set()
        for route in self.routes:
            if not isinstance(route.act, Act):
                raise TypeError(
                    f"{route.method} {route.pattern} names no act: say what its visitor must be allowed to do"
                )
            if (route.method, route.pattern) in seen:
                raise ValueError(f"{route.method} {route.pattern} is there twice")
            seen.add((route.method, route.pattern))
        self._entries = tuple(_Entry(route) for route in self.routes)

    def find(self, method: str, path: str) -> RouteMatch:
        """Return the route for a request.

        Raises:
            NotFoundError: No route has this path.
            MethodError: The path is there, but not for this method.
        """
        method = "GET" if method == "HEAD" else method
        others: set[str] = set()
        for entry in self._entries:
            segments = entry.match(path)
            if segments is None:
                continue
            if entry.route.method == method:
                return RouteMatch(entry, segments)
            others.add(entry.route.method)
        if others:
            raise MethodError(f"{path} takes {' and '.join(allowed(others))}, not {method}")
        raise NotFoundError(f"there is nothing at {path}")

    def methods(self, path: str) -> tuple[str, ...]:
        """Return the methods that a path takes."""
        return allowed({entry.route.method for entry in self._entries if entry.match(path) is not None})


def allowed(methods: set[str]) -> tuple[str, ...]:
    """Return the methods as people are told them: a path that takes GET takes HEAD."""
    return tuple(sorted(methods | ({"HEAD"} if "GET" in methods else set())))


class _Entry:
    """A route, ready to match: its pattern as a regular expression, and a struct each for segments and query."""

    def __init__(self, route: Route[Any, Any]) -> None:
        self.route = route
        names = [name for name, _ in _NAMES.findall(route.pattern)]
        self._many = {name for name, dots in _NAMES.findall(route.pattern) if dots}
        fields = {field.name: field for field in msgspec.structs.fields(route.request)}
        strange = set(names) - set(fields)
        if strange:
            raise ValueError(f"{route.pattern} names {', '.join(sorted(strange))}, which {route.request} does not have")
        self._expression = _expression(route.pattern)
        self._segments = msgspec.defstruct("Segments", [(name, fields[name].type) for name in names], frozen=True)
        self._body = fields.get("body")
        strict = route.request.__struct_config__.forbid_unknown_fields
        query = [
            (name, field.type) if field.required else (name, field.type, field.default)
            for name, field in fields.items()
            if name not in {*names, "body"}
        ]
        self._query = msgspec.defstruct("Query", query, kw_only=True, forbid_unknown_fields=strict)

    def match(self, path: str) -> dict[str, Any] | None:
        """Return the values of the pattern's names in `path`, None if it is another path."""
        found = self._expression.fullmatch(path)
        if found is None:
            return None
        try:
            texts = {name: _decoded(text, many=name in self._many) for name, text in found.groupdict().items()}
            return msgspec.structs.asdict(msgspec.convert(texts, self._segments, strict=False))
        except (UnicodeDecodeError, msgspec.ValidationError):
            return None

    def parameters(self, query: Mapping[str, str]) -> dict[str, Any]:
        """Return the query parameters as the request's fields."""
        try:
            return msgspec.structs.asdict(msgspec.convert(query, self._query, strict=False))
        except msgspec.ValidationError as error:
            _, mistakes = read(dict(query), self._query, translate=_meant)
            told = [mistake.text for mistake in mistakes] or [str(error)]
            refused = "the address has a parameter that is not acceptable"
            raise InvalidError(*(f"{refused}: {sentence}" for sentence in told)) from None

    def body(self, content: bytes) -> dict[str, Any]:
        """Return the body as the request's field `body`; nothing where the route takes none, or may do without."""
        if self._body is None or (not content and not self._body.required):
            return {}
        try:
            if self._body.type is str:
                return {"body": content.decode()}
            return {"body": msgspec.json.decode(content, type=self._body.type)}
        except UnicodeDecodeError:
            raise InvalidError("the request's body is not acceptable: it is not UTF-8") from None
        except (msgspec.DecodeError, RecursionError) as error:
            raise InvalidError(f"the request's body is not acceptable: {error}") from None


def _meant(wanted: inspect.Type, text: Any) -> Any:
    """The text of a parameter as what its type wants, where it is written that way."""
    match wanted.type if isinstance(wanted, inspect.Metadata) else wanted:
        case inspect.BoolType():
            return _TRUTH.get(text.lower(), text)
        case inspect.IntType() if re.fullmatch(r"-?\d{1,18}", text, re.ASCII):
            return int(text)
        case _:
            return text


def _expression(pattern: str) -> re.Pattern[str]:
    """Return the pattern as a regular expression over the path as it was sent, percent signs and all."""
    parts = re.split(r"(\{\w+(?:\.\.\.)?\})", pattern)
    pieces = []
    for part in parts:
        if part.endswith("...}"):
            pieces.append(f"(?P<{part[1:-4]}>.+)")
        elif part.startswith("{"):
            pieces.append(f"(?P<{part[1:-1]}>[^/]+)")
        else:
            pieces.append(re.escape(part))
    return re.compile("".join(pieces), re.DOTALL)


def _decoded(text: str, *, many: bool) -> str | list[str]:
    """Return text with percent signs undone, after the path was taken apart: an encoded slash separates no segments."""
    if many:
        return [unquote_to_bytes(part).decode() for part in text.split("/")]
    return unquote_to_bytes(text).decode()
