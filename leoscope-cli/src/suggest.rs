//! Names like those that were not found.

use std::ffi::OsString;

use leoscope_core::model::NodeFilter;
use leoscope_core::{Error, ErrorKind};

use crate::connect::Session;

/// From which likeness on a name may have been meant.
const LIKE: f64 = 0.9;

/// `error` with names that may have been meant, where it says that something on the command line `args` is
/// not there.
pub(crate) async fn near(error: Error, args: &[OsString], session: &Session) -> Error {
    if error.kind() != ErrorKind::NotFound {
        return error;
    }
    let Ok(plane) = session.connect() else { return error };
    let named: Vec<String> = ["nodeid", "server"].iter().flat_map(|option| values(args, option)).collect();
    if !named.is_empty()
        && let Ok(nodes) = plane.nodes(&NodeFilter::default()).await
    {
        let known: Vec<String> = nodes.iter().map(|node| node.id.to_string()).collect();
        if let Some(wrong) = named.iter().find(|name| !known.contains(name)) {
            return hinted(error, "node", wrong, &known, "list all nodes with 'leoscope node get'");
        }
    }
    let jobs: Vec<String> = ["jobid", "from"].iter().flat_map(|option| values(args, option)).collect();
    if !jobs.is_empty()
        && let Ok(caller) = session.caller()
        && let Ok(booked) = plane.jobs_of_user(&caller.clone()).await
    {
        let known: Vec<String> = booked.iter().map(|job| job.id.to_string()).collect();
        // Others may be ids of jobs that are to be made.
        let is_told = |name: &&String| error.message().contains(name.as_str());
        let is_id = error.message() == "job with given jobid does not exist";
        if let Some(wrong) = jobs.iter().find(|name| !known.contains(name) && (is_id || is_told(name))) {
            return hinted(error, "job", wrong, &known, "list your jobs with 'leoscope job get'");
        }
    }
    error
}

fn hinted(error: Error, what: &str, wrong: &str, known: &[String], else_hint: &str) -> Error {
    let like = known.iter().map(|name| (strsim::jaro_winkler(wrong, name), name));
    let best = like.filter(|(like, _)| *like >= LIKE).max_by(|one, other| one.0.total_cmp(&other.0));
    // What is wrong need not be said twice.
    let is_named = error.message().contains(wrong);
    error.hint(match (best, is_named) {
        (Some((_, name)), true) => format!("did you mean {name}?"),
        (Some((_, name)), false) => format!("there is no {what} {wrong}, did you mean {name}?"),
        (None, true) => else_hint.to_owned(),
        (None, false) => format!("there is no {what} {wrong}; {else_hint}"),
    })
}

/// The values of an option, also where several stand between commas.
fn values(args: &[OsString], option: &str) -> Vec<String> {
    let mut values = Vec::new();
    let mut words = args.iter().filter_map(|arg| arg.to_str());
    while let Some(word) = words.next() {
        let Some(rest) = word.strip_prefix("--").and_then(|word| word.strip_prefix(option)) else { continue };
        let value = match rest.strip_prefix('=') {
            Some(value) => Some(value),
            None if rest.is_empty() => words.next(),
            None => None,
        };
        values.extend(value.unwrap_or_default().split(',').filter(|v| !v.is_empty()).map(str::to_owned));
    }
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_on_the_command_line_and_compared() {
        let line = ["leoscope", "job", "get", "--nodeid", "a,b", "--nodeid=c", "--nodeids=d", "--nodeid"];
        assert_eq!(values(&line.map(OsString::from), "nodeid"), ["a", "b", "c"]);
        let known = ["node-seattle".to_owned(), "node-berlin".to_owned()];
        let told = |wrong: &str| {
            let error = hinted(Error::not_found("gone"), "node", wrong, &known, "list them");
            error.what_to_do().expect("hint").to_owned()
        };
        assert_eq!(told("node-seatle"), "there is no node node-seatle, did you mean node-seattle?");
        assert_eq!(told("xyz"), "there is no node xyz; list them");
        let named = hinted(Error::not_found("no node-seatle"), "node", "node-seatle", &known, "list them");
        assert_eq!(named.what_to_do(), Some("did you mean node-seattle?"));
    }
}
