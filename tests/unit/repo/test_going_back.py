"""Whatever is published, rolled back, undone and pinned in whatever order, no promise to a client is broken."""

from hypothesis import given
from hypothesis import strategies as st

from builder.errors import ConflictError
from builder.model.project import Retention
from builder.model.repository import CauseKind
from builder.repo.draft import Draft
from builder.repo.manifest import Cause, Listed, Manifest, nothing
from builder.repo.tasks.undo import superseded_by, taken_back
from builder.repo.thinning import DAILY, GRACE
from tests.support.listed import Kin, listed


class Story:
    """A repository that persons and builds change; generations and the manifests of all that ever were."""

    def __init__(self) -> None:
        self.manifest = nothing("r")
        self.all: dict[int, Manifest] = {0: self.manifest}
        self.now = 0.0
        self.number = 0
        self.withdrawn: set[str] = set()

    def publish(self, name: str, version: int, versions: int) -> None:
        """A build delivers a version, which is refused if it was withdrawn."""
        draft = Draft(self.manifest, Kin())
        package = listed(f"{name}-{version}-1.noarch", since=self.now)
        try:
            draft.check([package])
        except ConflictError:
            assert package.nevra in self.manifest.excluded
            return
        draft.add(self._cause(CauseKind.PUBLISH), [package], Retention(versions=versions))
        self._go_on(draft)

    def roll_back(self, generation: int) -> None:
        """A person goes back to a generation whose packages are there still."""
        target = self.all[generation % len(self.all)]
        draft = Draft(self.manifest, Kin())
        if target.generation == 0 or not self._there(target.packages):
            return
        held = {package.nevra for package in target.packages}
        draft.withdraw(self._cause(CauseKind.ROLLBACK), sorted(draft.listed.keys() - held), target.packages)
        self._go_on(draft)
        assert {package.nevra for package in self.manifest.packages} == held

    def undo(self, which: int) -> None:
        """A person takes an operation back."""
        publishes = [entered for entered in self.manifest.operations if entered.kind is CauseKind.PUBLISH]
        if not publishes:
            return
        entered = publishes[which % len(publishes)]
        draft = Draft(self.manifest, Kin())
        names = taken_back(draft, entered)
        left = superseded_by(names, self.all[entered.generation - 1], self.all[entered.generation])
        back = [one for one in left if one.nevra not in draft.excluded and self._there([one])]
        draft.withdraw(self._cause(CauseKind.UNDO, entered.number), names, back)
        self._go_on(draft)
        assert not {package.nevra for package in self.manifest.packages} & set(names)

    def pin(self, which: int) -> None:
        """A person pins a generation."""
        generations = sorted(self.manifest.generations() - {0})
        if generations:
            draft = Draft(self.manifest, Kin())
            draft.pin(self._cause(CauseKind.PIN), generations[which % len(generations)], pinned=True)
            self._go_on(draft)

    def _cause(self, kind: CauseKind, about: int | None = None) -> Cause:
        self.number += 1
        return Cause(number=self.number, kind=kind, about=about)

    def _there(self, packages: tuple[Listed, ...] | list[Listed]) -> bool:
        return {package.location for package in packages} <= self.manifest.files().keys()

    def _go_on(self, draft: Draft) -> None:
        before, self.manifest = self.manifest, draft.result(self.now)
        self.all[self.manifest.generation] = self.manifest
        newest = self.manifest.operations[-1]
        if newest.kind is CauseKind.PUBLISH:
            assert not self.withdrawn & set(newest.published)
        else:
            self.withdrawn = self.withdrawn.union(newest.withdrawn).difference(newest.published)
        assert self.manifest.generation == before.generation + 1
        self._promises()

    def _promises(self) -> None:
        manifest = self.manifest
        names = [package.nevra for package in manifest.packages]
        assert names == sorted(set(names))
        assert not set(names) & set(manifest.excluded)
        assert {pin.generation for pin in manifest.pins} <= manifest.generations()
        files = {place: package.sha256 for place, package in manifest.files().items()}
        for generation in manifest.generations():
            for package in self.all[generation].packages:
                assert files[package.location] == package.sha256


_STEPS = st.one_of(
    st.tuples(st.just("publish"), st.sampled_from("ab"), st.integers(1, 6), st.integers(1, 3)),
    st.tuples(st.just("roll_back"), st.integers(0, 50)),
    st.tuples(st.just("undo"), st.integers(0, 50)),
    st.tuples(st.just("pin"), st.integers(0, 50)),
)
_LATER = st.one_of(st.just(0.0), st.floats(-GRACE, 2 * GRACE), st.just(GRACE + DAILY))
"""Seconds between two steps; a clock may be set back."""


@given(st.lists(st.tuples(_STEPS, _LATER), max_size=30))
def test_every_readable_generation_has_its_files(steps: list[tuple[tuple[str, *tuple[int, ...]], float]]) -> None:
    """No file goes that a readable generation lists, no pinned generation goes, nothing withdrawn is listed, and a
    rollback lists exactly what was listed then."""
    story = Story()
    for (step, *values), later in steps:
        story.now = max(0.0, story.now + later)
        getattr(story, step)(*values)
