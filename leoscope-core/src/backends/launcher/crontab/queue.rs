//! The jobs in the queue of at.

use super::Queued;
use crate::ids::NodeId;
use crate::model::HostStart;
use crate::time::Timestamp;

/// What is to be done to the queue.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Changes {
    /// Jobs that are wanted no more.
    pub(super) withdraw: Vec<u64>,
    /// Scripts to queue, each with its minute.
    pub(super) submit: Vec<(Timestamp, String)>,
}

/// The line by which the scripts of `node` are known.
fn mark(node: &NodeId) -> String {
    format!("# leotest:{node}:")
}

/// The script that runs `command`.
pub(super) fn script(node: &NodeId, start: &HostStart, command: &str) -> String {
    let run = start.run.as_ref().map_or("auto", |run| run.as_str());
    // at passes the zone on in which it was told the time.
    format!("{}{}:{run}\nunset TZ\nexec {command}\n", mark(node), start.job)
}

/// Compares the queue with what is `wanted` at `now`.
pub(super) fn changes(
    queued: &[Queued],
    node: &NodeId,
    wanted: &[(Timestamp, String)],
    now: Timestamp,
) -> Changes {
    let mark = mark(node);
    let mut missing: Vec<&(Timestamp, String)> = wanted.iter().collect();
    let mut changes = Changes::default();
    for Queued { id, script } in queued {
        if !script.lines().any(|line| line.starts_with(&mark)) {
            continue;
        }
        match missing.iter().position(|(_, wanted)| script.contains(wanted.trim_end())) {
            Some(index) => drop(missing.remove(index)),
            None => changes.withdraw.push(*id),
        }
    }
    // at refuses a time that has passed.
    changes.submit = missing.into_iter().filter(|(at, _)| *at > now).cloned().collect();
    changes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::{SignedDuration, parse_time};

    #[test]
    fn the_queue_is_changed_by_the_difference_and_only_ours() {
        let node = NodeId::parse("node-1").expect("id");
        let now = parse_time("2026-12-01T00:00:30").expect("time");
        let later = now + SignedDuration::from_secs(30);
        let script = |node: &str, run: &str| format!("# leotest:{node}:job:{run}\nunset TZ\nexec x {run}\n");
        let queue = |scripts: &[String]| -> Vec<Queued> {
            let header = "#!/bin/sh\n# atrun uid=0 gid=0\ncd / || {\n}\n";
            (1..)
                .zip(scripts)
                .map(|(id, script)| Queued { id, script: format!("{header}{script}\n") })
                .collect()
        };
        let (a, b, foreign) = (script("node-1", "a"), script("node-1", "b"), script("node-11", "a"));
        let wanted = [(later, a.clone()), (later, b.clone())];
        let compare = |scripts: &[String], wanted: &[(Timestamp, String)]| {
            let Changes { withdraw, submit } = changes(&queue(scripts), &node, wanted, now);
            (withdraw, submit.into_iter().map(|(_, script)| script).collect::<Vec<_>>())
        };
        let people = "echo '# leotest:node-1:job:a'".to_owned();
        for (scripts, wanted, expected) in [
            (vec![], &wanted[..], (vec![], vec![a.clone(), b.clone()])),
            (vec![foreign.clone(), people.clone(), a.clone()], &wanted, (vec![], vec![b.clone()])),
            (vec![a.clone(), b.clone()], &wanted, (vec![], vec![])),
            (vec![a.clone(), foreign, b.clone(), people], &[], (vec![1, 3], vec![])),
            // Twice the same, and one whose command has changed.
            (vec![a.clone(), a.clone(), b.replace("exec x", "exec y")], &wanted, (vec![2, 3], vec![b])),
            (vec![], &[(now, a)], (vec![], vec![])),
        ] {
            assert_eq!(compare(&scripts, wanted), expected, "{scripts:?}");
        }
    }
}
