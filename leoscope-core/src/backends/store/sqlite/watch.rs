//! Hearing of changes to timetables that other processes make.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use futures_util::stream;
use rusqlite::Row;

use crate::backends::database::Database;
use crate::backends::rows::{all, one, rows};
use crate::error::{Error, Result};
use crate::ids::NodeId;
use crate::ports::{PAGE, TimetableChanges};

/// How often it is looked for changes; SQLite tells nobody of them.
const INTERVAL: Duration = Duration::from_millis(250);

pub(super) const CHANGED: &str =
    "SELECT nodeid, change FROM timetables WHERE change > ?1 ORDER BY change LIMIT ?2";

/// Tells of all changes from now on.
pub(super) async fn watch(database: &Arc<Database>) -> Result<TimetableChanges> {
    let select = "SELECT coalesce(max(change), 0) FROM timetables";
    let last = database.read(move |tx| one(tx, select, [], |row| row.get::<_, i64>(0))).await?;
    let state = (Arc::downgrade(database), last.unwrap_or_default());
    Ok(Box::pin(stream::unfold(state, |(database, mut last)| async move {
        loop {
            // Whoever watches does not keep the database open.
            let changed = next(database.upgrade()?.as_ref(), last).await;
            let nodes = match changed {
                Ok(changed) => {
                    last = changed.last().map_or(last, |(_, change)| *change);
                    Ok(changed.into_iter().map(|(node, _)| node).collect::<BTreeSet<_>>())
                }
                Err(error) => Err(error),
            };
            match nodes {
                Ok(nodes) if nodes.is_empty() => tokio::time::sleep(INTERVAL).await,
                nodes => return Some((nodes, (database, last))),
            }
        }
    })))
}

async fn next(database: &Database, last: i64) -> Result<Vec<(NodeId, i64)>> {
    let row = |row: &Row<'_>| Ok((row.get::<_, String>(0)?, row.get(1)?));
    let rows = database.read(move |tx| all(tx, CHANGED, (last, rows(PAGE)), row)).await?;
    let id = |(node, change): (String, i64)| Ok::<_, Error>((NodeId::parse(&node)?, change));
    rows.into_iter().map(id).collect()
}
