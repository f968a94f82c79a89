"""The farm's certificate authority, and the identity that a certificate gives its owner.

Every daemon has a certificate of the farm's own CA. It names its owner's role and name in one URI,
`builder://FARM/ROLE/NAME`, as a subject alternative name; the master's carries its host names as well, because
browsers and curl see it. `pki/README.md` describes the profiles.

All keys are on the curve P-256. A key file is readable by its owner alone and never leaves the machine it is for,
except that this first version makes it next to the CA's, from where it is copied.
"""

import ipaddress
import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import quote, unquote

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from typing_extensions import override

from builder import files
from builder.config import Credentials
from builder.errors import ConflictError, InvalidError, NotFoundError
from builder.model import LABEL_PATTERN, Label, Value
from builder.wire import Role

IDENTITY_PATTERN = r"builder://[^/]+/([a-z]+)/([^/]+)"
AUTHORITY_DAYS = 3650
DAYS = 365
LONGEST_NAME = 64
"""Most characters of an organization's name in X.509."""
HOST_PATTERN = r"(?!-)[A-Za-z0-9-]{1,63}(\.(?!-)[A-Za-z0-9-]{1,63})*"
BACKDATED = timedelta(minutes=5)
"""Time by which a certificate is backdated, for machines whose clock is behind."""


_Extension = tuple[x509.ExtensionType, bool]
"""An extension, and True if one who does not understand it must refuse the certificate."""


class Identity(Value, frozen=True, kw_only=True):
    """The identity of a certificate's owner."""

    role: Role
    name: Label

    @override
    def __str__(self) -> str:
        return f"{self.role.value} {self.name}"


def create_authority(folder: Path, farm: str, now: float) -> None:
    """Make the farm's CA at the time `now`, in seconds since the epoch: `ca.pem` and `ca.key` in `folder`.

    Raises:
        ConflictError: There is a CA already.
        InvalidError: `farm` is not a name.
    """
    _check_label("a farm", farm)
    _refuse_to_replace(folder / "ca.key", folder / "ca.pem")
    key = ec.generate_private_key(ec.SECP256R1())
    name = _subject(farm, f"Builder farm {farm}")
    certificate = _signed(key.public_key(), name, _authority_profile(), name, key, now, AUTHORITY_DAYS)
    _write(folder / "ca.key", key, folder / "ca.pem", certificate)


def issue(
    folder: Path,
    identity: Identity,
    hosts: Sequence[str] = (),
    *,
    now: float,
    days: int = DAYS,
    out: Path | None = None,
) -> Credentials:
    """Make a key and a certificate by the CA in `folder`: `ROLE-NAME.key`, `ROLE-NAME.pem`, and `ca.pem` beside them.

    Args:
        folder: The folder of `ca.pem` and `ca.key`.
        identity: The owner's identity.
        hosts: Host names and IP addresses under which the owner is reached.
        now: The time of making it, in seconds since the epoch.
        days: The number of days for which the certificate is valid.
        out: The folder of the files, when it is not `folder`.

    Raises:
        NotFoundError: There is no CA in `folder`.
        ConflictError: The files exist already, or `out` holds the CA of another farm.
        InvalidError: The name, or one of the hosts, is not one; or the CA's files are broken.
    """
    _check_label(f"a {identity.role.value}", identity.name)
    out = out or folder
    stem = f"{identity.role.value}-{identity.name}"
    made = Credentials(ca=out / "ca.pem", certificate=out / f"{stem}.pem", key=out / f"{stem}.key")
    _refuse_to_replace(made.key, made.certificate)
    authority, authority_key = _load_authority(folder)
    farm = str(authority.subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)[0].value)
    profile = _daemon_profile(identity, farm, [_host(host) for host in hosts])
    key = ec.generate_private_key(ec.SECP256R1())
    subject = _subject(farm, str(identity))
    certificate = _signed(key.public_key(), subject, profile, authority.subject, authority_key, now, days)
    _copy_authority(folder / "ca.pem", made.ca)
    _write(made.key, key, made.certificate, certificate)
    return made


def identity_of(certificate: x509.Certificate) -> Identity:
    """Return the identity of a certificate's owner; the CA's signature is not checked here.

    Raises:
        InvalidError: The certificate does not name it, or not in exactly one way.
    """
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        (uri,) = names.get_values_for_type(x509.UniformResourceIdentifier)
        ((role, name),) = re.findall(rf"^{IDENTITY_PATTERN}$", uri)
        return msgspec.convert({"role": role, "name": unquote(name)}, Identity)
    except (x509.ExtensionNotFound, msgspec.ValidationError, ValueError) as error:
        raise InvalidError("the certificate does not name a role and a name in a farm") from error


