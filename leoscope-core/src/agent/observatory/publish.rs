//! Telling running experiments how their trigger stands.

use std::fs::Permissions;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use jiff::SignedDuration;
use serde_json::json;

use super::super::{Inner, container};
use crate::error::{Error, Result};
use crate::model::{JournalEntry, Step, TriggerDecision};
use crate::ports::Publisher;
use crate::time::Timestamp;
use crate::trigger::Verdict;

/// The file in the results directory.
const FILE: &str = "trigger.json";

/// How often it is told how triggers stand, when nothing changes.
const AGAIN: SignedDuration = SignedDuration::from_secs(2);

/// How each trigger stands.
type Standing = Vec<(super::Watched, Option<Verdict>)>;

/// Tells for ever, while there is anything to tell. A broker that hangs does not hold up the files.
pub(super) async fn run(node: &Inner) -> Result<()> {
    tokio::select! {
        result = in_files(node) => result,
        result = to_publisher(node) => result,
    }
}

async fn in_files(node: &Inner) -> Result<()> {
    let mut changes = node.observatory.changes();
    let mut pulse = Pulse::default();
    loop {
        changes.borrow_and_update();
        if pulse.beat(node).is_some() {
            for entry in node.journal.entries().await {
                if entry.is_gated() && is_told(entry.step) {
                    write(node, &entry).await;
                }
            }
        }
        if changes.changed().await.is_err() {
            return Ok(());
        }
    }
}

async fn to_publisher(node: &Inner) -> Result<()> {
    let Some(publisher) = &node.observatory.publisher else { return std::future::pending().await };
    let mut changes = node.observatory.changes();
    let mut pulse = Pulse::default();
    let mut is_silent = false;
    loop {
        changes.borrow_and_update();
        if let Some(standing) = pulse.beat(node) {
            is_silent = publish(&**publisher, &standing, is_silent).await;
        }
        if changes.changed().await.is_err() {
            return Ok(());
        }
    }
}

/// When triggers were told of last, and how they stood.
#[derive(Debug, Default)]
struct Pulse(Option<(Timestamp, Standing)>);

impl Pulse {
    /// How triggers stand, where it is time to tell.
    fn beat(&mut self, node: &Inner) -> Option<Standing> {
        let (now, standing) = (node.clock.now(), node.observatory.standing());
        let is_due = self.0.as_ref().is_none_or(|(at, before)| {
            // Also where the clock was set back.
            *before != standing || now.duration_since(*at) >= AGAIN || now < *at
        });
        let told = (is_due && !standing.is_empty()).then_some(standing)?;
        self.0 = Some((now, told.clone()));
        Some(told)
    }
}

/// Whether a run has a results directory that its experiment reads, or is about to.
fn is_told(step: Step) -> bool {
    match step {
        Step::Ready | Step::Holding | Step::Starting | Step::Executing => true,
        Step::Planned | Step::Preparing | Step::Stopping | Step::Collecting | Step::Done => false,
    }
}

impl super::Observatory {
    fn standing(&self) -> Standing {
        let sky = self.sky();
        sky.watches.names().map(|watched| (watched.clone(), sky.watches.verdict(watched))).collect()
    }
}

/// Tells each verdict as existing experiments read it; whether that failed.
async fn publish(
    publisher: &dyn Publisher,
    standing: &[(super::Watched, Option<Verdict>)],
    was_silent: bool,
) -> bool {
    for (watched, verdict) in standing {
        let payload = if *verdict == Some(Verdict::Met) { "True" } else { "False" };
        if let Err(error) = publisher.publish(&format!("leotest/triggers/{}", watched.job), payload).await {
            if !was_silent {
                tracing::warn!(%error, hint = error.what_to_do(), "cannot tell how triggers stand");
            }
            return true;
        }
    }
    if was_silent {
        tracing::info!("telling how triggers stand again");
    }
    false
}

/// Writes how the trigger of a run stands into its results directory.
async fn write(node: &Inner, entry: &JournalEntry) {
    let (decision, met_since) = super::judge(node, entry).await;
    let results = container::results_dir(node, entry);
    if let Err(error) = put(&results, entry, &decision, met_since) {
        tracing::debug!(run = %entry.run.id, %error, "cannot write how the trigger stands");
    }
}

/// The file is there whole at every time, and whoever may write the directory cannot lead it elsewhere:
/// a new file takes the place of whatever has the name.
fn put(
    results: &Path,
    entry: &JournalEntry,
    decision: &TriggerDecision,
    met_since: Option<Timestamp>,
) -> Result<()> {
    let TriggerDecision { verdict, at, why, readings } = decision;
    let document = json!({
        "trigger": entry.job.trigger,
        "verdict": verdict,
        "met": *verdict == Verdict::Met,
        "met_since": met_since,
        "at": at,
        "why": why,
        "readings": readings,
    });
    let fault = |e: std::io::Error| Error::while_doing(format!("write {FILE}"), e);
    let mut file = tempfile::NamedTempFile::new_in(results).map_err(fault)?;
    file.write_all(format!("{document:#}\n").as_bytes()).map_err(fault)?;
    file.as_file().set_permissions(Permissions::from_mode(0o444)).map_err(fault)?;
    file.persist(results.join(FILE)).map(drop).map_err(|e| fault(e.error))
}
