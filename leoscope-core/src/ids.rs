//! Validated names of users, nodes, jobs and runs.
//!
//! An id can stand in a path, a container name or a label without quoting: it is made only by a
//! parser, so code that holds one need not check it again.

use std::fmt;
use std::str::FromStr;

use sha2::{Digest, Sha256};

use crate::error::Error;
use crate::time::Timestamp;

/// The longest id in bytes.
pub const MAX_ID_BYTES: usize = 128;

/// Checks `text` against the rule for all ids and names the kind in the error.
fn check(what: &str, text: &str) -> Result<(), Error> {
    let fault = if text.is_empty() {
        "is empty".to_owned()
    } else if text.len() > MAX_ID_BYTES {
        return Err(Error::invalid(format!(
            "{what} id is {} bytes long, at most {MAX_ID_BYTES} are allowed",
            text.len()
        ))
        .hint(RULE));
    } else if let Some(bad) = text.chars().find(|c| !is_allowed(*c)) {
        format!("contains {bad:?}")
    } else if !text.starts_with(|c: char| c.is_ascii_alphanumeric()) {
        "does not start with a letter or digit".to_owned()
    } else if text.contains("..") {
        "contains '..'".to_owned()
    } else {
        return Ok(());
    };
    Err(Error::invalid(format!("{what} id {text:?} {fault}")).hint(RULE))
}

const RULE: &str = "use 1 to 128 letters, digits, '.', '_', '-', '@' or '+', starting with a letter or digit";

fn is_allowed(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '@' | '+')
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $what:literal) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// Parses an id.
            ///
            /// # Errors
            /// [`InvalidArgument`](crate::ErrorKind::InvalidArgument) that quotes the text and gives the rule.
            pub fn parse(text: &str) -> Result<Self, Error> {
                check($what, text)?;
                Ok(Self(text.to_owned()))
            }

            /// The id as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = Error;
            fn from_str(text: &str) -> Result<Self, Error> {
                Self::parse(text)
            }
        }

        impl TryFrom<String> for $name {
            type Error = Error;
            fn try_from(text: String) -> Result<Self, Error> {
                check($what, &text)?;
                Ok(Self(text))
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:?}", self.0)
            }
        }
    };
}

id!(
    /// A person or program that calls the orchestrator.
    UserId,
    "user"
);
id!(
    /// A measurement node. A node's own calls carry its node id as user id.
    NodeId,
    "node"
);
id!(
    /// A booked experiment.
    JobId,
    "job"
);
id!(
    /// One planned occurrence of a job.
    RunId,
    "run"
);

id!(
    /// Something one node of a run asks of the other.
    TaskId,
    "task"
);

id!(
    /// Something that happened to a job or a run.
    EventId,
    "event"
);
id!(
    /// A line of the audit trail. Ids sort by the time of what they stand for.
    AuditId,
    "audit"
);
id!(
    /// Somebody who follows the output of a run.
    FollowerId,
    "follower"
);

impl FollowerId {
    /// An id that nobody can guess.
    ///
    /// # Errors
    /// [`Internal`](crate::ErrorKind::Internal) when the system has no randomness to give.
    pub fn random() -> Result<Self, Error> {
        let bits = || getrandom::u64().map_err(|e| Error::while_doing("make a follower id", e));
        Ok(Self(format!("follower-{:016x}{:016x}", bits()?, bits()?)))
    }
}

impl EventId {
    /// An id for an event that came without one.
    ///
    /// # Errors
    /// [`Internal`](crate::ErrorKind::Internal) when the system has no randomness to give.
    pub fn random() -> Result<Self, Error> {
        let bits = getrandom::u64().map_err(|e| Error::while_doing("make an event id", e))?;
        Ok(Self(format!("event-{bits:016x}")))
    }

    /// Whether it is of the form that [`of_step`](Self::of_step) gives.
    pub fn is_of_step(&self) -> bool {
        self.0.starts_with("step-")
    }

    /// The id of the event that `run` has reached a step: the same for the same step, however often
    /// it is reported.
    pub fn of_step(run: &RunId, status: &str, phase: &str) -> Self {
        let mut hash = Sha256::new();
        for part in [run.as_str(), status, phase] {
            hash.update(part);
            hash.update([0]);
        }
        let digest = hash.finalize();
        let tag = u128::from_be_bytes(std::array::from_fn(|i| digest[i]));
        Self(format!("step-{tag:032x}"))
    }
}

