"""Every address that the farm answers: method, path, who may, what it takes, what it tells, and who does it.

Reading is public; whatever changes something needs a person. `docs/api.md` describes each route.
"""

from typing import Any

from twisted.internet.interfaces import IReactorTime

from builder.master.delivery import Aside
from builder.master.farm import Farm
from builder.master.inputs import Inputs
from builder.model.batch import Plan
from builder.model.build import Build
from builder.model.difference import Change
from builder.model.inputs import JobInputs
from builder.model.key import SigningKey
from builder.model.operation import OperationShown
from builder.model.package import PackageSummary
from builder.model.rejected import RejectedDelivery
from builder.model.repository import PackageChange, RepositoryShown, RepositorySummary
from builder.model.secret import SecretShown
from builder.model.slave import Slave
from builder.repo.history import History
from builder.repo.rejected import RejectedDeliveries
from builder.state import StateFolder
from builder.web.answers import Answer
from builder.web.api.batches import BatchesApi, PlanBatch, StartBatch
from builder.web.api.builds import BuildsApi, CancelBuild, ListBuilds, ShowBuild, StartBuild
from builder.web.api.definition import ApplyDefinition, DefinitionApi, ExportDefinition
from builder.web.api.events import EventsApi, ListEvents
from builder.web.api.inputs import InputsApi
from builder.web.api.keys import AskKeys, KeysApi
from builder.web.api.logs import LogsApi, ReadLog
from builder.web.api.operations import ListOperations, OperationsApi, RequestOperation, ShowOperation
from builder.web.api.packages import ListPackages, PackagesApi
from builder.web.api.rejected import ListRejected, RejectedApi, ShowRejected
from builder.web.api.repositories import CompareGenerations, ListRepositories, RepositoriesApi, ShowRepository
from builder.web.api.secrets import ListSecrets, RemoveSecret, SecretsApi, SetSecret
from builder.web.api.slaves import ListSlaves, SlavesApi
from builder.web.api.status import AskStatus, Status, StatusApi
from builder.web.assets import Asset, Assets
from builder.web.feed import Feed
from builder.web.pages.build import AskBuild, BuildPage
from builder.web.pages.inputs import InputsPage
from builder.web.pages.log import AskLog, LogPage
from builder.web.pages.overview import AskOverview, OverviewPage
from builder.web.pages.packages import AskPackages, PackagesPage
from builder.web.pages.repository import AskRepository, RepositoryPage
from builder.web.pages.slaves import AskSlaves, SlavesPage
from builder.web.pages.templates import Templates
from builder.web.repositories import InRepository, RepoFile, Repositories
from builder.web.table import Policy, Route, Table

ANYONE, PERSON = Policy.ANYONE, Policy.PERSON


