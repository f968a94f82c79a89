"""The tables of the first version."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "projects",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("definition", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_projects")),
    )
    op.create_table(
        "packages",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("project", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("definition", sa.Text(), nullable=False),
        sa.Column("removed", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["project"], ["projects.name"], name=op.f("fk_packages_project_projects")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_packages")),
        sa.UniqueConstraint("project", "name", name=op.f("uq_packages_project_name")),
    )
    op.create_index(op.f("ix_packages_name"), "packages", ["name"])
    op.create_table(
        "images",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("project", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("definition", sa.Text(), nullable=False),
        sa.Column("removed", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["project"], ["projects.name"], name=op.f("fk_images_project_projects")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_images")),
        sa.UniqueConstraint("project", "name", name=op.f("uq_images_project_name")),
    )
    op.create_index(op.f("ix_images_name"), "images", ["name"])
    op.create_table(
        "tokens",
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("person", sa.Text(), nullable=False),
        sa.Column("created", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_tokens")),
    )
    op.create_table(
        "secrets",
        sa.Column("project", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("set_by", sa.Text(), nullable=False),
        sa.Column("time", sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(["project"], ["projects.name"], name=op.f("fk_secrets_project_projects")),
        sa.PrimaryKeyConstraint("project", "name", name=op.f("pk_secrets")),
    )
    op.create_table(
        "slaves",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("channels", sa.Text(), nullable=False),
        sa.Column("architectures", sa.Text(), nullable=False),
        sa.Column("capacity", NUMBER, nullable=False),
        sa.Column("facts", sa.Text(), nullable=False),
        sa.Column("seen", sa.Float(), nullable=False),
        sa.Column("lost", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_slaves")),
    )
    op.create_table(
        "builds",
        sa.Column("number", NUMBER, nullable=False),
        sa.Column("package_id", NUMBER, nullable=True),
        sa.Column("image_id", NUMBER, nullable=True),
        sa.Column("definition", sa.Text(), nullable=False),
        sa.Column("force", sa.Boolean(), nullable=False),
        sa.Column("requested_by", sa.Text(), nullable=False),
        sa.Column("requested", sa.Float(), nullable=False),
        sa.Column("finished", sa.Float(), nullable=True),
        sa.Column("source", sa.Text(), nullable=True),
        sa.CheckConstraint("(package_id IS NULL) <> (image_id IS NULL)", name=op.f("ck_builds_of_one")),
        sa.ForeignKeyConstraint(["image_id"], ["images.id"], name=op.f("fk_builds_image_id_images")),
        sa.ForeignKeyConstraint(["package_id"], ["packages.id"], name=op.f("fk_builds_package_id_packages")),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_builds")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_builds_package_id"), "builds", ["package_id"])
    op.create_index(op.f("ix_builds_image_id"), "builds", ["image_id"])
    op.create_table(
        "jobs",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("build", NUMBER, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("package_id", NUMBER, nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("architecture", sa.Text(), nullable=False),
        sa.Column("targets", sa.Text(), nullable=False),
        sa.Column("fence", NUMBER, nullable=False),
        sa.Column("broken", NUMBER, nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("evr", sa.Text(), nullable=True),
        sa.Column("serial", NUMBER, nullable=False),
        sa.Column("published", sa.Text(), nullable=False),
        sa.Column("batch", NUMBER, nullable=True),
        sa.ForeignKeyConstraint(["batch"], ["builds.number"], name=op.f("fk_jobs_batch_builds")),
        sa.ForeignKeyConstraint(["build"], ["builds.number"], name=op.f("fk_jobs_build_builds")),
        sa.ForeignKeyConstraint(["package_id"], ["packages.id"], name=op.f("fk_jobs_package_id_packages")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_jobs")),
        sa.UniqueConstraint("build", "name", name=op.f("uq_jobs_build_name")),
    )
    in_batch = sa.text("batch IS NOT NULL")
    op.create_index(
        op.f("ix_jobs_batch"), "jobs", ["batch", "kind", "state"], sqlite_where=in_batch, postgresql_where=in_batch
    )
    op.create_index(op.f("ix_jobs_package_id_name"), "jobs", ["package_id", "name"])
    op.create_index(op.f("ix_jobs_state"), "jobs", ["state"])
    op.create_table(
        "needs",
        sa.Column("job_id", NUMBER, nullable=False),
        sa.Column("needed", NUMBER, nullable=False),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name=op.f("fk_needs_job_id_jobs")),
        sa.ForeignKeyConstraint(["needed"], ["jobs.id"], name=op.f("fk_needs_needed_jobs")),
        sa.PrimaryKeyConstraint("job_id", "needed", name=op.f("pk_needs")),
    )
    op.create_index(op.f("ix_needs_needed"), "needs", ["needed"])
    op.create_table(
        "dependencies",
        sa.Column("package_id", NUMBER, nullable=False),
        sa.Column("job", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("found", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["package_id"], ["packages.id"], name=op.f("fk_dependencies_package_id_packages")),
        sa.PrimaryKeyConstraint("package_id", "job", name=op.f("pk_dependencies")),
    )
    op.create_table(
        "attempts",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("job_id", NUMBER, nullable=False),
        sa.Column("fence", NUMBER, nullable=False),
        sa.Column("slave", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("started", sa.Float(), nullable=False),
        sa.Column("finished", sa.Float(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=True),
        sa.Column("lint", sa.Text(), nullable=True),
        sa.Column("records", NUMBER, nullable=False),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name=op.f("fk_attempts_job_id_jobs")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_attempts")),
        sa.UniqueConstraint("job_id", "fence", name=op.f("uq_attempts_job_id_fence")),
    )
    op.create_index(op.f("ix_attempts_job_id"), "attempts", ["job_id"])
    op.create_index(op.f("ix_attempts_state"), "attempts", ["state"])
    op.create_table(
        "steps",
        sa.Column("attempt", sa.Text(), nullable=False),
        sa.Column("number", NUMBER, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("log_offset", NUMBER, nullable=False),
        sa.Column("started", sa.Float(), nullable=False),
        sa.Column("finished", sa.Float(), nullable=True),
        sa.Column("ok", sa.Boolean(), nullable=True),
        sa.ForeignKeyConstraint(["attempt"], ["attempts.id"], name=op.f("fk_steps_attempt_attempts")),
        sa.PrimaryKeyConstraint("attempt", "number", name=op.f("pk_steps")),
    )
    op.create_table(
        "artifacts",
        sa.Column("attempt", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("size", NUMBER, nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("nevra", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["attempt"], ["attempts.id"], name=op.f("fk_artifacts_attempt_attempts")),
        sa.PrimaryKeyConstraint("attempt", "name", name=op.f("pk_artifacts")),
    )
    op.create_index(op.f("ix_artifacts_sha256"), "artifacts", ["sha256"])
    op.create_table(
        "operations",
        sa.Column("number", NUMBER, nullable=False),
        sa.Column("project", sa.Text(), nullable=False),
        sa.Column("job_id", NUMBER, nullable=True),
        sa.Column("operation", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("generations", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("requested_by", sa.Text(), nullable=False),
        sa.Column("findings", sa.Text(), nullable=False),
        sa.Column("created", sa.Float(), nullable=False),
        sa.Column("finished", sa.Float(), nullable=True),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name=op.f("fk_operations_job_id_jobs")),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_operations")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_operations_job_id"), "operations", ["job_id"])
    op.create_index(op.f("ix_operations_state"), "operations", ["state"])
    op.create_table(
        "events",
        sa.Column("number", NUMBER, nullable=False),
        sa.Column("time", sa.Float(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("project", sa.Text(), nullable=True),
        sa.Column("build", NUMBER, nullable=True),
        sa.Column("job", sa.Text(), nullable=True),
        sa.Column("operation", NUMBER, nullable=True),
        sa.Column("slave", sa.Text(), nullable=True),
        sa.Column("release", sa.Text(), nullable=True),
        sa.Column("who", sa.Text(), nullable=True),
        sa.Column("text", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_events")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_events_build"), "events", ["build"])
    op.create_index(op.f("ix_events_kind"), "events", ["kind"])
    op.create_index(op.f("ix_events_project"), "events", ["project"])
