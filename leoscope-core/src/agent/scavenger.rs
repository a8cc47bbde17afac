//! Going on standby while the host itself uses the link.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::SignedDuration;

use super::{Inner, kept};
use crate::error::{ErrorKind, Result};
use crate::model::{AutoScavenger, Standby, StandbyBy, StandbyKind, Step, Traffic};
use crate::ports::TrafficMeter;
use crate::scavenger::{HostWatch, Sample};
use crate::time::Timestamp;

/// How often the traffic is looked at.
const EVERY: SignedDuration = SignedDuration::from_secs(1);

/// How long the orchestrator takes the node for being on standby without hearing so again. A node
/// that is switched off while its host is busy, and never comes back, is not on standby for ever.
const LEASE: SignedDuration = SignedDuration::from_mins(10);

/// How often it hears so again.
const RENEWAL: SignedDuration = SignedDuration::from_mins(5);

/// The file in which other processes of the node find it.
const FOUND: &str = "standby.json";

/// Goes on standby and comes back as the executor config says; for ever nothing where it says
/// nothing. What the node does follows at once, the orchestrator hears of it when it can be reached.
pub(super) async fn run(node: &Inner) -> Result<()> {
    let (Some(config), Some(meter)) = (&node.config.executor.scavenger, &node.traffic) else {
        return std::future::pending().await;
    };
    tokio::join!(watch(node, config, meter), tell(node));
    Ok(())
}

async fn watch(node: &Inner, config: &AutoScavenger, meter: &Arc<dyn TrafficMeter>) {
    let mut watch = HostWatch::new(config.clone());
    let ((mut transfers, _), mut faulty) = (node.transfers.seen(), false);
    loop {
        let interface = meter.bytes(&config.interface).await;
        let fault = match &interface {
            Ok(Some(_)) => None,
            Ok(None) => Some("it is not there".to_owned()),
            Err(error) => Some(error.to_string()),
        };
        if let Some(error) = fault.as_ref().filter(|_| !faulty) {
            tracing::warn!(interface = config.interface, error, "cannot see the traffic of the host");
        }
        faulty = fault.is_some();
        let (begun, under_way) = node.transfers.seen();
        let before = std::mem::replace(&mut transfers, begun);
        let sample = Sample {
            at: node.clock.now(),
            disturbed: interface.is_err() || begun != before || under_way,
            interface: interface.ok().flatten().map(Traffic::total),
            experiments: experiments(node).await,
        };
        let busy = watch.observe(sample);
        node.own_standby.send_if_modified(|standby| {
            let changed = standby.is_some() != busy;
            if changed {
                let rate = watch.rate().unwrap_or_default();
                tracing::info!(
                    busy,
                    interface = config.interface,
                    bits_per_second = rate,
                    "use of the link by its host"
                );
                *standby = busy.then(|| Standby {
                    kind: StandbyKind::Scavenger,
                    reason: Some(format!("the host uses {} itself", config.interface)),
                    until: None,
                });
            }
            changed
        });
        node.pause(EVERY).await;
    }
}

/// What the experiments at work have moved, as far as it can be told.
async fn experiments(node: &Inner) -> BTreeMap<crate::ids::RunId, Option<u64>> {
    let mut experiments = BTreeMap::new();
    let runs = node.journal.all().await.unwrap_or_else(|error| {
        tracing::warn!(%error, "cannot tell which experiments use the link");
        Vec::new()
    });
    for entry in runs {
        let run = entry.run.id;
        match entry.step {
            Step::Planned | Step::Ready | Step::Holding | Step::Collecting | Step::Done => {}
            // Its image may be on its way, which the engine fetches over the host's network.
            Step::Preparing => drop(experiments.insert(run, None)),
            Step::Starting | Step::Executing | Step::Stopping => {
                let moved = node.runtime.traffic(&run).await.unwrap_or_else(|error| {
                    tracing::debug!(%run, %error, "cannot tell what an experiment has moved");
                    None
                });
                experiments.insert(run, moved.map(Traffic::total));
            }
        }
    }
    experiments
}

/// Tells the orchestrator, also what this node found before it was started anew.
async fn tell(node: &Inner) {
    let mut own = node.own_standby.subscribe();
    loop {
        let standby = own.borrow_and_update().clone();
        let busy = standby.is_some();
        let told = standby.map(|standby| Standby { until: until(node.clock.now()), ..standby });
        if node.journal.is_shared()
            && let Err(error) = kept::write(&node.config.work_dir.join(FOUND), &told)
        {
            tracing::warn!(%error, "processes for single runs do not know whether the host uses the link");
        }
        let outcome = node.control.set_standby(&node.config.node, StandbyBy::Host, told).await;
        let pause = match outcome {
            Ok(()) => busy.then_some(RENEWAL),
            Err(error) => {
                tracing::debug!(%error, "the orchestrator does not know whether the host uses the link");
                let unknown = error.kind() == ErrorKind::Unsupported;
                Some(if unknown { RENEWAL } else { node.config.interval })
            }
        };
        let again = async {
            match pause {
                Some(pause) => node.pause(pause).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = again => {}
            // The sender lives in `node`.
            _ = own.changed() => {}
        }
    }
}

/// What the node's own process has found, for the processes that carry out single runs.
pub(super) fn found(node: &Inner) -> Option<Standby> {
    kept::read(&node.config.work_dir.join(FOUND)).unwrap_or_else(|error| {
        tracing::warn!(%error, "cannot tell whether the host uses the link");
        None
    })
}

/// The end of what is told at `now`.
fn until(now: Timestamp) -> Option<Timestamp> {
    now.checked_add(LEASE).ok()
}