def api(farm: Farm, state: StateFolder, feed: Feed, clock: IReactorTime) -> tuple[Route[Any, Any], ...]:
    """What programs use."""
    batches = BatchesApi(farm.batches)
    builds = BuildsApi(farm.builds)
    definition = DefinitionApi(farm.definitions)
    events = EventsApi(farm.events, feed, clock)
    keys = KeysApi(farm.definitions, state.repos, farm.aside)
    inputs = InputsApi(farm.builds, Inputs(farm.logs, farm.aside))
    logs = LogsApi(farm.builds, farm.logs, feed, clock)
    operations = OperationsApi(farm.operations)
    packages = PackagesApi(farm.definitions)
    rejected = RejectedApi(RejectedDeliveries(state.rejected), farm.aside)
    repos = RepositoriesApi(History(state.repos), farm.aside)
    secrets = SecretsApi(farm.secrets)
    slaves = SlavesApi(farm.slaves)
    status = StatusApi(farm.builds, farm.slaves, farm.events)
    own = "/api/v1/secrets/{project}/{name}"
    difference = "/api/v1/repository/difference"
    job_log = "/api/v1/builds/{number}/jobs/{job}/log"
    return (
        Route("POST", "/api/v1/batches", PERSON, StartBatch, tuple[Build, ...], batches.start),
        Route("POST", "/api/v1/batches/plan", PERSON, PlanBatch, Plan, batches.plan),
        Route("GET", "/api/v1/builds", ANYONE, ListBuilds, tuple[Build, ...], builds.listing),
        Route("POST", "/api/v1/builds", PERSON, StartBuild, Build, builds.start),
        Route("GET", "/api/v1/builds/{number}", ANYONE, ShowBuild, Build, builds.show),
        Route("GET", "/api/v1/builds/{number}/inputs", ANYONE, ShowBuild, tuple[JobInputs, ...], inputs.show),
        Route("POST", "/api/v1/builds/{number}/cancel", PERSON, CancelBuild, Build, builds.cancel),
        Route("GET", job_log, ANYONE, ReadLog, Answer, logs.read),
        Route("GET", "/api/v1/definition", ANYONE, ExportDefinition, Answer, definition.export),
        Route("POST", "/api/v1/definition", PERSON, ApplyDefinition, tuple[Change, ...], definition.apply),
        Route("GET", "/api/v1/events", ANYONE, ListEvents, Answer, events.listing),
        Route("GET", "/api/v1/keys", ANYONE, AskKeys, tuple[SigningKey, ...], keys.listing),
        Route("GET", "/api/v1/keys/export", ANYONE, AskKeys, Answer, keys.export),
        Route("GET", "/api/v1/operations", ANYONE, ListOperations, tuple[OperationShown, ...], operations.listing),
        Route("POST", "/api/v1/operations", PERSON, RequestOperation, OperationShown, operations.request),
        Route("GET", "/api/v1/operations/{number}", ANYONE, ShowOperation, OperationShown, operations.show),
        Route("GET", "/api/v1/packages", ANYONE, ListPackages, tuple[PackageSummary, ...], packages.listing),
        Route("GET", "/api/v1/rejected", ANYONE, ListRejected, tuple[RejectedDelivery, ...], rejected.listing),
        Route("GET", "/api/v1/rejected/{name}", ANYONE, ShowRejected, RejectedDelivery, rejected.show),
        Route("GET", "/api/v1/repositories", ANYONE, ListRepositories, tuple[RepositorySummary, ...], repos.listing),
        Route("GET", "/api/v1/repository", ANYONE, ShowRepository, RepositoryShown, repos.show),
        Route("GET", difference, ANYONE, CompareGenerations, tuple[PackageChange, ...], repos.difference),
        Route("GET", "/api/v1/secrets", PERSON, ListSecrets, tuple[SecretShown, ...], secrets.listing),
        Route("POST", own, PERSON, SetSecret, SecretShown, secrets.set),
        Route("POST", f"{own}/remove", PERSON, RemoveSecret, tuple[SecretShown, ...], secrets.remove),
        Route("GET", "/api/v1/slaves", ANYONE, ListSlaves, tuple[Slave, ...], slaves.listing),
        Route("GET", "/api/v1/status", ANYONE, AskStatus, Status, status.show),
        Route("GET", "/livez", ANYONE, AskStatus, Answer, status.live),
        Route("GET", "/readyz", ANYONE, AskStatus, Answer, status.ready),
    )


def pages(farm: Farm, state: StateFolder, templates: Templates, assets: Assets) -> tuple[Route[Any, Any], ...]:
    """What people look at."""
    overview = OverviewPage(farm.builds, farm.slaves, farm.events, templates)
    build = BuildPage(farm.builds, farm.definitions, farm.events, templates)
    inputs = InputsPage(farm.builds, Inputs(farm.logs, farm.aside), farm.events, templates)
    log = LogPage(farm.builds, farm.logs, farm.events, templates)
    packages = PackagesPage(farm.definitions, state.repos, farm.aside, templates)
    repository = RepositoryPage(History(state.repos), state, farm.aside, templates)
    slaves = SlavesPage(farm.slaves, templates)
    a_repository = "/repositories/{project}/{stage}/{distribution}/{tree...}"
    return (
        Route("GET", "/", ANYONE, AskOverview, Answer, overview.show),
        Route("GET", "/builds/{number}", ANYONE, AskBuild, Answer, build.show),
        Route("GET", "/builds/{number}/inputs", ANYONE, AskBuild, Answer, inputs.show),
        Route("GET", "/builds/{number}/{job}/log", ANYONE, AskLog, Answer, log.show),
        Route("GET", "/packages", ANYONE, AskPackages, Answer, packages.show),
        Route("GET", a_repository, ANYONE, AskRepository, Answer, repository.show),
        Route("GET", "/slaves", ANYONE, AskSlaves, Answer, slaves.show),
        Route("GET", "/static/{name}", ANYONE, Asset, Answer, assets.file),
    )


def repositories(state: StateFolder, aside: Aside) -> tuple[Route[Any, Any], ...]:
    """What dnf reads; the two answers that are no files come before all files."""
    repos = Repositories(state.repos, aside)
    repo_file = "/repos/{project}/{stage}/{distribution}/{name}.repo"
    return (
        Route("GET", repo_file, ANYONE, RepoFile, Answer, repos.repo_file),
        Route("GET", "/repos/{path...}/mirrorlist", ANYONE, InRepository, Answer, repos.mirrorlist),
        Route("GET", "/repos/{path...}", ANYONE, InRepository, Answer, repos.file),
    )


def table(
    farm: Farm, state: StateFolder, feed: Feed, templates: Templates, assets: Assets, clock: IReactorTime
) -> Table:
    """Return all of them; the repositories are in the farm's `state` folder."""
    return Table(
        (*api(farm, state, feed, clock), *pages(farm, state, templates, assets), *repositories(state, farm.aside))
    )
