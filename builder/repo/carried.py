"""What a repository's metadata has beside the packages: advisories, groups, and what AppStream says."""

import gzip
from collections.abc import Mapping

from builder.repo import advisory
from builder.repo.manifest import Manifest


def contents(manifest: Manifest) -> Mapping[str, str]:
    """The content of each further file of a generation's metadata, by the kind of its record in repomd.xml."""
    found = {one.kind: gzip.decompress(one.packed).decode() for one in manifest.carried}
    if manifest.advisories:
        found["updateinfo"] = advisory.updateinfo(manifest)
    return found
