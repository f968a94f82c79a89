"""The upload of an attempt's artifacts: each goes on at the byte that the master asks for, the listing comes last."""

from pathlib import Path

import msgspec

from builder import files
from builder.errors import DigestError
from builder.model.artifact import LISTING_NAME, Artifact, ArtifactKind, Listing
from builder.protocol import Peer
from builder.slave.pipeline import Pipeline
from builder.wire import CHUNK, ArtifactChunk, BeginArtifact, Offset

WINDOW = 16
"""Most chunks that are unanswered."""
TRIES = 3
"""Most times that a file is sent of which the master says that its digest is wrong."""


async def upload(peer: Peer, attempt: str, results: Path) -> None:
    """Deliver everything that the listing in `results` names, and the listing.

    Raises:
        DigestError: A file does not arrive as the listing says.
        TooLargeError, InvalidError: The master does not take a file.
        SupersededError, NotFoundError: Nobody wants the attempt (any more).
        UnavailableError: The connection is gone.
    """
    path = results / LISTING_NAME
    content = path.read_bytes()
    listing = msgspec.json.decode(content, type=Listing)
    last = Artifact(name=LISTING_NAME, kind=ArtifactKind.LISTING, size=len(content), sha256=files.sha256(path))
    for artifact in (*listing.artifacts, last):
        await _deliver(peer, attempt, artifact, results / artifact.name)


async def _deliver(peer: Peer, attempt: str, artifact: Artifact, path: Path) -> None:
    for tries_left in reversed(range(TRIES)):
        try:
            await _send(peer, attempt, artifact, path)
        except DigestError:
            if not tries_left:
                raise
        else:
            return


async def _send(peer: Peer, attempt: str, artifact: Artifact, path: Path) -> None:
    """Send the missing part; where an answer says less than was sent, go on from there."""
    begun = await peer.ask(BeginArtifact(attempt=attempt, artifact=artifact))
    taken = begun.offset
    while taken < artifact.size:
        with path.open("rb") as file, Pipeline[Offset](WINDOW) as asked:
            file.seek(taken)
            sent = taken
            while sent < artifact.size or asked:
                while sent < artifact.size and not asked.full:
                    data = file.read(min(CHUNK, artifact.size - sent))
                    if not data:
                        raise DigestError(f"{artifact.name} has only {sent} of its {artifact.size} bytes any more")
                    asked.add(peer.ask(ArtifactChunk(attempt=attempt, name=artifact.name, offset=sent, data=data)))
                    sent += len(data)
                taken = (await asked.next()).offset