def _authority_profile() -> list[_Extension]:
    return [
        (x509.BasicConstraints(ca=True, path_length=0), True),
        (_usage(key_cert_sign=True, crl_sign=True), True),
    ]


def _daemon_profile(identity: Identity, farm: str, hosts: Sequence[x509.GeneralName]) -> list[_Extension]:
    uri = f"builder://{quote(farm, safe='')}/{identity.role.value}/{quote(identity.name, safe='')}"
    purpose = ExtendedKeyUsageOID.SERVER_AUTH if identity.role is Role.MASTER else ExtendedKeyUsageOID.CLIENT_AUTH
    return [
        (x509.BasicConstraints(ca=False, path_length=None), True),
        (_usage(digital_signature=True), True),
        (x509.ExtendedKeyUsage([purpose]), False),
        (x509.SubjectAlternativeName([x509.UniformResourceIdentifier(uri), *hosts]), False),
    ]


def _usage(**yes: bool) -> x509.KeyUsage:
    every = (
        "digital_signature",
        "content_commitment",
        "key_encipherment",
        "data_encipherment",
        "key_agreement",
        "key_cert_sign",
        "crl_sign",
        "encipher_only",
        "decipher_only",
    )
    return x509.KeyUsage(**{usage: yes.get(usage, False) for usage in every})


def _subject(farm: str, owner: str) -> x509.Name:
    """Return the farm as the organization and the owner's name for people, cut where X.509 ends such a name."""
    parts = {NameOID.ORGANIZATION_NAME: farm, NameOID.COMMON_NAME: owner[:64]}
    return x509.Name([x509.NameAttribute(oid, text) for oid, text in parts.items()])


def _signed(
    key: ec.EllipticCurvePublicKey,
    subject: x509.Name,
    profile: Sequence[_Extension],
    issuer: x509.Name,
    issuer_key: ec.EllipticCurvePrivateKey,
    now: float,
    days: int,
) -> x509.Certificate:
    made = datetime.fromtimestamp(now, UTC)
    unsigned = x509.CertificateBuilder(
        issuer_name=issuer,
        subject_name=subject,
        public_key=key,
        serial_number=x509.random_serial_number(),
        not_valid_before=made - BACKDATED,
        not_valid_after=made + timedelta(days=days),
    )
    identifiers: list[_Extension] = [
        (x509.SubjectKeyIdentifier.from_public_key(key), False),
        (x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), False),
    ]
    for extension, critical in [*profile, *identifiers]:
        unsigned = unsigned.add_extension(extension, critical)
    return unsigned.sign(issuer_key, hashes.SHA256())


def _check_label(whose: str, name: str) -> None:
    if not re.match(LABEL_PATTERN, name) or len(name) > LONGEST_NAME:
        raise InvalidError(
            f"{name!r} is not a name for {whose}: use up to {LONGEST_NAME} letters, digits and . _ + ~ ^ -, "
            "beginning with a letter or digit"
        )


def _host(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        if not re.fullmatch(HOST_PATTERN, host):
            raise InvalidError(f"{host!r} is neither a host name nor an IP address") from None
        return x509.DNSName(host)


def _load_authority(folder: Path) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    try:
        certificate = x509.load_pem_x509_certificate((folder / "ca.pem").read_bytes())
        key = serialization.load_pem_private_key((folder / "ca.key").read_bytes(), password=None)
    except FileNotFoundError as error:
        missing = f"{error.filename} is missing: make a CA with builder pki init, or name the folder of yours"
        raise NotFoundError(missing) from None
    except ValueError as error:
        raise InvalidError(f"the CA in {folder} cannot be read: {error}") from error
    if not isinstance(key, ec.EllipticCurvePrivateKey) or key.public_key() != certificate.public_key():
        raise InvalidError(f"{folder}/ca.key is not the key of {folder}/ca.pem")
    return certificate, key


def _copy_authority(source: Path, target: Path) -> None:
    """Put the CA's certificate beside one that it issued, unless it is there."""
    content = source.read_bytes()
    if not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        files.write(target, content)
    elif target.read_bytes() != content:
        raise ConflictError(f"{target} is the certificate of another CA: choose another folder")


def _refuse_to_replace(*paths: Path) -> None:
    for path in paths:
        if path.exists():
            raise ConflictError(f"{path} exists already: remove it, or choose another folder or name")


def _write(key_path: Path, key: ec.EllipticCurvePrivateKey, path: Path, certificate: x509.Certificate) -> None:
    """Write the key first: a certificate without its key would be of no use to anybody."""
    key_path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    files.write(key_path, private, mode=0o600)
    files.write(path, certificate.public_bytes(serialization.Encoding.PEM))
