import ipaddress
import stat
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID
from hypothesis import HealthCheck, given, settings

from builder import files
from builder.certificates import Identity, create_authority, identity_of, issue
from builder.errors import BuilderError, ConflictError, InvalidError, NotFoundError
from builder.wire import Role
from tests.support.values import values

NOW = 1_800_000_000.0
SLAVE = Identity(role=Role.SLAVE, name="builder-1")
TAKEN = Identity(role=Role.REPO, name="taken")


def slave(name: str) -> Identity:
    """A slave of this name."""
    return Identity(role=Role.SLAVE, name=name)


def certificate_at(path: Path) -> x509.Certificate:
    """The certificate in a file."""
    return x509.load_pem_x509_certificate(path.read_bytes())


@pytest.fixture
def pki(tmp_path: Path) -> Path:
    """A folder with a CA."""
    create_authority(tmp_path, "example", NOW)
    return tmp_path


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25, deadline=None)
@given(identity=values(Identity).filter(lambda identity: len(identity.name) <= 64))
def test_a_certificate_says_who_its_owner_is(pki: Path, identity: Identity) -> None:
    """Role and name come out of a certificate as they went in, whatever characters a name is made of."""
    made = issue(pki, identity, now=NOW)
    assert identity_of(certificate_at(made.certificate)) == identity
    files.remove(made.certificate)
    files.remove(made.key)


def test_keys_are_private(pki: Path) -> None:
    """Only its owner can read a key."""
    made = issue(pki, SLAVE, now=NOW)
    assert {stat.S_IMODE(path.stat().st_mode) for path in (pki / "ca.key", made.key)} == {0o600}


def test_everything_is_on_p256(pki: Path) -> None:
    """The CA's key and a daemon's are on the curve P-256."""
    for path in (pki / "ca.pem", issue(pki, SLAVE, now=NOW).certificate):
        key = certificate_at(path).public_key()
        assert isinstance(key, ec.EllipticCurvePublicKey)
        assert key.curve.name == "secp256r1"


def test_the_ca_signs_daemons_and_no_further_ca(pki: Path) -> None:
    """The CA's certificate allows it to sign, but not to make another CA; it verifies what it issued."""
    authority = certificate_at(pki / "ca.pem")
    constraints = authority.extensions.get_extension_for_class(x509.BasicConstraints)
    assert constraints.critical
    assert constraints.value == x509.BasicConstraints(ca=True, path_length=0)
    certificate_at(issue(pki, SLAVE, now=NOW).certificate).verify_directly_issued_by(authority)


def test_a_daemon_is_no_ca(pki: Path) -> None:
    """A stolen key of a slave makes no further certificates."""
    extensions = certificate_at(issue(pki, SLAVE, now=NOW).certificate).extensions
    assert extensions.get_extension_for_class(x509.BasicConstraints).value.ca is False
    assert extensions.get_extension_for_class(x509.KeyUsage).value.key_cert_sign is False


@pytest.mark.parametrize("role", Role)
def test_only_the_master_is_a_server(pki: Path, role: Role) -> None:
    """OpenSSL itself refuses a slave that poses as the master, since its certificate is a client's alone."""
    made = certificate_at(issue(pki, Identity(role=role, name="one"), now=NOW).certificate)
    usage = made.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    server = role is Role.MASTER
    assert list(usage) == [ExtendedKeyUsageOID.SERVER_AUTH if server else ExtendedKeyUsageOID.CLIENT_AUTH]


def test_hosts_are_names_that_browsers_look_at(pki: Path) -> None:
    """Host names and addresses, of both kinds, stand in the certificate as what they are."""
    hosts = ["builder.example.org", "localhost", "192.0.2.1", "::1"]
    made = certificate_at(issue(pki, Identity(role=Role.MASTER, name="master"), hosts, now=NOW).certificate)
    names = made.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["builder.example.org", "localhost"]
    addresses = [ipaddress.ip_address("192.0.2.1"), ipaddress.ip_address("::1")]
    assert names.get_values_for_type(x509.IPAddress) == addresses


def test_validity(pki: Path) -> None:
    """A certificate is valid for its days, and since a few minutes ago for those whose clock is behind."""
    made = certificate_at(issue(pki, SLAVE, now=NOW, days=30).certificate)
    now = datetime.fromtimestamp(NOW, UTC)
    assert made.not_valid_before_utc == now - timedelta(minutes=5)
    assert made.not_valid_after_utc == now + timedelta(days=30)


def test_files_for_another_machine(pki: Path, tmp_path: Path) -> None:
    """What another machine needs lies together in one folder, without the CA's key; a second daemon fits in."""
    out = tmp_path / "for/slave"
    issue(pki, SLAVE, out=out, now=NOW)
    issue(pki, Identity(role=Role.REPO, name="repo"), out=out, now=NOW)
    assert sorted(path.name for path in out.iterdir()) == [
        "ca.pem",
        "repo-repo.key",
        "repo-repo.pem",
        "slave-builder-1.key",
        "slave-builder-1.pem",
    ]
    assert (out / "ca.pem").read_bytes() == (pki / "ca.pem").read_bytes()


