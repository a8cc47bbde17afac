//! Which artifact store has, or will have, the bundle of a run.

use std::collections::HashMap;
use std::sync::Arc;

use super::Service;
use crate::error::{Error, Result};
use crate::ids::JobId;
use crate::model::{ArtifactKey, BlobSettings, ExperimentConfig, Job, OWN_PLACE, Run, Settings};
use crate::ports::{ArtifactStore, BlobStorage};
use crate::time::SignedDuration;

/// Where an orchestrator keeps results.
#[derive(Debug, Clone)]
pub struct Results {
    /// The store of this testbed where its settings name none.
    pub own: Arc<dyn ArtifactStore>,
    /// What opens the stores that settings and experiments name; they are not used when `None`.
    pub blob: Option<Arc<dyn BlobStorage>>,
    /// How long the links work that are given to readers.
    pub links_last: SignedDuration,
}

impl Results {
    /// How long links work unless the operator says otherwise.
    pub const LINKS_LAST: SignedDuration = SignedDuration::from_hours(1);

    /// Everything in one store.
    pub fn in_store(own: Arc<dyn ArtifactStore>) -> Self {
        Self { own, blob: None, links_last: Self::LINKS_LAST }
    }

    /// The store that the settings of the testbed name, else its own.
    pub(super) fn of_testbed(&self, settings: &Settings) -> Result<Arc<dyn ArtifactStore>> {
        match &self.blob {
            // Settings that were taken over from elsewhere have not been looked at.
            Some(blob) if settings.blob.is_complete() => blob.open(&settings.blob).map_err(|error| {
                Error::unavailable(format!(
                    "the settings of the testbed name no blob storage that can be used: {error}"
                ))
                .hint("have an administrator mend datastore.blob with 'leoscope config update'")
            }),
            Some(_) | None => Ok(Arc::clone(&self.own)),
        }
    }
}

/// An artifact store, and whose it is.
#[derive(Debug)]
pub(super) struct Chosen {
    pub(super) store: Arc<dyn ArtifactStore>,
    /// Whether it is the testbed's. The orchestrator itself never calls one that a researcher named:
    /// it would call any address for anybody.
    pub(super) is_ours: bool,
}

impl Service {
    /// Where the bundles of a job go.
    pub(super) async fn store_of(&self, job: &Job) -> Result<Chosen> {
        match (&self.results.blob, named_by(job)) {
            (Some(blob), Some(named)) => Ok(Chosen { store: blob.open(&named)?, is_ours: false }),
            _ => {
                let settings = self.store.settings().await?;
                Ok(Chosen { store: self.results.of_testbed(&settings)?, is_ours: true })
            }
        }
    }

    /// Where the bundle of a run is.
    ///
    /// # Errors
    /// [`NotFound`](crate::ErrorKind::NotFound) when it is nowhere, or where nothing leads.
    pub(super) async fn store_with(&self, run: &Run, job: &Job) -> Result<Chosen> {
        let Some(place) = &run.artifact else { return Err(absent(run)) };
        let settings = self.store.settings().await?;
        let key = key(run);
        self.leading_to(place, &key, job, &settings).ok_or_else(|| {
            Error::not_found(format!(
                "the results of run {} are at {place}, which is no store of this testbed",
                run.id
            ))
            .hint("fetch them from there, or have the settings name that store")
        })
    }

    /// The store in which `key` is at `place`.
    fn leading_to(&self, place: &str, key: &ArtifactKey, job: &Job, settings: &Settings) -> Option<Chosen> {
        // Nodes of another make add a permission of their own.
        let bare = place.split('?').next().unwrap_or(place);
        let is_there = |store: &Arc<dyn ArtifactStore>| store.place(key) == bare;
        let own = Arc::clone(&self.results.own);
        if is_there(&own) {
            return Some(Chosen { store: own, is_ours: true });
        }
        let blob = self.results.blob.as_ref()?;
        let named = named_by(job).and_then(|named| blob.open(&named).ok());
        let ours = settings.blob.is_complete().then(|| blob.open(&settings.blob).ok()).flatten();
        let chosen = |store, is_ours| Chosen { store, is_ours };
        ours.filter(is_there)
            .map(|store| chosen(store, true))
            .or_else(|| named.filter(is_there).map(|store| chosen(store, false)))
    }

    /// Runs as their readers see them: with links to their results that work for a while, where the
    /// stores give any.
    pub(super) async fn with_links(&self, mut runs: Vec<Run>) -> Result<Vec<Run>> {
        let is_elsewhere =
            |run: &&mut Run| run.artifact.as_ref().is_some_and(|place| !place.starts_with(OWN_PLACE));
        if self.results.blob.is_none() || !runs.iter_mut().any(|run| is_elsewhere(&run)) {
            return Ok(runs);
        }
        let settings = self.store.settings().await?;
        let now = self.clock.now();
        let expires = now.checked_add(self.results.links_last).unwrap_or(now);
        let mut jobs: HashMap<JobId, Option<Job>> = HashMap::new();
        for run in runs.iter_mut().filter(is_elsewhere) {
            if !jobs.contains_key(&run.job) {
                jobs.insert(run.job.clone(), self.store.job(&run.job).await?);
            }
            let Some(Some(job)) = jobs.get(&run.job) else { continue };
            let key = key(run);
            let chosen =
                run.artifact.as_deref().and_then(|place| self.leading_to(place, &key, job, &settings));
            if let Some(link) = chosen.and_then(|chosen| chosen.store.link(&key, now, expires)) {
                run.artifact = Some(link.expose().to_owned());
            }
        }
        Ok(runs)
    }
}

/// The store that the experiment of a job names.
fn named_by(job: &Job) -> Option<BlobSettings> {
    ExperimentConfig::parse(&job.config).ok()?.cloud
}

/// That a run has no results here.
pub(super) fn absent(run: &Run) -> Error {
    let id = &run.id;
    if let Some(removed) = run.bundle.and_then(|bundle| bundle.removed) {
        return Error::not_found(format!("the results of run {id} were removed at {removed}"))
            .hint("the operator of the testbed keeps results for a limited time");
    }
    Error::not_found(format!("run {id} has no results here"))
        .hint("they arrive some time after the run has ended; see its status")
}

pub(super) fn key(run: &Run) -> ArtifactKey {
    ArtifactKey { node: run.node.clone(), job: run.job.clone(), run: run.id.clone() }
}
