BEGIN TRANSACTION;
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0001');
CREATE TABLE artifacts (
	attempt TEXT NOT NULL, 
	name TEXT NOT NULL, 
	kind TEXT NOT NULL, 
	size INTEGER NOT NULL, 
	sha256 TEXT NOT NULL, 
	nevra TEXT, 
	CONSTRAINT pk_artifacts PRIMARY KEY (attempt, name), 
	CONSTRAINT fk_artifacts_attempt_attempts FOREIGN KEY(attempt) REFERENCES attempts (id)
);
INSERT INTO "artifacts" VALUES('00000000000000000000000000000000','hello-1.0-1.src.rpm','srpm',7000,'abababababababababababababababababababababababababababababababab','hello-1.0-1.src');
CREATE TABLE attempts (
	id TEXT NOT NULL, 
	job_id INTEGER NOT NULL, 
	fence INTEGER NOT NULL, 
	slave TEXT NOT NULL, 
	state TEXT NOT NULL, 
	started FLOAT NOT NULL, 
	finished FLOAT, 
	reason TEXT NOT NULL, 
	kind TEXT, 
	lint TEXT, 
	records INTEGER NOT NULL, 
	CONSTRAINT pk_attempts PRIMARY KEY (id), 
	CONSTRAINT fk_attempts_job_id_jobs FOREIGN KEY(job_id) REFERENCES jobs (id), 
	CONSTRAINT uq_attempts_job_id_fence UNIQUE (job_id, fence)
);
INSERT INTO "attempts" VALUES('00000000000000000000000000000000',1,1,'slave1','succeeded',4.5,5.5,'',NULL,NULL,3);
INSERT INTO "attempts" VALUES('00000000000000000000000000000001',2,1,'slave1','broken',4.5,5.5,'the slave was lost','infrastructure',NULL,3);
INSERT INTO "attempts" VALUES('00000000000000000000000000000002',2,2,'slave1','succeeded',4.5,5.5,'',NULL,NULL,3);
CREATE TABLE builds (
	number INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	package_id INTEGER, 
	image_id INTEGER, 
	definition TEXT NOT NULL, 
	force BOOLEAN NOT NULL, 
	requested_by TEXT NOT NULL, 
	requested FLOAT NOT NULL, 
	finished FLOAT, 
	source TEXT, 
	CONSTRAINT ck_builds_of_one CHECK ((package_id IS NULL) <> (image_id IS NULL)), 
	CONSTRAINT fk_builds_image_id_images FOREIGN KEY(image_id) REFERENCES images (id), 
	CONSTRAINT fk_builds_package_id_packages FOREIGN KEY(package_id) REFERENCES packages (id)
);
INSERT INTO "builds" VALUES(1,1,NULL,'{"project":"hello","chroots":["fedora-43-x86_64"],"packages":{"hello":{"style":"release","packaging":{"git":"https://git.example.org/hello.git"}}}}',0,'ada',3.5,9.5,'{"evr":"1.0-1","inputs":"0000000000000000000000000000000000000000000000000000000000000000","commits":[]}');
INSERT INTO "builds" VALUES(2,NULL,1,'{"project":"hello","chroots":["fedora-43-x86_64"]}',0,'ada',3.5,NULL,NULL);
CREATE TABLE dependencies (
	package_id INTEGER NOT NULL, 
	job TEXT NOT NULL, 
	kind TEXT NOT NULL, 
	found TEXT NOT NULL, 
	CONSTRAINT pk_dependencies PRIMARY KEY (package_id, job), 
	CONSTRAINT fk_dependencies_package_id_packages FOREIGN KEY(package_id) REFERENCES packages (id)
);
INSERT INTO "dependencies" VALUES(1,'source','source','{"requires":["make"],"provides":["hello"]}');
CREATE TABLE events (
	number INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	time FLOAT NOT NULL, 
	kind TEXT NOT NULL, 
	project TEXT, 
	build INTEGER, 
	job TEXT, 
	operation INTEGER, 
	slave TEXT, 
	"release" TEXT, 
	who TEXT, 
	text TEXT NOT NULL
);
INSERT INTO "events" VALUES(1,3.5,'build_queued','hello',1,NULL,NULL,NULL,NULL,'ada','');
CREATE TABLE images (
	id INTEGER NOT NULL, 
	project TEXT NOT NULL, 
	name TEXT NOT NULL, 
	definition TEXT NOT NULL, 
	removed BOOLEAN NOT NULL, 
	CONSTRAINT pk_images PRIMARY KEY (id), 
	CONSTRAINT fk_images_project_projects FOREIGN KEY(project) REFERENCES projects (name), 
	CONSTRAINT uq_images_project_name UNIQUE (project, name)
);
INSERT INTO "images" VALUES(1,'hello','live','{}',0);
CREATE TABLE jobs (
	id INTEGER NOT NULL, 
	build INTEGER NOT NULL, 
	name TEXT NOT NULL, 
	kind TEXT NOT NULL, 
	package_id INTEGER, 
	state TEXT NOT NULL, 
	channel TEXT NOT NULL, 
	architecture TEXT NOT NULL, 
	targets TEXT NOT NULL, 
	fence INTEGER NOT NULL, 
	broken INTEGER NOT NULL, 
	reason TEXT NOT NULL, 
	evr TEXT, 
	serial INTEGER NOT NULL, 
	published TEXT NOT NULL, 
	batch INTEGER, 
	CONSTRAINT pk_jobs PRIMARY KEY (id), 
	CONSTRAINT fk_jobs_batch_builds FOREIGN KEY(batch) REFERENCES builds (number), 
	CONSTRAINT fk_jobs_build_builds FOREIGN KEY(build) REFERENCES builds (number), 
	CONSTRAINT fk_jobs_package_id_packages FOREIGN KEY(package_id) REFERENCES packages (id), 
	CONSTRAINT uq_jobs_build_name UNIQUE (build, name)
);
INSERT INTO "jobs" VALUES(1,1,'source','source',1,'succeeded','package','noarch','[]',1,0,'','1.0-1',0,'[]',1);
INSERT INTO "jobs" VALUES(2,1,'fedora-43-x86_64','chroot',1,'succeeded','package','x86_64','["fedora-43-x86_64"]',2,1,'','1.0-1',0,'["hello-1.0-1.x86_64"]',1);
CREATE TABLE needs (
	job_id INTEGER NOT NULL, 
	needed INTEGER NOT NULL, 
	CONSTRAINT pk_needs PRIMARY KEY (job_id, needed), 
	CONSTRAINT fk_needs_job_id_jobs FOREIGN KEY(job_id) REFERENCES jobs (id), 
	CONSTRAINT fk_needs_needed_jobs FOREIGN KEY(needed) REFERENCES jobs (id)
);
INSERT INTO "needs" VALUES(2,1);
CREATE TABLE operations (
	number INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	project TEXT NOT NULL, 
	job_id INTEGER, 
	operation TEXT NOT NULL, 
	state TEXT NOT NULL, 
	generations TEXT NOT NULL, 
	reason TEXT NOT NULL, 
	requested_by TEXT NOT NULL, 
	findings TEXT NOT NULL, 
	created FLOAT NOT NULL, 
	finished FLOAT, 
	CONSTRAINT fk_operations_job_id_jobs FOREIGN KEY(job_id) REFERENCES jobs (id)
);
INSERT INTO "operations" VALUES(1,'hello',2,'{"type":"prepare","project":"hello","stages":["testing"],"chroots":["fedora-43-x86_64"]}','applied','[]','','ada','{}',6.5,7.5);
CREATE TABLE packages (
	id INTEGER NOT NULL, 
	project TEXT NOT NULL, 
	name TEXT NOT NULL, 
	definition TEXT NOT NULL, 
	removed BOOLEAN NOT NULL, 
	CONSTRAINT pk_packages PRIMARY KEY (id), 
	CONSTRAINT fk_packages_project_projects FOREIGN KEY(project) REFERENCES projects (name), 
	CONSTRAINT uq_packages_project_name UNIQUE (project, name)
);
INSERT INTO "packages" VALUES(1,'hello','hello','{"style":"release","packaging":{"git":"https://git.example.org/hello.git"}}',0);
INSERT INTO "packages" VALUES(2,'hello','gone','{"style":"release","packaging":{"git":"https://git.example.org/gone.git"}}',1);
CREATE TABLE projects (
	name TEXT NOT NULL, 
	definition TEXT NOT NULL, 
	CONSTRAINT pk_projects PRIMARY KEY (name)
);
INSERT INTO "projects" VALUES('hello','{"project":"hello","chroots":["fedora-43-x86_64"]}');
CREATE TABLE secrets (
	project TEXT NOT NULL, 
	name TEXT NOT NULL, 
	kind TEXT NOT NULL, 
	sealed BLOB NOT NULL, 
	set_by TEXT NOT NULL, 
	time FLOAT NOT NULL, 
	CONSTRAINT pk_secrets PRIMARY KEY (project, name), 
	CONSTRAINT fk_secrets_project_projects FOREIGN KEY(project) REFERENCES projects (name)
);
INSERT INTO "secrets" VALUES('hello','deploy','token',X'000102','ada',2.5);
CREATE TABLE slaves (
	name TEXT NOT NULL, 
	channels TEXT NOT NULL, 
	architectures TEXT NOT NULL, 
	capacity INTEGER NOT NULL, 
	facts TEXT NOT NULL, 
	seen FLOAT NOT NULL, 
	lost BOOLEAN NOT NULL, 
	CONSTRAINT pk_slaves PRIMARY KEY (name)
);
INSERT INTO "slaves" VALUES('slave1','["package"]','["x86_64"]',2,'{}',2.5,0);
CREATE TABLE steps (
	attempt TEXT NOT NULL, 
	number INTEGER NOT NULL, 
	name TEXT NOT NULL, 
	log_offset INTEGER NOT NULL, 
	started FLOAT NOT NULL, 
	finished FLOAT, 
	ok BOOLEAN, 
	CONSTRAINT pk_steps PRIMARY KEY (attempt, number), 
	CONSTRAINT fk_steps_attempt_attempts FOREIGN KEY(attempt) REFERENCES attempts (id)
);
INSERT INTO "steps" VALUES('00000000000000000000000000000000',1,'srpm',0,4.6,5.4,1);
CREATE TABLE tokens (
	digest TEXT NOT NULL, 
	person TEXT NOT NULL, 
	created FLOAT NOT NULL, 
	CONSTRAINT pk_tokens PRIMARY KEY (digest)
);
INSERT INTO "tokens" VALUES('9f9f9f9f9f9f9f9f9f9f9f9f9f9f9f9f9f9f9f9f9f9f9f9f9f9f9f9f9f9f9f9f','ada',1.5);
CREATE INDEX ix_packages_name ON packages (name);
CREATE INDEX ix_images_name ON images (name);
CREATE INDEX ix_builds_package_id ON builds (package_id);
CREATE INDEX ix_builds_image_id ON builds (image_id);
CREATE INDEX ix_jobs_package_id_name ON jobs (package_id, name);
CREATE INDEX ix_jobs_state ON jobs (state);
CREATE INDEX ix_jobs_batch ON jobs (batch, kind, state) WHERE batch IS NOT NULL;
CREATE INDEX ix_needs_needed ON needs (needed);
CREATE INDEX ix_attempts_job_id ON attempts (job_id);
CREATE INDEX ix_attempts_state ON attempts (state);
CREATE INDEX ix_artifacts_sha256 ON artifacts (sha256);
CREATE INDEX ix_operations_job_id ON operations (job_id);
CREATE INDEX ix_operations_state ON operations (state);
CREATE INDEX ix_events_build ON events (build);
CREATE INDEX ix_events_kind ON events (kind);
CREATE INDEX ix_events_project ON events (project);
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('builds',2);
INSERT INTO "sqlite_sequence" VALUES('operations',1);
INSERT INTO "sqlite_sequence" VALUES('events',1);
COMMIT;
