CREATE TABLE jobs (
    id TEXT PRIMARY KEY,
    seq INTEGER NOT NULL UNIQUE,
    receipt TEXT,                      -- sha256 of path, content and manifest
    state TEXT NOT NULL,
    folder TEXT NOT NULL,              -- relative to the inbox, '' for its root
    content_name TEXT,                 -- NULL where a manifest came alone
    content_sha256 TEXT,
    manifest_name TEXT,
    manifest BLOB,
    batch_id TEXT,
    order_json TEXT,
    style TEXT,                        -- the order's styles in words
    priority INTEGER NOT NULL DEFAULT 0,
    attempts INTEGER NOT NULL DEFAULT 0,
    next_try_s REAL NOT NULL DEFAULT 0,
    accepted_s REAL NOT NULL,
    started_s REAL,
    ended_s REAL,
    reason TEXT,
    output_folder TEXT,
    output_stem TEXT,
    tidied INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX jobs_by_state ON jobs (state, priority DESC, seq);
CREATE INDEX jobs_by_receipt ON jobs (receipt);
CREATE UNIQUE INDEX jobs_by_output ON jobs (output_folder, lower(output_stem));
CREATE TABLE files (                   -- what a finished job publishes, in this order
    job_id TEXT NOT NULL REFERENCES jobs (id),
    position INTEGER NOT NULL,
    suffix TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    size INTEGER NOT NULL,
    PRIMARY KEY (job_id, position)
);
CREATE TABLE facts (job_id TEXT PRIMARY KEY REFERENCES jobs (id), json TEXT NOT NULL);
CREATE TABLE originals (               -- files of the inbox that belong to a job or a batch
    path TEXT PRIMARY KEY,
    owner TEXT NOT NULL,
    size INTEGER NOT NULL,
    mtime_ns INTEGER NOT NULL,
    inode INTEGER NOT NULL
);
CREATE INDEX originals_by_owner ON originals (owner);
CREATE TABLE batches (
    id TEXT PRIMARY KEY, path TEXT NOT NULL, manifest BLOB NOT NULL,
    tidied INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE arrivals (path TEXT PRIMARY KEY, since_s REAL NOT NULL, reason TEXT NOT NULL);
CREATE TABLE progress (
    job_id TEXT PRIMARY KEY, step INTEGER, steps INTEGER, level INTEGER, levels INTEGER,
    size_px INTEGER, loss REAL, eta_s REAL, device TEXT, updated_s REAL
);
CREATE TABLE faults (resource TEXT PRIMARY KEY, since_s REAL NOT NULL, sentence TEXT NOT NULL);
CREATE TABLE notes (name TEXT PRIMARY KEY, value TEXT NOT NULL);
PRAGMA user_version = 1;
