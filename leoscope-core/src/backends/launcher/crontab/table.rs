//! The lines of a crontab.

use std::collections::BTreeSet;

use crate::ids::{JobId, NodeId};
use crate::schedule::CronExpr;

/// The line that starts `command` at the minutes of `cron`, without its end.
pub(super) fn line(node: &NodeId, job: &JobId, cron: &CronExpr, command: &str) -> String {
    // cron makes a line's end of a bare percent sign.
    format!("{cron} {} {}{job}", command.replace('%', r"\%"), mark(node))
}

/// What stands before the job's id at the end of the lines of `node`.
fn mark(node: &NodeId) -> String {
    format!("# leotest:{node}:")
}

/// Whether a line, without its end, has been put there for `node`.
fn is_ours(line: &[u8], mark: &str) -> bool {
    let Ok(line) = std::str::from_utf8(line) else { return false };
    // A line that somebody has made a comment of is theirs.
    !line.trim_start().starts_with('#')
        && line.trim_end().rsplit_once(mark).is_some_and(|(_, job)| JobId::parse(job).is_ok())
}

/// `table` with exactly the lines `wanted` for `node`, and every other line as it is. A line that is
/// there already keeps its place.
pub(super) fn synced(table: &[u8], node: &NodeId, wanted: &[String]) -> Vec<u8> {
    let mark = mark(node);
    let mut missing: BTreeSet<&[u8]> = wanted.iter().map(String::as_bytes).collect();
    let mut result = Vec::with_capacity(table.len());
    for line in table.split_inclusive(|byte| *byte == b'\n') {
        let text = line.strip_suffix(b"\n").unwrap_or(line);
        if !is_ours(text, &mark) || missing.remove(text) {
            result.extend_from_slice(line);
        }
    }
    let added = wanted.iter().filter(|line| missing.remove(line.as_bytes()));
    let added: String = added.map(|line| format!("{line}\n")).collect();
    // crontab takes no table whose last line has no end.
    let is_changed = !added.is_empty() || result.len() != table.len();
    if is_changed && result.last().is_some_and(|byte| *byte != b'\n') {
        result.push(b'\n');
    }
    result.extend_from_slice(added.as_bytes());
    result
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn node() -> NodeId {
        NodeId::parse("node-1").expect("id")
    }

    fn wanted(jobs: &[&str]) -> Vec<String> {
        let cron = CronExpr::parse("*/5 * * * *").expect("cron");
        jobs.iter().map(|job| line(&node(), &JobId::parse(job).expect("id"), &cron, "run 100%")).collect()
    }

    fn sync(table: &str, jobs: &[&str]) -> String {
        String::from_utf8(synced(table.as_bytes(), &node(), &wanted(jobs))).expect("text")
    }

    #[test]
    fn lines_are_added_kept_and_removed_and_others_stay() {
        let (a, b) = (wanted(&["a"]).remove(0), wanted(&["b"]).remove(0));
        assert_eq!(a, r"*/5 * * * * run 100\% # leotest:node-1:a");
        for (table, jobs, expected) in [
            ("", &[][..], String::new()),
            ("", &["a"], format!("{a}\n")),
            ("MAILTO=x\n", &["a"], format!("MAILTO=x\n{a}\n")),
            ("0 0 * * * backup", &[], "0 0 * * * backup".to_owned()),
            ("0 0 * * * backup", &["a"], format!("0 0 * * * backup\n{a}\n")),
            (&format!("{a}\n# mine\n{b}\n"), &["a"], format!("{a}\n# mine\n")),
            (&format!("{a}\n# mine\n{b}\n"), &["b"], format!("# mine\n{b}\n")),
            (&format!("{a}\n{a}\n"), &["a"], format!("{a}\n")),
            (&format!("{a}\nx"), &[], "x\n".to_owned()),
            // Another length or path is another line.
            (&a.replace("run", "old"), &["a"], format!("{a}\n")),
        ] {
            assert_eq!(sync(table, jobs), expected, "{table:?}");
        }
    }

    #[test]
    fn lines_of_other_nodes_and_other_people_are_not_ours() {
        for foreign in [
            "*/5 * * * * run # leotest:node-11:a\n",
            "*/5 * * * * run # leotest:node:a\n",
            "*/5 * * * * run # leotest:node-1:a and more\n",
            "*/5 * * * * run # leotest:node-1:\n",
            "#*/5 * * * * run # leotest:node-1:a\n",
            "\t # leotest:node-1:a\n",
            "\r\n\n  \n",
        ] {
            assert_eq!(sync(foreign, &[]), foreign);
        }
        let bytes = b"0 0 * * * caf\xE9 # leotest:node-1:a\n";
        assert_eq!(synced(bytes, &node(), &[]), bytes);
    }

    proptest! {
        #[test]
        fn syncing_twice_changes_nothing_and_foreign_lines_are_preserved(
            lines in proptest::collection::vec("[ -~\\t]{0,12}|\\PC{0,6}", 0..8),
            before in proptest::sample::subsequence(vec!["a", "b", "c"], 0..=3),
            after in proptest::sample::subsequence(vec!["a", "b", "c"], 0..=3),
        ) {
            let foreign = lines.join("\n");
            let first = sync(&foreign, &before);
            let second = sync(&first, &after);
            prop_assert_eq!(sync(&second, &after), second.clone());
            let rest = sync(&second, &[]);
            let with_end = if foreign.is_empty() || foreign.ends_with('\n') { foreign.clone() } else { format!("{foreign}\n") };
            prop_assert!(rest == foreign || rest == with_end, "{:?} from {:?}", rest, foreign);
            prop_assert_eq!(second.lines().filter(|line| is_ours(line.as_bytes(), &mark(&node()))).count(), after.len());
        }
    }
}
