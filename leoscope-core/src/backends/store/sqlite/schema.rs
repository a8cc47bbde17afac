//! The tables of the store.

use crate::backends::database::Schema;

pub(super) const STORE: Schema = Schema {
    what: "a store of this program",
    mark: i32::from_be_bytes(*b"LEOs"),
    migrations: &[FIRST, CHANGES, RETENTION, TASKS, HISTORY],
};

/// What happened to jobs and runs, and who did what.
const HISTORY: &str = "
    CREATE TABLE events (
        eventid TEXT PRIMARY KEY,
        jobid TEXT NOT NULL,
        runid TEXT,
        occurrence_us INTEGER,
        at_us INTEGER NOT NULL,
        received_us INTEGER NOT NULL,
        doc TEXT NOT NULL
    ) STRICT;
    CREATE INDEX events_by_job ON events (jobid, at_us DESC, eventid);
    CREATE INDEX events_by_run ON events (runid, at_us DESC, eventid) WHERE runid IS NOT NULL;
    CREATE INDEX events_by_occurrence ON events (jobid, occurrence_us, at_us DESC, eventid) WHERE runid IS NULL;
    CREATE INDEX events_by_age ON events (received_us);
    CREATE TABLE audit (
        auditid TEXT PRIMARY KEY,
        userid TEXT NOT NULL,
        objectid TEXT,
        action TEXT NOT NULL,
        doc TEXT NOT NULL
    ) STRICT;
    CREATE INDEX audit_by_user ON audit (userid, auditid);
    CREATE INDEX audit_by_object ON audit (objectid, auditid) WHERE objectid IS NOT NULL;
    CREATE INDEX audit_by_action ON audit (action, auditid);
";

/// What the nodes of a run ask of each other.
const TASKS: &str = "
    CREATE TABLE tasks (
        taskid TEXT PRIMARY KEY,
        runid TEXT NOT NULL,
        jobid TEXT NOT NULL,
        nodeid TEXT NOT NULL,
        expires_us INTEGER NOT NULL,
        doc TEXT NOT NULL
    ) STRICT;
    CREATE INDEX tasks_by_node ON tasks (nodeid, taskid);
    CREATE INDEX tasks_by_run ON tasks (runid, taskid);
    CREATE INDEX tasks_by_job ON tasks (jobid, taskid);
    CREATE INDEX tasks_by_end ON tasks (expires_us);
";

/// It is noted when jobs and runs were over, and in which order timetables changed; lists of runs
/// come in their order from an index.
const RETENTION: &str = "
    ALTER TABLE timetables ADD COLUMN change INTEGER NOT NULL DEFAULT 0;
    CREATE INDEX timetables_by_change ON timetables (change);
    ALTER TABLE jobs ADD COLUMN over_us INTEGER NOT NULL DEFAULT 0;
    UPDATE jobs SET over_us = min(
        coalesce(deleted_us, 9223372036854775807),
        CAST(round(unixepoch(json_extract(doc, '$.window.end'), 'subsec') * 1e6) AS INTEGER));
    DROP INDEX jobs_by_user;
    CREATE INDEX jobs_by_user ON jobs (userid, jobid) WHERE deleted_us IS NULL;
    CREATE INDEX jobs_latest ON jobs (jobid, deleted_us IS NULL DESC, created_us DESC, since_us DESC);
    CREATE INDEX jobs_over ON jobs (over_us, jobid, created_us, since_us) WHERE next_us IS NULL;
    ALTER TABLE runs ADD COLUMN over_us INTEGER;
    UPDATE runs SET over_us = CAST(round(unixepoch(coalesce(
            json_extract(doc, '$.ended'), json_extract(doc, '$.updated'), json_extract(doc, '$.planned.start'),
            json_extract(doc, '$.started')), 'subsec') * 1e6) AS INTEGER)
        WHERE json_extract(doc, '$.status') NOT IN ('SCHEDULED', 'RUNNING');
    CREATE INDEX runs_over ON runs (over_us) WHERE over_us IS NOT NULL;
    DROP INDEX runs_by_start;
    DROP INDEX runs_by_job;
    DROP INDEX runs_by_node;
    DROP INDEX runs_by_user;
    CREATE INDEX runs_by_start ON runs (start_us DESC, runid);
    CREATE INDEX runs_by_job ON runs (jobid, start_us DESC, runid);
    CREATE INDEX runs_by_node ON runs (nodeid, start_us DESC, runid);
    CREATE INDEX runs_by_user ON runs (userid, start_us DESC, runid);
