"""Real git repositories and a real tarball, from `examples/hello`, that a test changes and breaks."""

import http.server
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from tests.support.distribution import ROOT
from tests.support.packages import git


class Sources:
    """The example's repositories below `folder`; its tarball is in `folder/www`, which is served as `url`."""

    def __init__(self, folder: Path, url: str, chroot: str = "mini-12-x86_64") -> None:
        subprocess.run([ROOT / "examples/hello/prepare", folder, url, chroot], check=True, timeout=60)
        self.definition = (folder / "farm.yaml").read_text()
        self.hellolib = folder / "git/hellolib"
        self.hellolib_packaging = folder / "git/hellolib-rpm"
        self.hello_packaging = folder / "git/hello-rpm"

    def add_commit(self) -> str:
        """One more commit in hellolib's upstream that changes nothing that matters; its id."""
        source = self.hellolib / "hellolib.c"
        return self._commit(source, source.read_text() + "\n/* One more line. */\n")

    def bump(self) -> None:
        """A higher Release in hello's spec."""
        self._replace(self.hello_packaging / "hello.spec", "1%{?dist}", "2%{?dist}")

    def break_spec(self) -> None:
        """An `%if` without its end in hello's spec: it does not parse."""
        self._replace(self.hello_packaging / "hello.spec", "%prep", "%if 1\n%prep")

    def break_build(self) -> None:
        """A compiler error in hellolib: `%build` fails."""
        self._replace(self.hellolib / "hellolib.c", "int length", "#error broken on purpose\n    int length")

    def break_check(self) -> None:
        """Another greeting in hellolib than its test expects: `%check` fails."""
        self._replace(self.hellolib / "hellolib.c", "Hello, %s!", "Goodbye, %s")

    def require(self, name: str) -> None:
        """A further BuildRequires in hello's spec."""
        self._replace(self.hello_packaging / "hello.spec", "%description", f"BuildRequires: {name}\n\n%description")

    def break_checksum(self) -> None:
        """Another checksum in hello's `sources` than its tarball has."""
        sources = self.hello_packaging / "sources"
        before, digest = sources.read_text().rsplit(" = ", 1)
        self._commit(sources, f"{before} = {digest[:-2]}{'1' if digest[-2] == '0' else '0'}\n")

    def _replace(self, file: Path, old: str, new: str) -> str:
        text = file.read_text()
        assert text.count(old) == 1, f"{old!r} is not once in {file}"
        return self._commit(file, text.replace(old, new))

    def _commit(self, file: Path, text: str) -> str:
        file.write_text(text)
        git(file.parent, "commit", "-q", "-a", "-m", f"Change {file.name}")
        return git(file.parent, "rev-parse", "HEAD").strip()


@contextmanager
def serving(folder: Path) -> Iterator[str]:
    """Serve the files of a folder, which may come to be later, on loopback; gives the URL."""
    files = partial(http.server.SimpleHTTPRequestHandler, directory=str(folder))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), files)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
