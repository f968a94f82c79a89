"""`builder pki`: the farm's CA, and certificates for daemons on other machines."""

from collections.abc import Sequence
from pathlib import Path

from builder.certificates import Identity, create_authority
from builder.certificates import issue as issue_certificate
from builder.wire import Role


def init(folder: Path, farm: str) -> str:
    """`pki init`: make the CA of a farm in `folder`; returns what to tell the person.

    Raises:
        ConflictError: There is a CA already.
        InvalidError: The farm's name is not one.
    """
    create_authority(folder, farm)
    return f"the CA of the farm {farm} is in {folder}; whoever has {folder / 'ca.key'} can join the farm: guard it"


def issue(folder: Path, role: Role, name: str, out: Path, hosts: Sequence[str]) -> str:
    """`pki issue ROLE NAME`: make a certificate and its key in `out`; returns what to tell the person.

    Raises:
        NotFoundError: There is no CA in `folder`.
        ConflictError: `out` holds such a certificate, or the CA of another farm.
        InvalidError: The name, or one of the hosts, is not one; or the CA's files are broken.
    """
    made = issue_certificate(folder, Identity(role=role, name=name), hosts, out=out)
    return f"copy {made.ca}, {made.certificate} and {made.key} to the machine of the {role.value} {name}"