";

/// Jobs can be changed, it is noted how far their runs are settled, and since when nodes call.
const CHANGES: &str = "
    ALTER TABLE jobs RENAME TO jobs_before;
    DROP INDEX live_jobs;
    DROP INDEX jobs_by_node;
    DROP INDEX jobs_by_server;
    DROP INDEX jobs_by_user;
    CREATE TABLE jobs (
        jobid TEXT NOT NULL,
        created_us INTEGER NOT NULL,
        since_us INTEGER NOT NULL,
        deleted_us INTEGER,
        nodeid TEXT NOT NULL,
        serverid TEXT,
        userid TEXT NOT NULL,
        settled_us INTEGER NOT NULL,
        next_us INTEGER,
        doc TEXT NOT NULL,
        PRIMARY KEY (jobid, created_us, since_us)
    ) STRICT;
    INSERT INTO jobs
        SELECT jobid, created_us, created_us, deleted_us, nodeid, serverid, userid, created_us, created_us,
               json_set(doc, '$.since', json_extract(doc, '$.created'))
        FROM jobs_before;
    DROP TABLE jobs_before;
    CREATE UNIQUE INDEX live_jobs ON jobs (jobid) WHERE deleted_us IS NULL;
    CREATE INDEX jobs_by_node ON jobs (nodeid) WHERE deleted_us IS NULL;
    CREATE INDEX jobs_by_server ON jobs (serverid) WHERE deleted_us IS NULL;
    CREATE INDEX jobs_by_user ON jobs (userid) WHERE deleted_us IS NULL;
    CREATE INDEX jobs_by_next ON jobs (next_us) WHERE next_us IS NOT NULL;
    ALTER TABLE nodes ADD COLUMN contact_since_us INTEGER;
";

const FIRST: &str = "
    CREATE TABLE users (userid TEXT PRIMARY KEY, doc TEXT NOT NULL) STRICT;
    CREATE TABLE nodes (nodeid TEXT PRIMARY KEY, last_active_us INTEGER, doc TEXT NOT NULL) STRICT;
    CREATE TABLE timetables (nodeid TEXT PRIMARY KEY, version INTEGER NOT NULL) STRICT;
    CREATE TABLE jobs (
        jobid TEXT NOT NULL,
        created_us INTEGER NOT NULL,
        deleted_us INTEGER,
        nodeid TEXT NOT NULL,
        serverid TEXT,
        userid TEXT NOT NULL,
        doc TEXT NOT NULL,
        PRIMARY KEY (jobid, created_us)
    ) STRICT;
    CREATE UNIQUE INDEX live_jobs ON jobs (jobid) WHERE deleted_us IS NULL;
    CREATE INDEX jobs_by_node ON jobs (nodeid) WHERE deleted_us IS NULL;
    CREATE INDEX jobs_by_server ON jobs (serverid) WHERE deleted_us IS NULL;
    CREATE INDEX jobs_by_user ON jobs (userid) WHERE deleted_us IS NULL;
    CREATE TABLE runs (
        runid TEXT PRIMARY KEY,
        revision INTEGER NOT NULL,
        jobid TEXT NOT NULL,
        nodeid TEXT NOT NULL,
        userid TEXT NOT NULL,
        start_us INTEGER,
        doc TEXT NOT NULL
    ) STRICT;
    CREATE INDEX runs_by_start ON runs (start_us);
    CREATE INDEX runs_by_job ON runs (jobid, start_us);
    CREATE INDEX runs_by_node ON runs (nodeid, start_us);
    CREATE INDEX runs_by_user ON runs (userid, start_us);
    CREATE TABLE settings (id INTEGER PRIMARY KEY CHECK (id = 1), doc TEXT NOT NULL) STRICT;
";
