"""The tables.

Every change to them is a migration in `migrations/versions/`; a test compares what the migrations make with what
stands here. Times are seconds since the epoch; values that are only read whole are JSON.
"""

import sqlalchemy as sa

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
"""The type of numbers. Sizes of files need more than 32 bits; SQLite gives an integer 64 anyway, and numbers the rows
of no other type.
"""

metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
    }
)

projects = sa.Table(
    "projects",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    # The Project without its packages, as JSON.
    sa.Column("definition", sa.Text, nullable=False),
)

packages = sa.Table(
    "packages",
    metadata,
    sa.Column("id", NUMBER, primary_key=True),
    sa.Column("project", sa.Text, sa.ForeignKey("projects.name"), nullable=False),
    sa.Column("name", sa.Text, nullable=False, index=True),
    # The Package as JSON.
    sa.Column("definition", sa.Text, nullable=False),
    # A package taken out of the definition keeps its row for its builds.
    sa.Column("removed", sa.Boolean, nullable=False, default=False),
    sa.UniqueConstraint("project", "name"),
)

images = sa.Table(
    "images",
    metadata,
    sa.Column("id", NUMBER, primary_key=True),
    sa.Column("project", sa.Text, sa.ForeignKey("projects.name"), nullable=False),
    sa.Column("name", sa.Text, nullable=False, index=True),
    # The image as it is described, as JSON.
    sa.Column("definition", sa.Text, nullable=False),
    # An image taken out of the definition keeps its row for its builds.
    sa.Column("removed", sa.Boolean, nullable=False, default=False),
    sa.UniqueConstraint("project", "name"),
)

tokens = sa.Table(
    "tokens",
    metadata,
    # SHA-256 of the token: the database alone does not let anybody in.
    sa.Column("digest", sa.Text, primary_key=True),
    sa.Column("person", sa.Text, nullable=False),
    sa.Column("created", sa.Float, nullable=False),
)

secrets = sa.Table(
    "secrets",
    metadata,
    sa.Column("project", sa.Text, sa.ForeignKey("projects.name"), primary_key=True),
    sa.Column("name", sa.Text, primary_key=True),
    # `ssh-key` or `token`.
    sa.Column("kind", sa.Text, nullable=False),
    # Sealed with a key that is not in the database; see `builder.master.seal`.
    sa.Column("sealed", sa.LargeBinary, nullable=False),
    sa.Column("set_by", sa.Text, nullable=False),
    sa.Column("time", sa.Float, nullable=False),
)

slaves = sa.Table(
    "slaves",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("channels", sa.Text, nullable=False),
    sa.Column("architectures", sa.Text, nullable=False),
    sa.Column("capacity", NUMBER, nullable=False),
    sa.Column("facts", sa.Text, nullable=False),
    sa.Column("seen", sa.Float, nullable=False),
    # Its lease was over, and it has not said hello since.
    sa.Column("lost", sa.Boolean, nullable=False, default=False),
)

builds = sa.Table(
    "builds",
    metadata,
    sa.Column("number", NUMBER, primary_key=True),
    # A build is of one of them.
    sa.Column("package_id", NUMBER, sa.ForeignKey("packages.id"), index=True),
    sa.Column("image_id", NUMBER, sa.ForeignKey("images.id"), index=True),
    # The Project with this package or image alone, as it was when the build was asked for, as JSON: a later `apply`
    # does not change a build under way.
    sa.Column("definition", sa.Text, nullable=False),
    sa.Column("force", sa.Boolean, nullable=False),
    sa.Column("requested_by", sa.Text, nullable=False),
    sa.Column("requested", sa.Float, nullable=False),
    sa.Column("finished", sa.Float),
    # The SourceFacts of the source job, as JSON.
    sa.Column("source", sa.Text),
    sa.CheckConstraint("(package_id IS NULL) <> (image_id IS NULL)", name="of_one"),
    sqlite_autoincrement=True,
)

jobs = sa.Table(
    "jobs",
    metadata,
    sa.Column("id", NUMBER, primary_key=True),
    sa.Column("build", NUMBER, sa.ForeignKey("builds.number"), nullable=False),
    # `source`, or the chroot's name.
    sa.Column("name", sa.Text, nullable=False),
    # A JobKind.
    sa.Column("kind", sa.Text, nullable=False),
    # That of its build, for the dispatcher.
    sa.Column("package_id", NUMBER, sa.ForeignKey("packages.id")),
    sa.Column("state", sa.Text, nullable=False, index=True),
    sa.Column("channel", sa.Text, nullable=False),
    # `noarch` where any slave will do.
    sa.Column("architecture", sa.Text, nullable=False),
    # The chroots whose repositories get the result, as JSON: more than its own one for a noarch package, none for what
    # is not published.
    sa.Column("targets", sa.Text, nullable=False, default="[]"),
    sa.Column("fence", NUMBER, nullable=False, default=0),
    # How many attempts were broken by the farm.
    sa.Column("broken", NUMBER, nullable=False, default=0),
    sa.Column("reason", sa.Text, nullable=False, default=""),
    sa.Column("evr", sa.Text),
    sa.Column("serial", NUMBER, nullable=False, default=0),
    # The published NEVRAs, as JSON.
    sa.Column("published", sa.Text, nullable=False, default="[]"),
    # What the build was asked for together with: the number of the first of these builds.
    sa.Column("batch", NUMBER, sa.ForeignKey("builds.number")),
    sa.UniqueConstraint("build", "name"),
    sa.Index(None, "package_id", "name"),
)
sa.Index(
    "ix_jobs_batch",
    jobs.c.batch,
    jobs.c.kind,
    jobs.c.state,
    sqlite_where=jobs.c.batch.is_not(None),
    postgresql_where=jobs.c.batch.is_not(None),
)

