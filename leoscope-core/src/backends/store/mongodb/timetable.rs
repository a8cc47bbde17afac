//! Timetables: reading them as of one instant, and changing them in one transaction.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use ::mongodb::ClientSession;
use ::mongodb::bson::doc;
use ::mongodb::options::ReadConcern;
use tokio::time::{Instant, timeout_at};

use super::documents::JobDocument;
use super::schema::FORMAT;
use super::{MongoStore, fault};
use crate::error::{Error, ErrorKind, Result};
use crate::ids::NodeId;
use crate::model::Job;
use crate::ports::{Timetable, Versions};

use super::super::stale;

/// How often a timetable is read anew after the server gave up a transaction.
const ATTEMPTS: usize = 8;

/// How long to wait before asking again whether a transaction was committed.
const PAUSE: Duration = Duration::from_millis(50);

/// How long to wait until the server has given a transaction up.
const PATIENCE: Duration = Duration::from_secs(2);

/// An error inside a transaction, of which nothing is stored.
pub(super) fn inside(error: &::mongodb::error::Error) -> Error {
    if fault::is_conflict(error) { stale("the timetable") } else { fault::read(error) }
}

impl MongoStore {
    /// Begins a transaction that sees the database as of one instant.
    pub(super) async fn begin(&self) -> Result<ClientSession> {
        let mut session = self.client.start_session().await.map_err(|e| fault::read(&e))?;
        session
            .start_transaction()
            .read_concern(ReadConcern::snapshot())
            .await
            .map_err(|e| fault::read(&e))?;
        Ok(session)
    }

    /// Gives a transaction up, and waits until the server has heard of it: until then, or until it
    /// is a minute old, it stands in the way of others.
    pub(super) async fn abort(mut session: ClientSession) {
        // A task of its own, because the caller may be dropped meanwhile.
        let told = tokio::spawn(async move {
            if let Err(error) = session.abort_transaction().await {
                tracing::debug!(%error, "a transaction ends by itself");
            }
        });
        if tokio::time::timeout(PATIENCE, told).await.is_err() {
            tracing::debug!("the server takes long to give a transaction up");
        }
    }

    /// Commits a transaction that has written `changed`, and finds out whether that happened.
    pub(super) async fn finish(
        &self,
        mut session: ClientSession,
        changed: &[Arc<Job>],
        deadline: Instant,
    ) -> Result<()> {
        let ask = async {
            let mut undecided = false;
            loop {
                match session.commit_transaction().await {
                    Ok(()) => return Ok(()),
                    Err(error) if fault::is_undecided(&error) => {
                        undecided = true;
                        tokio::time::sleep(PAUSE).await;
                    }
                    // The server does not know the transaction any more: it may have carried it out
                    // and been started anew since.
                    Err(error) if undecided => {
                        return match self.has(changed).await {
                            Some(true) => Ok(()),
                            Some(false) if fault::is_transient(&error) => Err(fault::unavailable()),
                            _ => Err(fault::unknown()),
                        };
                    }
                    Err(error) if fault::is_transient(&error) => return Err(inside(&error)),
                    Err(error) => return Err(fault::write(&error)),
                }
            }
        };
        timeout_at(deadline, ask).await.unwrap_or_else(|_| Err(fault::unknown()))
    }

    /// Whether the last of `changed` is stored as it is, if that can be told.
    async fn has(&self, changed: &[Arc<Job>]) -> Option<bool> {
        let job = changed.last()?;
        let key = super::documents::key(&job.id, job.created, job.since);
        let found = self.jobs().find_one(doc! { "_id": key }).await.ok()?;
        let stored = found.map(JobDocument::into_job).transpose().ok()?;
        Some(stored.is_some_and(|(stored, _, _)| stored == **job))
    }

    /// Notes a change of the timetable of `node`, or that it must not change until the transaction
    /// has ended, if its version is still `seen`; `None` takes any.
    async fn claim(
        &self,
        session: &mut ClientSession,
        node: &NodeId,
        seen: Option<u64>,
        changes: bool,
    ) -> Result<()> {
        let mut filter = doc! { "_id": node.as_str() };
        if let Some(version) = seen {
            filter.insert("version", version.cast_signed());
        }
        // A transaction conflicts with another that writes the same document, so what must not
        // change is written to as well.
        let mut update = doc! {
            "$inc": { "version": i64::from(changes), "checks": 1_i64 },
            "$setOnInsert": { "format": FORMAT },
        };
        if changes {
            update.insert("$currentDate", doc! { "modified": true });
        }
        let first = seen.is_none_or(|version| version == 0);
        let claimed = self.versions().update_one(filter, update).upsert(first).session(session).await;
        match claimed {
            Ok(claimed) if claimed.matched_count > 0 || claimed.upserted_id.is_some() => Ok(()),
            // Its version is not 0 any more.
            Err(error) if fault::is_duplicate(&error) => Err(stale(format!("the timetable of node {node}"))),
            Ok(_) => Err(stale(format!("the timetable of node {node}"))),
            Err(error) => Err(inside(&error)),
        }
    }

