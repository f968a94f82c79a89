"""The identity of a request's sender: nobody, or a person who is known by the token in `Authorization: Bearer …`."""

import re
from collections.abc import Awaitable, Callable

from builder.errors import UnauthorizedError
from builder.master.people import People
from builder.model.visitor import Nobody, Visitor

Header = Callable[[str], str | None]
"""A function that returns the value of a request's header, None where it is not there."""

Identify = Callable[[Header], Awaitable[Visitor]]
"""A function that returns the visitor who sent a request with these headers. It raises `UnauthorizedError` if the
sender only claims to be one.
"""

_BEARER = re.compile(r"[Bb]earer +([A-Za-z0-9._~+/=-]{1,512})")


async def by_token(people: People, header: Header) -> Visitor:
    """Return the person whose token the request carries, or nobody where it carries none.

    Whoever sends a token wants to be known: a wrong one is refused even where nobody needs any. How long that takes
    says nothing about other tokens, which are looked up by their SHA-256 and never compared.

    Raises:
        UnauthorizedError: There is something in the place of a token that is none, or nobody's.
    """
    authorization = header("Authorization")
    if authorization is None:
        return Nobody()
    match = _BEARER.fullmatch(authorization.strip())
    if match is None:
        raise UnauthorizedError("this is no token: send one as 'Authorization: Bearer TOKEN', or none to read")
    person = await people.person(match[1])
    if person is None:
        raise UnauthorizedError("this token is nobody's: ask whoever runs the farm for one, or send none to read")
    return person
