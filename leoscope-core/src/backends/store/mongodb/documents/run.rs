use serde::{Deserialize, Serialize};

use super::super::schema::FORMAT;
use super::micros;
use crate::error::{Error, ErrorKind};
use crate::ids::{JobId, NodeId, RunId, UserId};
use crate::model::{BundleRecord, Phase, Revision, Run, RunFacts, RunStatus, Stage};
use crate::time::{Timestamp, Window};

/// A run.
#[derive(Debug, Serialize, Deserialize)]
pub(in super::super) struct RunDocument {
    #[serde(rename = "_id")]
    pub(in super::super) key: RunId,
    format: i32,
    pub(in super::super) revision: i64,
    runid: RunId,
    jobid: JobId,
    nodeid: NodeId,
    userid: UserId,
    planned: Option<Window>,
    start_time: Option<Timestamp>,
    end_time: Option<Timestamp>,
    status: RunStatus,
    foreign_status: Option<String>,
    phase: Option<Phase>,
    stage: Option<Stage>,
    reason_code: Option<String>,
    status_message: String,
    exit_code: Option<i32>,
    blob_url: Option<String>,
    #[serde(default)]
    bundle: Option<BundleRecord>,
    trigger_verdict: Option<String>,
    #[serde(default)]
    facts: RunFacts,
    last_updated: Option<Timestamp>,
    /// By what runs are listed; `null` comes last.
    pub(in super::super) start_us: Option<i64>,
    /// Since when the run is over.
    over_us: Option<i64>,
}

impl RunDocument {
    /// `run` as it is stored in that revision.
    pub(in super::super) fn new(run: Run, revision: Revision) -> Self {
        let (start_us, over_us) = (micros(run.sort_key()), micros(run.over()));
        let Run {
            id,
            job,
            node,
            owner,
            planned,
            started,
            ended,
            status,
            foreign_status,
            phase,
            stage,
            reason,
            message,
            exit_code,
            artifact,
            bundle,
            trigger_verdict,
            facts,
            updated,
        } = run;
        Self {
            key: id.clone(),
            format: FORMAT,
            revision: revision.cast_signed(),
            runid: id,
            jobid: job,
            nodeid: node,
            userid: owner,
            planned,
            start_time: started,
            end_time: ended,
            status,
            foreign_status,
            phase,
            stage,
            reason_code: reason,
            status_message: message,
            exit_code,
            blob_url: artifact,
            bundle,
            trigger_verdict,
            facts,
            last_updated: updated,
            start_us,
            over_us,
        }
    }

    /// The run and its revision.
    pub(in super::super) fn into_run(self) -> Result<(Run, Revision), Error> {
        let Self {
            key: _,
            format: _,
            revision,
            runid,
            jobid,
            nodeid,
            userid,
            planned,
            start_time,
            end_time,
            status,
            foreign_status,
            phase,
            stage,
            reason_code,
            status_message,
            exit_code,
            blob_url,
            bundle,
            trigger_verdict,
            facts,
            last_updated,
            start_us: _,
            over_us: _,
        } = self;
        let revision = Revision::try_from(revision).map_err(|e| {
            Error::new(ErrorKind::Internal, format!("run {runid} has revision {revision}: {e}"))
        })?;
        let run = Run {
            id: runid,
            job: jobid,
            node: nodeid,
            owner: userid,
            planned,
            started: start_time,
            ended: end_time,
            status,
            foreign_status,
            phase,
            stage,
            reason: reason_code,
            message: status_message,
            exit_code,
            artifact: blob_url,
            bundle,
            trigger_verdict,
            facts,
            updated: last_updated,
        };
        Ok((run, revision))
    }
}