Refusal = tuple[Callable[[Path], object], type[BuilderError], str]
REFUSALS: dict[str, Refusal] = {
    "a second CA": (lambda pki: create_authority(pki, "other", NOW), ConflictError, "ca.key exists already"),
    "a second certificate": (
        lambda pki: issue(pki, TAKEN, now=NOW),
        ConflictError,
        "exists",
    ),
    "no CA": (lambda pki: issue(pki / "none", SLAVE, now=NOW), NotFoundError, "builder pki init"),
    "no farm's name": (lambda pki: create_authority(pki / "x", "../x", NOW), InvalidError, "'../x' is not a name"),
    "no name": (
        lambda pki: issue(pki, slave("../../etc"), now=NOW),
        InvalidError,
        "not a name for",
    ),
    "a name with a line's end": (
        lambda pki: issue(pki, slave("a\n"), now=NOW),
        InvalidError,
        "name",
    ),
    "too long a name": (
        lambda pki: issue(pki, slave("a" * 65), now=NOW),
        InvalidError,
        "up to 64",
    ),
    "no host": (lambda pki: issue(pki, SLAVE, ["a b"], now=NOW), InvalidError, "'a b' is neither a host name nor"),
    "a wildcard": (lambda pki: issue(pki, SLAVE, ["*.example.org"], now=NOW), InvalidError, "neither a host name"),
}


@pytest.mark.parametrize(("make", "error", "sentence"), REFUSALS.values(), ids=REFUSALS)
def test_refused(pki: Path, make: Callable[[Path], object], error: type[BuilderError], sentence: str) -> None:
    """What cannot be made is refused in one sentence that says what is wrong, and changes no file."""
    issue(pki, TAKEN, now=NOW)
    before = {path: path.read_bytes() for path in pki.rglob("*") if path.is_file()}
    with pytest.raises(error) as refusal:
        make(pki)
    assert sentence in str(refusal.value)
    assert "\n" not in str(refusal.value)
    assert {path: path.read_bytes() for path in pki.rglob("*") if path.is_file()} == before


def test_another_farms_folder_is_refused(pki: Path, tmp_path: Path) -> None:
    """Certificates of two farms do not mix in one folder."""
    create_authority(tmp_path / "other", "other", NOW)
    with pytest.raises(ConflictError, match="of another CA"):
        issue(pki, SLAVE, out=tmp_path / "other", now=NOW)


@pytest.mark.parametrize("name", ["ca.pem", "ca.key"])
def test_a_broken_ca_is_refused(pki: Path, name: str) -> None:
    """A CA whose files are not what they should be is refused with the reason."""
    (pki / name).write_text("-----BEGIN NONSENSE-----")
    with pytest.raises(InvalidError, match="cannot be read"):
        issue(pki, SLAVE, now=NOW)


def test_a_ca_with_a_strange_key_is_refused(pki: Path, tmp_path: Path) -> None:
    """A key that is not the CA's signs nothing."""
    create_authority(tmp_path / "other", "other", NOW)
    (pki / "ca.key").write_bytes((tmp_path / "other/ca.key").read_bytes())
    with pytest.raises(InvalidError, match="is not the key of"):
        issue(pki, SLAVE, now=NOW)


@pytest.mark.parametrize(
    "uris",
    [
        [],
        ["builder://farm/slave/one", "builder://farm/repo/one"],
        ["builder://farm/king/one"],
        ["builder://farm/slave/"],
        ["builder://farm/slave/..%2F..%2Fetc"],
        ["builder://farm/slave/one/two"],
        ["builder://farm/slave/one\n"],
        ["https://farm/slave/one"],
    ],
)
def test_a_certificate_that_does_not_say_who(uris: list[str]) -> None:
    """A certificate that names no role, an unknown one, two owners, or a name that is none, belongs to nobody."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([])
    now = datetime.fromtimestamp(NOW, UTC)
    names = x509.SubjectAlternativeName([x509.DNSName("a"), *map(x509.UniformResourceIdentifier, uris)])
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), 1, now, now + timedelta(days=1))
        .add_extension(names, critical=False)
        .sign(key, hashes.SHA256())
    )
    with pytest.raises(InvalidError, match="does not name a role"):
        identity_of(certificate)


def test_a_certificate_without_names() -> None:
    """A certificate of the outside world, without any alternative name, belongs to nobody."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([])
    now = datetime.fromtimestamp(NOW, UTC)
    certificate = x509.CertificateBuilder(name, name, key.public_key(), 1, now, now + timedelta(days=1)).sign(
        key, hashes.SHA256()
    )
    with pytest.raises(InvalidError):
        identity_of(certificate)
