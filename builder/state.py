"""State folders: the names below the daemons' own, said once; nobody else joins a name onto such a folder."""

from pathlib import Path

from builder.model import Value


class StateFolder(Value, frozen=True):
    """The state folder of a farm, which its master and its repository builder share.

    builder.db                       what the farm knows, as long as that is SQLite
    secrets.key                      what the secrets in it are sealed with
    master.lock repo.lock            held by the one that works here
    incoming/<build>/<job>/<fence>/  what an attempt delivers, until it is published
    logs/                            what attempts have said
    rejected/                        deliveries that were not published
    pool/                            every package once
    repos/                           the repositories, as clients read them
    keys/                            what they are signed with
    staging/ switching/              what is being made, and what is being switched
    """

    path: Path

    @property
    def database(self) -> Path:
        """The database, where it is a file."""
        return self.path / "builder.db"

    @property
    def seal(self) -> Path:
        """The key that secrets are sealed with."""
        return self.path / "secrets.key"

    @property
    def master_lock(self) -> Path:
        """The lock of the one master."""
        return self.path / "master.lock"

    @property
    def repo_lock(self) -> Path:
        """The lock of the one repository builder."""
        return self.path / "repo.lock"

    @property
    def incoming(self) -> Path:
        """The deliveries of attempts, by the numbers of their builds."""
        return self.path / "incoming"

    @property
    def logs(self) -> Path:
        """The logs of attempts, by the numbers of their builds."""
        return self.path / "logs"

    @property
    def rejected(self) -> Path:
        """The deliveries that were not published."""
        return self.path / "rejected"

    @property
    def pool(self) -> Path:
        """The packages, by their digests."""
        return self.path / "pool"

    @property
    def repos(self) -> Path:
        """The repositories, by their names."""
        return self.path / "repos"

    @property
    def keys(self) -> Path:
        """The signing keys, by projects."""
        return self.path / "keys"

    @property
    def staging(self) -> Path:
        """The folder of what is being made, which a start empties."""
        return self.path / "staging"

    @property
    def switching(self) -> Path:
        """The records of the repositories that are being switched."""
        return self.path / "switching"

    def delivery(self, build: int, job: str, fence: int) -> Path:
        """Return the folder of what one attempt delivers."""
        return self.incoming / str(build) / job / str(fence)

    def package(self, sha256: str) -> Path:
        """Return the place in the pool of the RPM with this digest; what is known of it has other suffixes there."""
        return self.pool / sha256[:2] / f"{sha256}.rpm"


class SlaveFolder(Value, frozen=True):
    """The state folder of a slave, which its runners share.

    attempts/<attempt>/  those that are being carried out, or whose end the master has not acknowledged
    next/                the one that is made ready for the next order
    parked/              those that the master does not know
    trust.pem            whom repositories over HTTPS may be certified by
    git/                 clones of repositories
    ssh/<project>/       the keys by which hosts are known
    cache/{dnf,mock,sources}/
    """

    path: Path

    @property
    def attempts(self) -> Path:
        """The folders of attempts, by their ids."""
        return self.path / "attempts"

    @property
    def next(self) -> Path:
        """The folder of the next attempt."""
        return self.path / "next"

    @property
    def parked(self) -> Path:
        """The attempts that somebody may look at."""
        return self.path / "parked"

    @property
    def trust(self) -> Path:
        """The certificates that repositories may have."""
        return self.path / "trust.pem"

    @property
    def git(self) -> Path:
        """The clones, by digests of their addresses."""
        return self.path / "git"

    @property
    def ssh(self) -> Path:
        """The known hosts, by projects."""
        return self.path / "ssh"

    @property
    def dnf(self) -> Path:
        """The caches of dnf, by chroots."""
        return self.path / "cache" / "dnf"

    @property
    def mock(self) -> Path:
        """The caches of mock, by chroots and what else their roots depend on."""
        return self.path / "cache" / "mock"

    @property
    def sources(self) -> Path:
        """The downloaded sources, by their digests."""
        return self.path / "cache" / "sources"


def slave_of(attempt: Path) -> SlaveFolder:
    """Return the state folder of the slave that has the folder of an attempt in `attempts`."""
    return SlaveFolder(attempt.parent.parent)
