//! Lists of jobs, encoded once for all who ask.
//!
//! Existing nodes ask for all their jobs every few seconds, and almost always get the same answer.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use prost::Message as _;

use super::job::jobs_from_wire;
use super::unary;
use crate::error::{Error, Result};
use crate::ids::NodeId;
use crate::model::{Job, View};

/// The most jobs that are kept encoded; when there would be more, all are forgotten.
const MOST_JOBS: usize = 100_000;

/// Jobs as they were encoded, by the node whose list they are in.
#[derive(Debug, Default)]
pub struct EncodedJobs(Mutex<Lists>);

#[derive(Debug, Default)]
struct Lists {
    nodes: HashMap<NodeId, Vec<Encoded>>,
    jobs: usize,
}

/// A job, and how it is encoded for those who may see all of it and for everybody.
#[derive(Debug, Clone)]
struct Encoded {
    job: Arc<Job>,
    whole: Option<Bytes>,
    times: Option<Bytes>,
}

impl Encoded {
    fn of(&mut self, view: View) -> Bytes {
        let kept = match view {
            View::Whole => &mut self.whole,
            View::Times => &mut self.times,
        };
        let encode = || encoded(&view.of(Job::clone(&self.job)).into());
        kept.get_or_insert_with(encode).clone()
    }
}

impl EncodedJobs {
    /// The messages of a list of jobs of `node`. A job is encoded anew only when it is another
    /// object than the one before in its place.
    pub fn encode(&self, node: &NodeId, jobs: impl Iterator<Item = (Arc<Job>, View)>) -> Vec<Bytes> {
        // A list is changed in one step.
        let mut lists = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut list = lists.nodes.remove(node).unwrap_or_default();
        lists.jobs -= list.len();
        let mut messages = Vec::with_capacity(list.len());
        let mut length = 0;
        for (index, (job, view)) in jobs.enumerate() {
            let fresh = |job| Encoded { job, whole: None, times: None };
            match list.get_mut(index) {
                Some(kept) if Arc::ptr_eq(&kept.job, &job) => {}
                Some(other) => *other = fresh(job),
                None => list.push(fresh(job)),
            }
            messages.extend(list.get_mut(index).map(|kept| kept.of(view)));
            length = index + 1;
        }
        list.truncate(length);
        if lists.jobs + list.len() > MOST_JOBS {
            *lists = Lists::default();
        }
        lists.jobs += list.len();
        lists.nodes.insert(node.clone(), list);
        messages
    }
}

/// A message as it stands in a list.
pub fn encoded(job: &unary::Job) -> Bytes {
    job.encode_to_vec().into()
}

/// A message of a list.
///
/// # Errors
/// [`InvalidArgument`](crate::ErrorKind::InvalidArgument) for one that is not well formed.
pub fn decoded(message: Bytes) -> Result<unary::Job> {
    unary::Job::decode(message).map_err(|e| Error::invalid(format!("a job is not well formed: {e}")))
}

/// The jobs in the messages of a list.
///
/// # Errors
/// [`InvalidArgument`](crate::ErrorKind::InvalidArgument) that names the job and the field.
pub fn decode(messages: Vec<Bytes>) -> Result<Vec<Job>> {
    jobs_from_wire(messages.into_iter().map(decoded).collect::<Result<_>>()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{JobParams, RunLength};
    use crate::schedule::{Policies, Schedule};
    use crate::time::{SignedDuration, Window, parse_time};

    fn job(id: &str) -> Arc<Job> {
        let at = |text| parse_time(text).expect("time");
        Arc::new(Job {
            id: id.parse().expect("id"),
            owner: "u".parse().expect("id"),
            node: "n".parse().expect("id"),
            server: None,
            schedule: Schedule::Once,
            window: Window::new(at("2026-12-01T00:00"), at("2026-12-01T01:00")).expect("window"),
            length: RunLength::from_secs(60).expect("length"),
            overhead: true,
            trigger: Some("secret > 1".into()),
            config: "docker: {image: secret}".into(),
            params: JobParams { mode: "docker".into(), ..JobParams::default() },
            policies: Policies::default(),
            shift: SignedDuration::ZERO,
            created: at("2026-11-30T00:00"),
            since: at("2026-11-30T00:00"),
            deleted: None,
        })
    }

    #[test]
    fn a_job_is_encoded_once_for_each_view_and_no_view_shows_what_another_may() {
        let (lists, node) = (EncodedJobs::default(), "n".parse().expect("id"));
        let jobs = [job("a"), job("b")];
        let list = |view| lists.encode(&node, jobs.iter().map(|job| (Arc::clone(job), view)));
        let (whole, times) = (list(View::Whole), list(View::Times));
        for (again, first) in list(View::Whole).iter().zip(&whole).chain(list(View::Times).iter().zip(&times))
        {
            assert_eq!(again.as_ptr(), first.as_ptr(), "not encoded anew");
        }
        for ((whole, times), job) in whole.iter().zip(&times).zip(&jobs) {
            assert_eq!(*whole, encoded(&Job::clone(job).into()));
            assert_eq!(*times, encoded(&View::Times.of(Job::clone(job)).into()));
            assert!(!times.windows(6).any(|text| text == b"secret"));
        }
    }

    #[test]
    fn what_has_changed_is_encoded_anew() {
        let (lists, node) = (EncodedJobs::default(), "n".parse().expect("id"));
        let ids = |jobs: &[Arc<Job>]| {
            let messages = lists.encode(&node, jobs.iter().map(|job| (Arc::clone(job), View::Whole)));
            let ids: Vec<String> =
                messages.into_iter().map(|message| decoded(message).expect("job").id).collect();
            ids.join(" ")
        };
        let (a, b, c) = (job("a"), job("b"), job("c"));
        assert_eq!(ids(&[a.clone(), b.clone(), c.clone()]), "a b c");
        assert_eq!(ids(&[a.clone(), c.clone()]), "a c");
        assert_eq!(ids(&[b.clone(), a.clone(), c]), "b a c");
        assert_eq!(ids(&[]), "");
        let changed = Arc::new(Job { overhead: false, ..Job::clone(&a) });
        assert_eq!(ids(&[b.clone(), a]), "b a");
        let messages = lists.encode(&node, [b, changed].map(|job| (job, View::Whole)).into_iter());
        assert!(!decoded(messages[1].clone()).expect("job").overhead);
    }
}
