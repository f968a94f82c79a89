"""What a repository's metadata has beside the packages: advisories."""

from collections.abc import Mapping

from builder.repo import advisory
from builder.repo.manifest import Manifest


def contents(manifest: Manifest) -> Mapping[str, str]:
    """The content of each further file of a generation's metadata, by the kind of its record in repomd.xml."""
    return {"updateinfo": advisory.updateinfo(manifest)} if manifest.advisories else {}
