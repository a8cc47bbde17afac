//! A job as a file that somebody else can submit.

use serde::{Deserialize, Serialize};

use super::{Job, JobParams, JobSpec, RunLength};
use crate::error::Error;
use crate::ids::{JobId, NodeId};
use crate::schedule::{CronExpr, Policies, Schedule};
use crate::time::{Window, parse_time, wire_time};

/// The version of the form that is written.
const VERSION: u32 = 1;

/// The largest file that is read, in bytes.
const MAX_BYTES: usize = 4 << 20;

/// The file, key by key.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    leoscope_job: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    id: Option<JobId>,
    node: NodeId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    server: Option<NodeId>,
    /// Runs once at the start where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    schedule: Option<CronExpr>,
    start: String,
    end: String,
    length_secs: i64,
    #[serde(default = "yes")]
    overhead: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    trigger: Option<String>,
    #[serde(default, skip_serializing_if = "is_default")]
    policies: Policies,
    #[serde(default, skip_serializing_if = "is_default")]
    params: JobParams,
    config: String,
}

fn yes() -> bool {
    true
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

impl From<Job> for JobSpec {
    /// What would have to be asked for to have the job again; the orchestrator moves the starts anew.
    fn from(job: Job) -> Self {
        let Job {
            id,
            owner: _,
            node,
            server,
            schedule,
            window,
            length,
            overhead,
            trigger,
            config,
            params,
            policies,
            shift: _,
            created: _,
            since: _,
            deleted: _,
        } = job;
        let id = Some(id);
        Self { id, node, server, schedule, window, length, overhead, trigger, config, params, policies }
    }
}

impl JobSpec {
    /// The job as a file (YAML) that [`from_file`](Self::from_file) reads.
    ///
    /// # Errors
    /// [`Internal`](crate::ErrorKind::Internal) where it cannot be written.
    pub fn to_file(&self) -> Result<String, Error> {
        let Self { id, node, server, schedule, window, length, overhead, trigger, config, params, policies } =
            self;
        let document = Document {
            leoscope_job: VERSION,
            id: id.clone(),
            node: node.clone(),
            server: server.clone(),
            schedule: match schedule {
                Schedule::Cron(cron) => Some(cron.clone()),
                Schedule::Once => None,
            },
            start: wire_time(window.start()),
            end: wire_time(window.end()),
            length_secs: length.secs().into(),
            overhead: *overhead,
            trigger: trigger.clone(),
            policies: policies.clone(),
            params: params.clone(),
            config: config.clone(),
        };
        serde_saphyr::to_string(&document).map_err(|e| Error::internal(format!("cannot write the job: {e}")))
    }

    /// The job that the file `text` (YAML or JSON) asks for; whether it can be is said when it is booked.
    ///
    /// # Errors
    /// [`InvalidArgument`](crate::ErrorKind::InvalidArgument) that says where it is wrong.
    pub fn from_file(text: &str) -> Result<Self, Error> {
        let hint = "write one with 'leoscope job export'";
        if text.len() > MAX_BYTES {
            return Err(Error::invalid(format!("the job file is longer than {MAX_BYTES} bytes")).hint(hint));
        }
        let document: Document = serde_saphyr::from_str(text)
            .map_err(|e| Error::invalid(format!("this is no job file: {}", first_line(&e))).hint(hint))?;
        let Document {
            leoscope_job: version,
            id,
            node,
            server,
            schedule,
            start,
            end,
            length_secs,
            overhead,
            trigger,
            policies,
            params,
            config,
        } = document;
        if version != VERSION {
            return Err(Error::invalid(format!(
                "the job file has version {version}, version {VERSION} can be read"
            ))
            .hint("use a newer leoscope"));
        }
        let time = |key: &str, text: &str| parse_time(text).map_err(|error| error.context(key));
        Ok(Self {
            id,
            node,
            server,
            schedule: schedule.map_or(Schedule::Once, Schedule::Cron),
            window: Window::new(time("start", &start)?, time("end", &end)?)?,
            length: RunLength::from_secs(length_secs).map_err(|error| error.context("length_secs"))?,
            overhead,
            trigger,
            config,
            params,
            policies,
        })
    }
}

/// What follows quotes the file, which may hold a secret.
fn first_line(error: &serde_saphyr::Error) -> String {
    let text = error.to_string();
    let line = text.lines().next().unwrap_or_default();
    line.strip_prefix("error: ").unwrap_or(line).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::SignedDuration;

    fn spec() -> JobSpec {
        JobSpec {
            id: Some(JobId::parse("exp-1").expect("id")),
            node: NodeId::parse("node-seattle").expect("id"),
            server: None,
            schedule: Schedule::Cron(CronExpr::parse("*/5 * * * *").expect("cron")),
            window: Window::new(
                parse_time("2026-12-01T00:00:00").expect("time"),
                parse_time("2026-12-02T00:00:00").expect("time"),
            )
            .expect("window"),
            length: RunLength::from_secs(60).expect("length"),
            overhead: true,
            trigger: Some("satellite_elevation > 40 & \"x\" == 'y'".into()),
            config: "docker:\n  image: lab/ping:1  # a comment\nenvironment: {A: \"b: c\"}\n".into(),
            params: JobParams::default(),
            policies: Policies { cooldown: SignedDuration::from_secs(90), ..Policies::default() },
        }
    }

    #[test]
    fn what_is_written_is_read_again() {
        let once = JobSpec {
            id: None,
            server: Some(NodeId::parse("other").expect("id")),
            schedule: Schedule::Once,
            trigger: None,
            overhead: false,
            params: JobParams { mode: "docker".into(), ..JobParams::default() },
            policies: Policies::default(),
            ..spec()
        };
        for spec in [spec(), once] {
            let text = spec.to_file().expect("file");
            assert_eq!(JobSpec::from_file(&text).expect(&text), spec);
        }
    }

    #[test]
    fn the_file_is_for_people_to_read_and_change() {
        insta::assert_snapshot!(spec().to_file().expect("file"), @r#"
        leoscope_job: 1
        id: exp-1
        node: node-seattle
        schedule: "*/5 * * * *"
        start: "2026-12-01T00:00:00"
        end: "2026-12-02T00:00:00"
        length_secs: 60
        overhead: true
        trigger: satellite_elevation > 40 & "x" == 'y'
        policies:
          time_zone: UTC
          allowed_lateness: PT10S
          overlap: skip
          slip: PT0S
          random_slip: PT0S
          max_runs: null
          align: null
          hold: null
          cooldown: PT1M30S
          at_window: false
        config: |
          docker:
            image: lab/ping:1  # a comment
          environment: {A: "b: c"}
        "#);
    }

    #[test]
    fn what_is_no_job_is_refused_with_the_place() {
        let text = spec().to_file().expect("file");
        let cases = [
            ("", ""),
            ("leoscope_job: 1", "leoscope_job: 2"),
            ("length_secs: 60", "length_secs: 0"),
            ("length_secs: 60", "lenght_secs: 60"),
            ("2026-12-01T00:00:00", "tomorrow"),
            ("node-seattle", "../etc"),
        ];
        let told: Vec<String> = cases
            .iter()
            .map(|(from, to)| {
                let text = if from.is_empty() { (*to).to_owned() } else { text.replacen(from, to, 1) };
                JobSpec::from_file(&text).expect_err(to).message().to_owned()
            })
            .collect();
        insta::assert_snapshot!(told.join("\n"), @r#"
        this is no job file: unexpected end of input at line 1, column 1
        the job file has version 2, version 1 can be read
        length_secs: length of 0 seconds is not possible
        this is no job file: line 7 column 1: unknown field `lenght_secs`, expected one of leoscope_job, id, node, server, schedule, start, end, length_secs, overhead, trigger, policies, params, config
        start: "tomorrow" is not a time
        this is no job file: line 3 column 7: node id "../etc" contains '/'
        "#);
    }
}
