"""`builder build show N --inputs`: the inputs of a build, a line for each, to compare two builds by."""

from collections.abc import Iterator

from builder.cli import tables
from builder.cli.answers import ChrootInputs, JobInputs, RootPackage, SourceInputs

Line = tuple[str, str, str, str]
"""The kind of an input, its name, its version or digest, and where it comes from."""


def show(jobs: list[JobInputs]) -> None:
    """Print the inputs of each of these jobs, each kind sorted by name."""
    rows = [(job["job"], *line) for job in jobs for line in lines(job)]
    tables.table(("JOB", "INPUT", "NAME", "VERSION OR DIGEST", "FROM"), rows)


def lines(job: JobInputs) -> Iterator[Line]:
    """Yield the lines of one job."""
    if job["source"] is not None:
        yield from _source(job["source"])
    if job["chroot"] is not None:
        yield from _chroot(job["chroot"])


def _source(inputs: SourceInputs) -> Iterator[Line]:
    for commit in inputs["commits"]:
        yield "commit", commit["ref"], f"{commit['commit']} {commit['date']}", commit["git"]
    spec = inputs["spec"]
    yield "spec", spec["name"], spec["sha256"], spec["url"]
    for file in inputs["files"]:
        yield "file", file["name"], file["sha256"], file["url"]
    yield from _told(inputs)


def _chroot(inputs: ChrootInputs) -> Iterator[Line]:
    yield "srpm", inputs["srpm"]["name"], inputs["srpm"]["sha256"], ""
    yield "executor", inputs["executor"], "with the network" if inputs["network"] else "without network", ""
    yield from _told(inputs)
    yield "chroot", inputs["dist"], inputs["chroot"], ""
    for repository in inputs["repositories"]:
        yield "repository", repository["name"], f"priority {repository['priority']}", repository["url"]
    for package in inputs["packages"]:
        yield (
            "package",
            _nevra(package),
            package["sha256header"] or package["sigmd5"] or "",
            package["repository"] or "",
        )


def _told(inputs: SourceInputs | ChrootInputs) -> Iterator[Line]:
    """Yield the programs, and what they were told beside the spec."""
    for program in inputs["programs"]:
        yield "program", program["name"], program["version"], ""
    for name, value in sorted(inputs["macros"].items()):
        yield "macro", name, value, ""


def _nevra(package: RootPackage) -> str:
    epoch = f"{package['epoch']}:" if package["epoch"] else ""
    return f"{package['name']}-{epoch}{package['version']}-{package['release']}.{package['arch']}"
