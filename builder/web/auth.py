"""Who a request comes from: a person, known by the token in `Authorization: Bearer …`."""

import re

from builder.errors import UnauthorizedError
from builder.master.people import People

_BEARER = re.compile(r"[Bb]earer +([A-Za-z0-9._~+/=-]{1,512})")


async def person(people: People, authorization: str | None) -> str:
    """The name of the person whose token the header carries.

    How long it takes says nothing about any token: tokens are looked up by their SHA-256, never compared.

    Raises:
        UnauthorizedError: There is no token, or it is nobody's.
    """
    if authorization is None:
        raise UnauthorizedError("this needs a token: send it as 'Authorization: Bearer TOKEN'")
    match = _BEARER.fullmatch(authorization.strip())
    name = await people.person(match[1]) if match else None
    if name is None:
        raise UnauthorizedError("this token is nobody's: ask whoever runs the farm for one")
    return name