    /// [Claims](Self::claim) what was `seen` and what `changes`, and gives the new versions of the
    /// latter; 0 where the version is not known.
    pub(super) async fn claim_all<'a>(
        &self,
        session: &mut ClientSession,
        seen: &'a Versions,
        changes: impl Iterator<Item = &'a NodeId>,
    ) -> Result<Vec<(NodeId, u64)>> {
        // In the order of their ids, so that two transactions never wait for each other.
        let mut claims: BTreeMap<&NodeId, (Option<u64>, bool)> =
            seen.iter().map(|(node, version)| (node, (Some(*version), false))).collect();
        for node in changes {
            claims.entry(node).or_default().1 = true;
        }
        let mut versions = Vec::new();
        for (node, (version, changes)) in claims {
            self.claim(session, node, version, changes).await?;
            if changes {
                versions.push((node.clone(), version.map_or(0, |version| version + 1)));
            }
        }
        Ok(versions)
    }

    async fn versions_of(&self, nodes: &BTreeSet<NodeId>) -> Result<Versions> {
        let ids: Vec<&str> = nodes.iter().map(NodeId::as_str).collect();
        let mut versions: Versions = nodes.iter().map(|node| (node.clone(), 0)).collect();
        let mut found =
            self.versions().find(doc! { "_id": { "$in": ids } }).await.map_err(|e| fault::read(&e))?;
        while found.advance().await.map_err(|e| fault::read(&e))? {
            let document = found.deserialize_current().map_err(|e| fault::read(&e))?;
            versions.insert(document.nodeid, document.version.unsigned_abs());
        }
        Ok(versions)
    }

    fn known(&self, versions: &Versions) -> Option<Vec<Arc<Job>>> {
        let known = self.timetables.lock().unwrap_or_else(PoisonError::into_inner);
        let mut jobs = BTreeMap::new();
        for (node, version) in versions {
            // One that never had a job need not be read.
            let found = if *version == 0 { &[] } else { known.get(node, *version)? };
            jobs.extend(found.iter().map(|job| (job.id.clone(), Arc::clone(job))));
        }
        Some(jobs.into_values().collect())
    }

    /// The timetable of `nodes` as of one instant.
    pub(super) async fn read_timetable(&self, nodes: &BTreeSet<NodeId>) -> Result<Timetable> {
        let versions = self.versions_of(nodes).await?;
        if let Some(jobs) = self.known(&versions) {
            return Ok(Timetable { jobs, versions });
        }
        for _ in 0..ATTEMPTS {
            let mut session = self.begin().await?;
            let read = self.snapshot(&mut session, nodes).await;
            match read {
                Err(error) => {
                    Self::abort(session).await;
                    if error.kind() != ErrorKind::Stale {
                        return Err(error);
                    }
                }
                // Only now is it sure that a majority has what was read.
                Ok(read) => match session.commit_transaction().await.map_err(|e| inside(&e)) {
                    Ok(()) => return Ok(self.keep(read)),
                    Err(error) if error.kind() == ErrorKind::Stale => {}
                    Err(error) => return Err(error),
                },
            }
        }
        Err(Error::unavailable("the timetable changes all the time").hint("try again"))
    }

    async fn snapshot(&self, session: &mut ClientSession, nodes: &BTreeSet<NodeId>) -> Result<Timetable> {
        let ids: Vec<&str> = nodes.iter().map(NodeId::as_str).collect();
        let mut versions: Versions = nodes.iter().map(|node| (node.clone(), 0)).collect();
        let filter = doc! { "_id": { "$in": &ids } };
        let mut found = self.versions().find(filter).session(&mut *session).await.map_err(|e| inside(&e))?;
        while let Some(document) = found.next(session).await {
            let document = document.map_err(|e| inside(&e))?;
            versions.insert(document.nodeid, document.version.unsigned_abs());
        }
        let mut jobs = BTreeMap::new();
        // One query for each field: each has an index of its own.
        for field in ["nodeid", "server"] {
            let filter = doc! { field: { "$in": &ids }, "live": { "$gt": "" } };
            let mut found = self.jobs().find(filter).session(&mut *session).await.map_err(|e| inside(&e))?;
            while let Some(document) = found.next(session).await {
                let (job, _, _) = document.map_err(|e| inside(&e))?.into_job()?;
                jobs.entry(job.id.clone()).or_insert_with(|| Arc::new(job));
            }
        }
        Ok(Timetable { jobs: jobs.into_values().collect(), versions })
    }

    /// Keeps what was read for as long as the versions stay as they are.
    fn keep(&self, timetable: Timetable) -> Timetable {
        let mut known = self.timetables.lock().unwrap_or_else(PoisonError::into_inner);
        for (node, version) in &timetable.versions {
            let jobs = timetable.jobs.iter().filter(|job| job.involves(node));
            known.keep(node.clone(), *version, jobs.cloned().collect());
        }
        timetable
    }
}
