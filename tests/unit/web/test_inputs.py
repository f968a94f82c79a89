"""What went into builds, over the API and on its page."""

import msgspec
from typing_extensions import override

from builder.files import remove_tree
from builder.model.attempt import AttemptState, Outcome
from builder.model.inputs import INPUTS_NAME, JobInputs
from builder.model.job import JobState
from builder.model.lint import Lint
from tests.support.inputs import CHROOT_INPUTS, SOURCE_INPUTS
from tests.support.small_farm import CHROOT, FACTS
from tests.support.store import T0
from tests.support.web import WebTest


class InputsTest(WebTest):
    """`/api/v1/builds/N/inputs` and `/builds/N/inputs`."""

    @override
    def setUp(self) -> None:
        super().setUp()
        self.farm.live()
        for job, fence, inputs in (("source", 1, SOURCE_INPUTS), (CHROOT, 2, CHROOT_INPUTS)):
            kept = self.state / "logs" / "1" / job / str(fence) / "kept"
            kept.mkdir(parents=True)
            (kept / INPUTS_NAME).write_bytes(msgspec.json.encode(inputs))

    def test_each_job_that_has_succeeded_tells_its_own(self) -> None:
        """Of the attempt that succeeded, whichever that was."""
        assert self.client.get("/api/v1/builds/1/inputs").json(list[JobInputs]) == [
            JobInputs(job="source", fence=1, source=SOURCE_INPUTS),
            JobInputs(job=CHROOT, fence=2, chroot=CHROOT_INPUTS),
        ]

    def test_nothing_succeeded(self) -> None:
        """Then there is nothing to tell, and the page says so."""
        assert self.client.get("/api/v1/builds/2/inputs").json(list[JobInputs]) == []
        assert "Nothing is kept of what went into this build" in self.client.get("/builds/2/inputs").text
        assert "/builds/2/inputs" not in self.client.get("/builds/2").text

    def test_old_builds_say_that_it_was_removed(self) -> None:
        """It goes with the logs."""
        remove_tree(self.state / "logs" / "1")
        reply = self.client.get("/api/v1/builds/1/inputs")
        assert reply.status == 404
        assert "what went into build 1 was removed with its logs" in reply.text
        assert self.client.get("/api/v1/builds/99/inputs").status == 404

    def test_the_page_names_all_of_it(self) -> None:
        """It is linked from the build's."""
        assert 'href="/builds/1/inputs"' in self.client.get("/builds/1").text
        page = self.client.get("/builds/1/inputs").text
        for words in ("hello-fix.patch", "3" * 64, "gcc-2:15.1-1.fc43.x86_64", "%_with_tests", "6.7", "5" * 64):
            assert words in page


class LintTest(WebTest):
    """What rpmlint found, on the page of a build."""

    def test_findings_are_text(self) -> None:
        """Whatever a package has in it, and whether rpmlint came to its end."""
        self.ada.post("/api/v1/builds", {"package": "hello"})
        lint = Lint(errors=1, warnings=2, first=("hello.noarch: E: <script>",))
        self.farm.begin(1, "source")
        ended = Outcome(state=AttemptState.SUCCEEDED, source=FACTS)
        self.farm.end(1, "source", JobState.SUCCEEDED, ended, T0)
        self.farm.begin(1, CHROOT)
        built = Outcome(state=AttemptState.SUCCEEDED, evr="1.0-1", lint=lint)
        self.farm.end(1, CHROOT, JobState.PUBLISHING, built, T0)
        page = self.client.get("/builds/1").text
        assert "rpmlint: 1 errors, 2 warnings" in page
        assert "hello.noarch: E: &lt;script&gt;" in page
