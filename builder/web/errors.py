"""Errors as answers: JSON for programs, a page for people."""

from dataclasses import replace
from http import HTTPStatus

from builder.errors import BuilderError, InvalidError, MethodError, UnauthorizedError, UnavailableError
from builder.model import Value
from builder.web import answers
from builder.web.answers import Answer
from builder.web.pages.templates import Templates


class Failure(Value, frozen=True, kw_only=True):
    """An error as JSON: its tag, its sentence, and each mistake where there are several."""

    error: str
    message: str
    mistakes: tuple[str, ...] = ()


_RETRY = 5
"""Seconds after which it makes sense to ask again for what is not available."""


class Failures:
    """Errors as answers, in the form that was asked for."""

    def __init__(self, templates: Templates) -> None:
        self._templates = templates

    def answer(self, error: BuilderError, accept: str, methods: tuple[str, ...] = ()) -> Answer:
        """Return the answer for `error`; `accept` is the request's header, `methods` are those of the address."""
        mistakes = error.mistakes if isinstance(error, InvalidError) else ()
        if "text/html" in accept:
            status = HTTPStatus(error.status)
            sentences = [sentence[:1].upper() + sentence[1:] for sentence in mistakes or (str(error),)]
            body = self._templates.render("failure.html", here="", status=status, sentences=sentences)
            told = answers.page(body, error.status)
        else:
            failure = Failure(error=error.tag.decode(), message=str(error), mistakes=mistakes)
            told = answers.json(failure, error.status)
        return replace(told, headers={**told.headers, "Vary": "Accept", **_headers(error, methods)})


def _headers(error: BuilderError, methods: tuple[str, ...]) -> dict[str, str]:
    match error:
        case MethodError():
            return {"Allow": ", ".join(methods)}
        case UnauthorizedError():
            return {"WWW-Authenticate": 'Bearer realm="builder"'}
        case UnavailableError():
            return {"Retry-After": str(_RETRY)}
        case _:
            return {}
