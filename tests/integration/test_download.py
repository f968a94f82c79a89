"""Downloading over real HTTP, from a server that misbehaves."""

import errno
import http.server
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from typing_extensions import override

from builder.attempt.endings import EndedError
from builder.model.attempt import AttemptState, FailureKind
from builder.runner.sources import download as module
from builder.runner.sources.download import TRIES, download


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers as the path says."""

    asked: list[str]

    def do_GET(self) -> None:
        """`/CODE/LENGTH/BODY`; a redirection goes to the body."""
        self.asked.append(self.path)
        _, code, length, body = self.path.split("/", 3)
        self.send_response(int(code))
        self.send_header("Location", body.replace("!", "/"))
        self.send_header("Content-Length", length)
        self.end_headers()
        self.wfile.write(body.encode())

    @override
    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def asked() -> list[str]:
    """The paths that were asked for."""
    return []


@pytest.fixture
def url(asked: list[str]) -> Iterator[str]:
    """Where the server is."""
    handler = type("Handler", (Handler,), {"asked": asked})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def ended(url: str, tmp_path: Path) -> EndedError:
    with pytest.raises(EndedError) as caught:
        download(url, tmp_path / "file", lambda _: None)
    return caught.value


def test_a_file_is_what_the_server_has(url: str, tmp_path: Path) -> None:
    """Also behind a redirection."""
    download(f"{url}/302/0/!200!5!hello", tmp_path / "file", lambda _: None)
    assert (tmp_path / "file").read_text() == "hello"


def test_what_is_not_there_is_the_packages_fault(url: str, tmp_path: Path, asked: list[str]) -> None:
    """It is asked for once, and told with URL and status."""
    outcome = ended(f"{url}/404/0/", tmp_path).outcome
    assert outcome.state is AttemptState.FAILED
    assert outcome.reason == f"{url}/404/0/ cannot be downloaded: 404 Not Found"
    assert len(asked) == 1


@pytest.mark.parametrize("path", ["503/0/", "200/9/short"])
def test_what_does_not_come_is_asked_for_again(url: str, tmp_path: Path, asked: list[str], path: str) -> None:
    """A server in trouble, or a body that ends too early, is the farm's fault in the end."""
    outcome = ended(f"{url}/{path}", tmp_path).outcome
    assert outcome.state is AttemptState.BROKEN
    assert len(asked) == TRIES


def test_a_length_that_is_none_is_told(url: str, tmp_path: Path, asked: list[str]) -> None:
    """Whether the file is whole cannot be known then, and asking again does not help."""
    outcome = ended(f"{url}/200/many/hello", tmp_path).outcome
    assert (outcome.state, outcome.kind) == (AttemptState.FAILED, FailureKind.SOURCES)
    assert "its length is said to be 'many'" in outcome.reason
    assert len(asked) == 1


def test_a_redirection_leads_to_no_file_of_the_host(url: str, tmp_path: Path) -> None:
    """HTTP leads to HTTP alone."""
    assert ended(f"{url}/302/0/file:!!!etc!passwd", tmp_path).outcome.state is AttemptState.FAILED
    assert not (tmp_path / "file").exists()


def test_a_file_has_a_largest_size(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is larger is not kept on reading."""
    monkeypatch.setattr(module, "LARGEST", 4)
    outcome = ended(f"{url}/200/5/hello", tmp_path).outcome
    assert outcome.state is AttemptState.FAILED
    assert "larger than 4 bytes" in outcome.reason


def test_nobody_there_is_the_farms_fault(tmp_path: Path) -> None:
    """The reason is the system's."""
    outcome = ended("http://127.0.0.1:9/", tmp_path).outcome
    assert outcome.state is AttemptState.BROKEN
    assert os.strerror(errno.ECONNREFUSED) in outcome.reason
