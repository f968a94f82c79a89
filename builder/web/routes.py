"""Routes: every address that the farm answers, with method, path, the act, request, answer, and handler.

To read is everybody's; every other act needs a visitor who may. `docs/api.md` describes each route.
"""

from typing import Any

from twisted.internet.interfaces import IReactorTime

from builder.master.delivery import Aside
from builder.master.farm import Farm
from builder.master.inputs import Inputs
from builder.model.batch import Plan
from builder.model.build import Build
from builder.model.difference import DefinitionChange
from builder.model.inputs import JobInputs
from builder.model.key import SigningKey
from builder.model.operation import OperationShown
from builder.model.package import PackageSummary
from builder.model.rejected import RejectedDelivery
from builder.model.repository import PackageChange, RepositoryShown, RepositorySummary
from builder.model.secret import SecretShown
from builder.model.slave import Slave
from builder.model.visitor import Act
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
from builder.web.table import Route, Table

READ, BUILD, CANCEL = Act.READ, Act.BUILD, Act.CANCEL
DEFINE, OPERATE, KEEP_SECRETS = Act.DEFINE, Act.OPERATE, Act.KEEP_SECRETS


def api(farm: Farm, state: StateFolder, feed: Feed, clock: IReactorTime) -> tuple[Route[Any, Any], ...]:
    """Return the routes for programs."""
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
        Route("POST", "/api/v1/batches", BUILD, StartBatch, tuple[Build, ...], batches.start),
        Route("POST", "/api/v1/batches/plan", BUILD, PlanBatch, Plan, batches.plan),
        Route("GET", "/api/v1/builds", READ, ListBuilds, tuple[Build, ...], builds.listing),
        Route("POST", "/api/v1/builds", BUILD, StartBuild, Build, builds.start),
        Route("GET", "/api/v1/builds/{number}", READ, ShowBuild, Build, builds.show),
        Route("GET", "/api/v1/builds/{number}/inputs", READ, ShowBuild, tuple[JobInputs, ...], inputs.show),
        Route("POST", "/api/v1/builds/{number}/cancel", CANCEL, CancelBuild, Build, builds.cancel),
        Route("GET", job_log, READ, ReadLog, Answer, logs.read),
        Route("GET", "/api/v1/definition", READ, ExportDefinition, Answer, definition.export),
        Route("POST", "/api/v1/definition", DEFINE, ApplyDefinition, tuple[DefinitionChange, ...], definition.apply),
        Route("GET", "/api/v1/events", READ, ListEvents, Answer, events.listing),
        Route("GET", "/api/v1/keys", READ, AskKeys, tuple[SigningKey, ...], keys.listing),
        Route("GET", "/api/v1/keys/export", READ, AskKeys, Answer, keys.export),
        Route("GET", "/api/v1/operations", READ, ListOperations, tuple[OperationShown, ...], operations.listing),
        Route("POST", "/api/v1/operations", OPERATE, RequestOperation, OperationShown, operations.request),
        Route("GET", "/api/v1/operations/{number}", READ, ShowOperation, OperationShown, operations.show),
        Route("GET", "/api/v1/packages", READ, ListPackages, tuple[PackageSummary, ...], packages.listing),
        Route("GET", "/api/v1/rejected", READ, ListRejected, tuple[RejectedDelivery, ...], rejected.listing),
        Route("GET", "/api/v1/rejected/{name}", READ, ShowRejected, RejectedDelivery, rejected.show),
        Route("GET", "/api/v1/repositories", READ, ListRepositories, tuple[RepositorySummary, ...], repos.listing),
        Route("GET", "/api/v1/repository", READ, ShowRepository, RepositoryShown, repos.show),
        Route("GET", difference, READ, CompareGenerations, tuple[PackageChange, ...], repos.difference),
        Route("GET", "/api/v1/secrets", KEEP_SECRETS, ListSecrets, tuple[SecretShown, ...], secrets.listing),
        Route("POST", own, KEEP_SECRETS, SetSecret, SecretShown, secrets.set),
        Route("POST", f"{own}/remove", KEEP_SECRETS, RemoveSecret, tuple[SecretShown, ...], secrets.remove),
        Route("GET", "/api/v1/slaves", READ, ListSlaves, tuple[Slave, ...], slaves.listing),
        Route("GET", "/api/v1/status", READ, AskStatus, Status, status.show),
        Route("GET", "/livez", READ, AskStatus, Answer, status.live),
        Route("GET", "/readyz", READ, AskStatus, Answer, status.ready),
    )


def pages(farm: Farm, state: StateFolder, templates: Templates, assets: Assets) -> tuple[Route[Any, Any], ...]:
    """Return the routes for people: the pages."""
    overview = OverviewPage(farm.builds, farm.slaves, farm.events, templates)
    build = BuildPage(farm.builds, farm.definitions, farm.events, templates)
    inputs = InputsPage(farm.builds, Inputs(farm.logs, farm.aside), farm.events, templates)
    log = LogPage(farm.builds, farm.logs, farm.events, templates)
    packages = PackagesPage(farm.definitions, state.repos, farm.aside, templates)
    repository = RepositoryPage(History(state.repos), state, farm.aside, templates)
    slaves = SlavesPage(farm.slaves, templates)
    a_repository = "/repositories/{project}/{stage}/{distribution}/{tree...}"
    return (
        Route("GET", "/", READ, AskOverview, Answer, overview.show),
        Route("GET", "/builds/{number}", READ, AskBuild, Answer, build.show),
        Route("GET", "/builds/{number}/inputs", READ, AskBuild, Answer, inputs.show),
        Route("GET", "/builds/{number}/{job}/log", READ, AskLog, Answer, log.show),
        Route("GET", "/packages", READ, AskPackages, Answer, packages.show),
        Route("GET", a_repository, READ, AskRepository, Answer, repository.show),
        Route("GET", "/slaves", READ, AskSlaves, Answer, slaves.show),
        Route("GET", "/static/{name}", READ, Asset, Answer, assets.file),
    )


def repositories(state: StateFolder, aside: Aside) -> tuple[Route[Any, Any], ...]:
    """Return the routes for dnf; the two answers that are no files come before all files."""
    repos = Repositories(state.repos, aside)
    repo_file = "/repos/{project}/{stage}/{distribution}/{name}.repo"
    return (
        Route("GET", repo_file, READ, RepoFile, Answer, repos.repo_file),
        Route("GET", "/repos/{path...}/mirrorlist", READ, InRepository, Answer, repos.mirrorlist),
        Route("GET", "/repos/{path...}", READ, InRepository, Answer, repos.file),
    )


def table(
    farm: Farm, state: StateFolder, feed: Feed, templates: Templates, assets: Assets, clock: IReactorTime
) -> Table:
    """Return the table of all routes; the repositories are in the farm's `state` folder."""
    return Table(
        (*api(farm, state, feed, clock), *pages(farm, state, templates, assets), *repositories(state, farm.aside))
    )