needs = sa.Table(
    "needs",
    metadata,
    # A job of a batch that waits, and one that has to succeed before it.
    sa.Column("job_id", NUMBER, sa.ForeignKey("jobs.id"), primary_key=True),
    sa.Column("needed", NUMBER, sa.ForeignKey("jobs.id"), primary_key=True, index=True),
)

dependencies = sa.Table(
    "dependencies",
    metadata,
    sa.Column("package_id", NUMBER, sa.ForeignKey("packages.id"), primary_key=True),
    # The job that found it out last, and its kind.
    sa.Column("job", sa.Text, primary_key=True),
    sa.Column("kind", sa.Text, nullable=False),
    # The Dependencies as JSON.
    sa.Column("found", sa.Text, nullable=False),
)

attempts = sa.Table(
    "attempts",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("job_id", NUMBER, sa.ForeignKey("jobs.id"), nullable=False, index=True),
    sa.Column("fence", NUMBER, nullable=False),
    sa.Column("slave", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False, index=True),
    sa.Column("started", sa.Float, nullable=False),
    sa.Column("finished", sa.Float),
    sa.Column("reason", sa.Text, nullable=False, default=""),
    sa.Column("kind", sa.Text),
    # The Lint as JSON.
    sa.Column("lint", sa.Text),
    # How many step records of the attempt's stream are taken.
    sa.Column("records", NUMBER, nullable=False, default=0),
    sa.UniqueConstraint("job_id", "fence"),
)

steps = sa.Table(
    "steps",
    metadata,
    sa.Column("attempt", sa.Text, sa.ForeignKey("attempts.id"), primary_key=True),
    # The number of the record that began it.
    sa.Column("number", NUMBER, primary_key=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("log_offset", NUMBER, nullable=False),
    sa.Column("started", sa.Float, nullable=False),
    sa.Column("finished", sa.Float),
    sa.Column("ok", sa.Boolean),
)

artifacts = sa.Table(
    "artifacts",
    metadata,
    sa.Column("attempt", sa.Text, sa.ForeignKey("attempts.id"), primary_key=True),
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("size", NUMBER, nullable=False),
    sa.Column("sha256", sa.Text, nullable=False, index=True),
    sa.Column("nevra", sa.Text),
)

operations = sa.Table(
    "operations",
    metadata,
    sa.Column("number", NUMBER, primary_key=True),
    sa.Column("project", sa.Text, nullable=False),
    # The job that is published by it.
    sa.Column("job_id", NUMBER, sa.ForeignKey("jobs.id"), index=True),
    # The operation as JSON.
    sa.Column("operation", sa.Text, nullable=False),
    # `waiting`, `applied` or `rejected`.
    sa.Column("state", sa.Text, nullable=False, index=True),
    sa.Column("generations", sa.Text, nullable=False, default="[]"),
    sa.Column("reason", sa.Text, nullable=False, default=""),
    # Who asked for it; empty where the farm did.
    sa.Column("requested_by", sa.Text, nullable=False, default=""),
    # The Findings as JSON.
    sa.Column("findings", sa.Text, nullable=False, default="{}"),
    sa.Column("created", sa.Float, nullable=False),
    sa.Column("finished", sa.Float),
    sqlite_autoincrement=True,
)

events = sa.Table(
    "events",
    metadata,
    sa.Column("number", NUMBER, primary_key=True),
    sa.Column("time", sa.Float, nullable=False),
    # An EventKind.
    sa.Column("kind", sa.Text, nullable=False, index=True),
    # The subject: none of these refers to a row, for events outlive what they tell of.
    sa.Column("project", sa.Text, index=True),
    sa.Column("build", NUMBER, index=True),
    sa.Column("job", sa.Text),
    sa.Column("operation", NUMBER),
    sa.Column("slave", sa.Text),
    sa.Column("release", sa.Text),
    sa.Column("who", sa.Text),
    sa.Column("text", sa.Text, nullable=False, default=""),
    sqlite_autoincrement=True,
)
