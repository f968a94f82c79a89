"""Further files of a repository's metadata, beside its packages: advisories, groups and AppStream."""

import gzip
from collections.abc import Mapping

from builder.repo import advisory
from builder.repo.manifest import Manifest


def contents(manifest: Manifest) -> Mapping[str, str]:
    """Return the content of each further file of a generation's metadata, by the kind of its record in repomd.xml."""
    found = {one.kind.value: gzip.decompress(one.packed).decode() for one in manifest.carried}
    if manifest.advisories:
        found["updateinfo"] = advisory.updateinfo(manifest)
    return found
