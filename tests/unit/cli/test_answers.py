"""The command line's copy of the API's shapes."""

from typing import Any, get_type_hints

import msgspec
import pytest

from builder.cli import answers
from builder.cli.build import VERBS as BUILD_VERBS
from builder.master.definition.checks import VERBS
from builder.model.artifact import Artifact
from builder.model.attempt import Attempt, Commit
from builder.model.batch import Plan, PlannedPackage
from builder.model.build import Build
from builder.model.difference import DefinitionChange
from builder.model.event import Event
from builder.model.findings import Finding, Findings
from builder.model.inputs import (
    ChrootInputs,
    JobInputs,
    Program,
    RootPackage,
    SourceFile,
    SourceInputs,
    UsedRepository,
)
from builder.model.job import Job
from builder.model.key import SigningKey
from builder.model.lint import Lint
from builder.model.operation import OperationShown, PublishedIn
from builder.model.package import PackageSummary
from builder.model.rejected import RejectedDelivery, RejectedFile
from builder.model.repository import (
    GenerationShown,
    GenerationStep,
    PackageChange,
    PackageShown,
    RepositoryShown,
    RepositorySummary,
)
from builder.model.secret import SecretShown
from builder.model.slave import HostFacts, Slave
from builder.model.step import Step


@pytest.mark.parametrize(
    ("copy", "model"),
    [
        (answers.Artifact, Artifact),
        (answers.Attempt, Attempt),
        (answers.Build, Build),
        (answers.DefinitionChange, DefinitionChange),
        (answers.ChrootInputs, ChrootInputs),
        (answers.Commit, Commit),
        (answers.Event, Event),
        (answers.Facts, HostFacts),
        (answers.Finding, Finding),
        (answers.Secret, SecretShown),
        (answers.Findings, Findings),
        (answers.Generation, GenerationShown),
        (answers.GenerationStep, GenerationStep),
        (answers.Job, Job),
        (answers.JobInputs, JobInputs),
        (answers.Key, SigningKey),
        (answers.Lint, Lint),
        (answers.Operation, OperationShown),
        (answers.Package, PackageSummary),
        (answers.PackageChange, PackageChange),
        (answers.PackageInRepository, PackageShown),
        (answers.Program, Program),
        (answers.Plan, Plan),
        (answers.PlannedPackage, PlannedPackage),
        (answers.PublishedIn, PublishedIn),
        (answers.RejectedDelivery, RejectedDelivery),
        (answers.RejectedFile, RejectedFile),
        (answers.Repository, RepositoryShown),
        (answers.RepositorySummary, RepositorySummary),
        (answers.RootPackage, RootPackage),
        (answers.Slave, Slave),
        (answers.SourceFile, SourceFile),
        (answers.SourceInputs, SourceInputs),
        (answers.Step, Step),
        (answers.UsedRepository, UsedRepository),
    ],
)
def test_shapes_are_those_of_the_model(copy: Any, model: type[msgspec.Struct]) -> None:
    """A field that is added to the model, or taken from it, is noticed here."""
    assert set(get_type_hints(copy)) == set(model.__struct_fields__)


def test_no_package_is_named_like_a_verb() -> None:
    """The names that a definition refuses are the verbs of `builder build`."""
    assert set(BUILD_VERBS) == VERBS
