//! The orbital elements that a node works with.

use super::{Elements, Inner, link};
use crate::error::{ErrorKind, Result};
use crate::model::Constellation;
use crate::ports::{ElementShelf, ElementSource, Fetched, Kept, Standing};
use crate::time::SignedDuration;

/// How often it is asked whether there are newer ones; they change a few times a day.
const EVERY: SignedDuration = SignedDuration::from_hours(1);

/// How soon it is asked again after there was no answer, or there are none yet; twice as long each time, up
/// to [`LONGEST`].
const SOON: SignedDuration = SignedDuration::from_secs(2);
const LONGEST: SignedDuration = SignedDuration::from_mins(10);

/// Keeps the elements up to date, for ever.
pub(super) async fn run(node: &Inner) -> Result<()> {
    let Some(elements) = &node.elements else { return std::future::pending().await };
    if let Elements::Orchestrator(shelf) = elements {
        match shelf.kept().await {
            Ok(kept) => kept.and_then(|kept| kept.elements).into_iter().for_each(|set| use_them(node, set)),
            Err(error) => tracing::warn!(%error, "cannot read the orbital elements that were kept"),
        }
    }
    let (mut failures, mut said) = (0_u32, None);
    loop {
        let refreshed = match elements {
            Elements::Own(source) => read(node, &**source).await.map(|()| source.interval()),
            Elements::Orchestrator(shelf) => ask(node, &**shelf).await.map(|()| EVERY),
        };
        let pause = match refreshed {
            Ok(pause) => {
                (failures, said) = (0, None);
                pause
            }
            Err(error) => {
                // Once, not at every attempt.
                if said.as_deref() != Some(error.message()) {
                    tracing::warn!(%error, "no newer orbital elements");
                    said = Some(error.message().to_owned());
                }
                failures = failures.saturating_add(1);
                SOON.saturating_mul(1_i32 << failures.min(16)).min(LONGEST)
            }
        };
        node.pause(pause).await;
    }
}

/// Asks the orchestrator.
async fn ask(node: &Inner, shelf: &dyn ElementShelf) -> Result<()> {
    link::free_of_measurements(node).await;
    let have = node.observatory.elements().map(|elements| elements.facts().sha256);
    let elements = match node.control.elements(&node.config.node, have).await {
        Ok(Some(elements)) => elements,
        Ok(None) => return Ok(()),
        // One of another make.
        Err(error) if error.kind() == ErrorKind::Unsupported => return Ok(()),
        Err(error) => return Err(error),
    };
    // Of several processes one keeps them.
    if node.keeps_orders {
        let standing = Standing { source: "orchestrator".into(), ..Standing::default() };
        let kept = Kept { elements: Some(elements.clone()), standing };
        if let Err(error) = shelf.keep(&kept).await {
            tracing::warn!(%error, "cannot keep the orbital elements");
        }
    }
    use_them(node, elements);
    Ok(())
}

async fn read(node: &Inner, source: &dyn ElementSource) -> Result<()> {
    if let Fetched::Text(text) = source.fetch().await? {
        use_them(node, Constellation::read(text, Some(source.name()), Some(node.clock.now()))?);
    }
    Ok(())
}

fn use_them(node: &Inner, elements: Constellation) {
    let facts = elements.facts();
    tracing::info!(satellites = facts.satellites, epoch = %facts.epoch, "orbital elements");
    node.observatory.use_elements(elements);
}