impl AuditId {
    /// An id for what happens at `now`.
    ///
    /// # Errors
    /// [`Internal`](crate::ErrorKind::Internal) when the system has no randomness to give.
    pub fn at(now: Timestamp) -> Result<Self, Error> {
        let bits = getrandom::u64().map_err(|e| Error::while_doing("make an audit id", e))?;
        Ok(Self(format!("{}-{bits:016x}", Self::first_at(now))))
    }

    /// What the ids of everything from `instant` on are not less than.
    pub fn first_at(instant: Timestamp) -> String {
        format!("{:016x}", instant.as_microsecond().max(0))
    }
}

impl JobId {
    /// An id for a job whose submitter chose none: `job-` and 64 random bits in hexadecimal.
    ///
    /// # Errors
    /// [`Internal`](crate::ErrorKind::Internal) when the system has no randomness to give.
    pub fn random() -> Result<Self, Error> {
        let bits = getrandom::u64().map_err(|e| Error::while_doing("make a job id", e))?;
        Ok(Self(format!("job-{bits:016x}")))
    }
}

impl JobId {
    /// A number that stands for the job as it was created at `created`, for choices that look
    /// random and are the same wherever they are made.
    pub fn seed(&self, created: Timestamp) -> u64 {
        let mut hash = Sha256::new();
        hash.update(self.as_str());
        hash.update([0]);
        hash.update(created.as_microsecond().to_be_bytes());
        let digest = hash.finalize();
        u64::from_be_bytes(std::array::from_fn(|i| digest[i]))
    }
}

impl RunId {
    /// The id of the occurrence of `job` (as it was created at `created`) planned for `planned`.
    ///
    /// The same three values always give the same id, so a retry, a restarted node and the
    /// reconciler all speak of the same run; a job id used again after deletion gives new runs.
    /// The form sorts by planned time: `20261201T000500Z-3f2a9c1b4e5d6f70`.
    pub fn derive(job: &JobId, created: Timestamp, planned: Timestamp) -> Self {
        let mut hash = Sha256::new();
        hash.update(job.as_str());
        hash.update([0]);
        hash.update(created.as_microsecond().to_be_bytes());
        hash.update(planned.as_microsecond().to_be_bytes());
        let digest = hash.finalize();
        let tag = u64::from_be_bytes(std::array::from_fn(|i| digest[i]));
        Self(format!("{}-{tag:016x}", planned.strftime("%Y%m%dT%H%M%SZ")))
    }

    /// What ends the id of the server side of a run.
    const SERVER_SIDE: &str = "_server";

    /// The id of the server side of this run.
    ///
    /// # Errors
    /// [`InvalidArgument`](crate::ErrorKind::InvalidArgument) when it would be too long.
    pub fn server_side(&self) -> Result<Self, Error> {
        Self::parse(&format!("{self}{}", Self::SERVER_SIDE))
    }

    /// The id of the run of which this is a side: of the client's, that is.
    #[must_use]
    pub fn client_side(&self) -> Self {
        Self(self.0.strip_suffix(Self::SERVER_SIDE).unwrap_or(&self.0).to_owned())
    }
}

impl From<&NodeId> for UserId {
    /// The user id under which a node calls.
    fn from(node: &NodeId) -> Self {
        Self(node.0.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::parse_time;

    #[test]
    fn ids_that_could_leave_a_path_or_break_a_name_are_refused() {
        let long = "a".repeat(129);
        for bad in ["", "a/b", "..", ".hidden", "a..b", "a b", "a\nb", "a\0", "-flag", "é", &long] {
            let error = JobId::parse(bad).expect_err(bad);
            assert!(error.message().starts_with("job id"), "{error}");
            assert_eq!(error.what_to_do(), Some(RULE));
        }
        for good in ["exp-001", "a", "someone@example.org", "A_1.2+3", &"a".repeat(128)] {
            assert_eq!(JobId::parse(good).expect(good).as_str(), good);
        }
    }

    #[test]
    fn run_ids_depend_on_job_creation_and_instant_alone() {
        let job = JobId::parse("exp").expect("id");
        let at = |text| parse_time(text).expect("time");
        let (created, planned) = (at("2026-11-30T10:00:00"), at("2026-12-01T00:05:00"));
        let run = RunId::derive(&job, created, planned);
        assert_eq!(run, RunId::derive(&job, created, planned));
        assert!(run.as_str().starts_with("20261201T000500Z-"));
        assert_ne!(run, RunId::derive(&job, at("2026-11-30T11:00:00"), planned));
        assert_ne!(run, RunId::derive(&job, created, at("2026-12-01T00:05:01")));
        RunId::parse(run.as_str()).expect("a derived id is a valid id");
    }
}
