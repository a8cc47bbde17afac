//! Hearing of changes to timetables: by a change stream, or by asking where the server has none.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use ::mongodb::bson::{DateTime, Document, doc};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};

use super::{Access, LIMIT, MongoStore, fault, within};
use crate::error::{Error, Result};
use crate::ids::NodeId;
use crate::ports::TimetableChanges;

/// How often it is asked for changes where the server does not tell them.
const INTERVAL: Duration = Duration::from_millis(300);

/// How far it is looked back: a transaction shows when it is committed, with the time at which it
/// wrote, and no transaction takes that long.
const BACK_MS: i64 = 15_000;

impl MongoStore {
    /// Tells of all changes from now on.
    pub(super) async fn watch(&self) -> Result<TimetableChanges> {
        let stream = async {
            match self.database.collection::<Document>("timetables").watch().await {
                Ok(stream) => Ok(Some(stream)),
                Err(error) if fault::is_unknown_command(&error) => Ok(None),
                Err(error) => Err(fault::read(&error)),
            }
        };
        let Some(stream) = within(Access::Read, stream).await? else {
            tracing::info!("the database has no change streams, so it is asked for changes");
            return self.poll().await;
        };
        let changes = stream.map(|event| {
            let event = event.map_err(|e| fault::read(&e))?;
            let key = event.document_key.as_ref().and_then(|key| key.get_str("_id").ok());
            // Without a key something happened to the whole collection.
            let key = key.ok_or_else(|| Error::unavailable("the timetables were replaced"))?;
            Ok(BTreeSet::from([NodeId::parse(key)?]))
        });
        Ok(Box::pin(changes))
    }

    /// The same by asking again and again.
    pub(super) async fn poll(&self) -> Result<TimetableChanges> {
        let mut seen = Seen::default();
        within(Access::Read, self.changed_since(&mut seen)).await?;
        let state = (self.clone(), seen);
        Ok(Box::pin(stream::unfold(state, |(store, mut seen)| async move {
            loop {
                tokio::time::sleep(INTERVAL).await;
                let changed = within(Access::Read, store.changed_since(&mut seen)).await;
                if changed.as_ref().map_or(true, |changed| !changed.is_empty()) {
                    return Some((changed, (store, seen)));
                }
            }
        })))
    }

    async fn changed_since(&self, seen: &mut Seen) -> Result<BTreeSet<NodeId>> {
        let timetables = self.database.collection::<Document>("timetables");
        let from = match seen.last {
            Some(last) => last,
            None => {
                let newest = timetables.find_one(doc! {}).sort(doc! { "modified": -1 });
                let newest = newest.await.map_err(|e| fault::read(&e))?;
                newest
                    .and_then(|newest| newest.get_datetime("modified").ok().copied())
                    .unwrap_or(DateTime::MIN)
            }
        };
        let from = DateTime::from_millis(from.timestamp_millis().saturating_sub(BACK_MS));
        let mut changed = BTreeSet::new();
        let mut recent = HashMap::new();
        let cursor = timetables.find(doc! { "modified": { "$gte": from } }).sort(doc! { "modified": 1 });
        let mut found =
            cursor.batch_size(u32::try_from(LIMIT).unwrap_or(u32::MAX)).await.map_err(|e| fault::read(&e))?;
        while let Some(document) = found.try_next().await.map_err(|e| fault::read(&e))? {
            let node = NodeId::parse(document.get_str("_id").unwrap_or_default())?;
            let version = document.get_i64("version").unwrap_or_default();
            seen.last = document.get_datetime("modified").ok().copied().or(seen.last);
            if seen.versions.get(&node) != Some(&version) {
                changed.insert(node.clone());
            }
            recent.insert(node, version);
        }
        seen.versions = recent;
        Ok(changed)
    }
}

/// What has been told, by the server's clock.
#[derive(Debug, Default)]
struct Seen {
    last: Option<DateTime>,
    versions: HashMap<NodeId, i64>,
}
