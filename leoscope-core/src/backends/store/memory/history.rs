//! Events and the audit trail.

use std::cmp::Reverse;

use async_trait::async_trait;

use super::super::taken;
use super::MemoryStore;
use crate::error::Result;
use crate::model::{AuditEntry, AuditFilter, EventScope, JobEvent};
use crate::ports::{AuditStore, EventStore, PAGE};
use crate::time::Timestamp;

/// As many as a list holds when `limit` are asked for.
fn most(limit: Option<u32>) -> usize {
    limit.and_then(|limit| usize::try_from(limit).ok()).map_or(PAGE, |limit| limit.min(PAGE))
}

#[async_trait]
impl EventStore for MemoryStore {
    async fn insert_event(&self, event: &JobEvent) -> Result<Option<JobEvent>> {
        let mut tables = self.tables();
        let stored = tables.events.get(&event.id).cloned();
        if stored.is_none() {
            tables.events.insert(event.id.clone(), event.clone());
        }
        Ok(stored)
    }

    async fn events(&self, scope: &EventScope, limit: u32) -> Result<Vec<JobEvent>> {
        let tables = self.tables();
        let mut events: Vec<_> = tables.events.values().filter(|event| scope.contains(event)).collect();
        events.sort_by_key(|event| (Reverse(event.at), &event.id));
        Ok(events.into_iter().take(most(Some(limit))).cloned().collect())
    }

    async fn forget_events(&self, before: Timestamp) -> Result<u64> {
        let mut tables = self.tables();
        let count = tables.events.len();
        tables.events.retain(|_, event| event.received >= before);
        Ok((count - tables.events.len()) as u64)
    }
}

#[async_trait]
impl AuditStore for MemoryStore {
    async fn insert_audit(&self, entry: &AuditEntry) -> Result<()> {
        match self.tables().audit.insert(entry.id.clone(), entry.clone()) {
            None => Ok(()),
            Some(_) => Err(taken("audit entry", &entry.id)),
        }
    }

    async fn audit(&self, filter: &AuditFilter) -> Result<Vec<AuditEntry>> {
        let tables = self.tables();
        let wanted = tables.audit.values().rev().filter(|entry| filter.matches(entry));
        Ok(wanted.take(most(filter.limit)).cloned().collect())
    }

    async fn forget_audit(&self, before: Timestamp) -> Result<u64> {
        let mut tables = self.tables();
        let count = tables.audit.len();
        tables.audit.retain(|_, entry| entry.at >= before);
        Ok((count - tables.audit.len()) as u64)
    }
}
