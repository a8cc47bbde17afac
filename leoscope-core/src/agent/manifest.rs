//! What a node knows of a run when it packs its results.

use super::Inner;
use super::observatory::Findings;
use crate::lifecycle::phases;
use crate::model::{
    CongestionControl, JournalEntry, KernelSetting, Manifest, ManifestRun, NodeFacts, Slots, Software,
    TriggerFacts,
};
use crate::ports::Place;

/// The manifest of a run that is being packed. The packer adds the files.
pub(super) async fn manifest(node: &Inner, entry: &JournalEntry) -> Manifest {
    let JournalEntry { run, job, outcome, .. } = entry;
    let runtime = &node.runtime_info;
    let Findings { dish, weather, elements, obstruction: _ } = node.observatory.findings();
    let trigger = job.trigger.clone().map(|text| TriggerFacts {
        text,
        verdict: run.trigger_verdict.clone(),
        at: run.facts.trigger.as_ref().map(|decision| decision.at),
        why: run.facts.trigger.as_ref().map(|decision| decision.why.clone()),
        readings: run.facts.trigger.as_ref().map(|decision| decision.readings.clone()).unwrap_or_default(),
    });
    Manifest {
        format_version: Manifest::VERSION,
        software: Software::new("leoscope-node", env!("CARGO_PKG_VERSION")),
        runtime: Software::new(&runtime.name, &runtime.version),
        job: job.redacted(),
        config_source: Some(entry.config_source()),
        run: ManifestRun::of(run, outcome.as_ref()),
        phases: phases(entry, node.clock.now()),
        slot: Slots::of(run),
        node: Some(facts(node).await),
        clock: *node.reading.borrow(),
        trigger,
        dish,
        weather,
        elements,
        files: Vec::new(),
        left_out: Vec::new(),
    }
}

/// What is known of the node. Nothing of it is worth losing results for.
async fn facts(node: &Inner) -> NodeFacts {
    let site = node.orders.borrow().as_ref().and_then(|orders| orders.site.clone()).unwrap_or_default();
    let host = node.host_facts.describe().await.unwrap_or_else(|error| {
        tracing::warn!(%error, "the manifest says nothing of the machine");
        Default::default()
    });
    let may_tell_address = node.config.executor.public_address;
    NodeFacts::new(node.config.node.clone(), site, may_tell_address, host, congestion_control(node).await)
}

async fn congestion_control(node: &Inner) -> Option<CongestionControl> {
    let used = node.kernel.read(Place::Host, &KernelSetting::CongestionControl).await?;
    match used {
        Ok(name) => CongestionControl::parse(&name),
        Err(error) => {
            tracing::warn!(%error, "the manifest says nothing of the congestion control");
            None
        }
    }
}
