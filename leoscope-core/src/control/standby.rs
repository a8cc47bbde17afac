//! Nodes that do not take (all) experiments for a while.

use super::text::check_text;
use super::{Service, Session};
use crate::error::{Error, Result};
use crate::ids::NodeId;
use crate::model::{Job, Standby, StandbyBy};
use crate::policy::Action;
use crate::time::{Timestamp, wire_time};

impl Session {
    pub(super) async fn do_standby(&self, id: &NodeId) -> Result<Option<Standby>> {
        let node = self.service.node(id).await?;
        Ok(node.standby.active(self.service.clock.now()).cloned())
    }

    pub(super) async fn do_set_standby(
        &self,
        id: &NodeId,
        by: StandbyBy,
        standby: Option<Standby>,
    ) -> Result<()> {
        let node = self.service.node(id).await?;
        self.require(&Action::UpdateNode(&node))?;
        if let Some(standby) = &standby {
            check(standby, self.service.clock.now())?;
        }
        self.service.store.set_node_standby(id, by, standby.as_ref()).await?;
        match by {
            // Also when it was so before: the one who said so may have been cut off in between.
            StandbyBy::Person => self.service.stir(id).await,
            // It is no part of the orders: the node knows what it found.
            StandbyBy::Host => Ok(()),
        }
    }
}

fn check(standby: &Standby, now: Timestamp) -> Result<()> {
    let Standby { kind: _, reason, until } = standby;
    if let Some(reason) = reason {
        check_text("reason", reason)?;
    }
    match until {
        Some(until) if *until <= now => {
            Err(Error::invalid(format!("the end {} has passed, it is {}", wire_time(*until), wire_time(now)))
                .hint("give an end in the future (times are UTC), or none"))
        }
        _ => Ok(()),
    }
}

/// Since when the nodes of a job are free of what is known to keep them from it.
pub(super) enum Free {
    /// From then on; it may have passed.
    From(Timestamp),
    /// Nobody said when this will be over.
    Never(NodeId, Standby),
}

impl Service {
    /// When the nodes of `job` are not known to be on standby any more. Scavenger mode without an end
    /// counts for nothing: it may be over at any time, and often is after minutes.
    pub(super) async fn free_of_standby(&self, job: &Job, now: Timestamp) -> Result<Free> {
        let mut from = now;
        for id in job.nodes() {
            // One that was removed stands in nobody's way.
            let Some(standby) = self.store.node(id).await?.map(|node| node.standby) else { continue };
            for (_, standby) in standby.iter().filter(|(_, standby)| standby.hinders(job.overhead, now)) {
                match standby.until {
                    Some(until) => from = from.max(until),
                    None if standby.is_scavenger() => {}
                    None => return Ok(Free::Never(id.clone(), standby.clone())),
                }
            }
        }
        Ok(Free::From(from))
    }
}

/// What somebody who books `job` should know of a node with this standby.
pub(super) fn warning(node: &NodeId, standby: &Standby) -> String {
    let left_undone = if standby.is_scavenger() {
        "runs nothing that needs its link for itself"
    } else {
        "is being taken out of use and begins no runs"
    };
    let until = standby.until.map_or_else(|| "its owner says so".to_owned(), wire_time);
    let reason = standby.reason.as_ref().map(|reason| format!(" ({reason})")).unwrap_or_default();
    format!("node {node} {left_undone} until {until}{reason}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::StandbyKind;
    use crate::time::parse_time;

    #[test]
    fn whoever_books_reads_what_is_left_undone_until_when_and_why() {
        let node = NodeId::parse("n").expect("id");
        let until = Some(parse_time("2026-12-01T12:00:00").expect("time"));
        let pause = Standby { kind: StandbyKind::Scavenger, reason: Some("a call".into()), until };
        let drain = Standby { kind: StandbyKind::Drain, reason: None, until: None };
        for (standby, text) in [
            (
                Standby::SCAVENGER,
                "node n runs nothing that needs its link for itself until its owner says so",
            ),
            (pause, "node n runs nothing that needs its link for itself until 2026-12-01T12:00:00 (a call)"),
            (drain, "node n is being taken out of use and begins no runs until its owner says so"),
        ] {
            assert_eq!(warning(&node, &standby), text);
        }
    }
}
