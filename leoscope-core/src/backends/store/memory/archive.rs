//! Copies of everything.

use async_trait::async_trait;

use super::super::taken;
use super::{MemoryStore, Tables, definition};
use crate::error::Result;
use crate::model::{Record, RecordKey};
use crate::ports::{Archive, PAGE, Versions};

impl Tables {
    fn records(&self) -> impl Iterator<Item = Record> {
        let users = self.users.values().cloned().map(Record::User);
        let nodes = self.nodes.values().cloned().map(Record::Node);
        let runs = self.runs.values().cloned().map(|(run, revision)| Record::Run { run, revision });
        let jobs = self
            .jobs
            .values()
            .filter_map(|job| self.record(&RecordKey::Job(job.id.clone(), job.created, job.since)));
        let timetables =
            self.versions.iter().map(|(node, &version)| Record::Timetable { node: node.clone(), version });
        let settings = self.settings.iter().cloned().map(Record::Settings);
        let events = self.events.values().cloned().map(Record::Event);
        let audit = self.audit.values().cloned().map(Record::Audit);
        let before = users.chain(nodes).chain(runs).chain(jobs).chain(timetables).chain(settings);
        before.chain(events).chain(audit)
    }

    fn record(&self, key: &RecordKey) -> Option<Record> {
        Some(match key {
            RecordKey::User(id) => Record::User(self.users.get(id)?.clone()),
            RecordKey::Node(id) => Record::Node(self.nodes.get(id)?.clone()),
            RecordKey::Run(id) => {
                let (run, revision) = self.runs.get(id)?.clone();
                Record::Run { run, revision }
            }
            RecordKey::Job(id, created, since) => {
                let key = (id.clone(), *created, *since);
                let (settled, next) = *self.settled.get(&key)?;
                Record::Job { job: self.jobs.get(&key)?.clone(), settled, next }
            }
            RecordKey::Timetable(node) => {
                Record::Timetable { node: node.clone(), version: *self.versions.get(node)? }
            }
            RecordKey::Settings => Record::Settings(self.settings.clone()?),
            RecordKey::Event(id) => Record::Event(self.events.get(id)?.clone()),
            RecordKey::Audit(id) => Record::Audit(self.audit.get(id)?.clone()),
        })
    }
}

#[async_trait]
impl Archive for MemoryStore {
    async fn records(&self, after: Option<&RecordKey>) -> Result<Vec<Record>> {
        let tables = self.tables();
        let next = tables.records().filter(|record| after.is_none_or(|after| record.key() > *after));
        Ok(next.take(PAGE).collect())
    }

    async fn restore(&self, record: &Record, seen: &Versions) -> Result<Option<Record>> {
        let mut tables = self.tables();
        tables.check(seen)?;
        let stored = tables.record(&record.key());
        match record.clone() {
            Record::Timetable { node, version } => {
                if tables.version(&node) < version {
                    tables.versions.insert(node, version);
                }
            }
            _ if stored.is_some() => {}
            Record::User(user) => drop(tables.users.insert(user.id.clone(), user)),
            Record::Node(node) => drop(tables.nodes.insert(node.id.clone(), node)),
            Record::Run { run, revision } => drop(tables.runs.insert(run.id.clone(), (run, revision))),
            Record::Settings(settings) => tables.settings = Some(settings),
            Record::Event(event) => drop(tables.events.insert(event.id.clone(), event)),
            Record::Audit(entry) => drop(tables.audit.insert(entry.id.clone(), entry)),
            Record::Job { job, settled, next } => {
                if job.deleted.is_none() && tables.live_jobs().any(|other| other.id == job.id) {
                    return Err(taken("job", &job.id));
                }
                tables.settled.insert(definition(&job), (settled, next));
                tables.grow(job.nodes().cloned().collect());
                tables.jobs.insert(definition(&job), job);
            }
        }
        Ok(stored)
    }
}
