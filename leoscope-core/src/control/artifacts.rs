use bytes::Bytes;
use futures_util::{TryStreamExt as _, stream};

use super::stores::{Chosen, absent, key};
use super::{Service, Session};
use crate::error::{Error, ErrorKind, Result};
use crate::ids::{JobId, NodeId, RunId};
use crate::model::{ArtifactKey, BundleFacts, BundleRecord, ExperimentFile, ExperimentFiles, Run};
use crate::policy::Action;
use crate::ports::{ArtifactStore, ByteStream, Download, Handover, MAX_PROBE_BYTES, Source};
use crate::time::SignedDuration;

/// How long a node may put a bundle where a link leads; then it asks for another.
const UPLOAD_LINKS_LAST: SignedDuration = SignedDuration::from_hours(1);

impl Session {
    pub(super) async fn do_begin_upload(&self, id: &RunId, bundle: &BundleFacts) -> Result<Handover> {
        let (run, job) = self.service.run_with_job(id).await?;
        self.require(&Action::ReportRun(&job))?;
        if run.bundle.is_some_and(|stored| stored.facts == *bundle) {
            return Ok(Handover::Stored);
        }
        let Chosen { store, is_ours } = self.service.store_of(&job).await?;
        let (key, now) = (key(&run), self.service.clock.now());
        let expires = now.checked_add(UPLOAD_LINKS_LAST).unwrap_or(now);
        let link = store.upload_link(&key, now, expires);
        if !is_ours {
            // Without a link the node itself goes to the store that the experiment names.
            return link.map(|link| Handover::Direct { link, expires }).ok_or_else(not_called);
        }
        // Also makes the container of a new testbed, which no link can.
        let from = store.staged(&key, bundle).await?;
        Ok(link.map_or(Handover::Through { from }, |link| Handover::Direct { link, expires }))
    }

    pub(super) async fn do_upload(
        &self,
        id: &RunId,
        bundle: &BundleFacts,
        from: u64,
        content: ByteStream,
    ) -> Result<()> {
        let (run, job) = self.service.run_with_job(id).await?;
        self.require(&Action::ReportRun(&job))?;
        let chosen = self.service.store_of(&job).await?;
        if !chosen.is_ours {
            return Err(not_called());
        }
        let key = key(&run);
        chosen.store.append(&key, bundle, from, content).await?;
        chosen.store.commit(&key, bundle).await?;
        self.service.stored(run, *bundle, &*chosen.store).await
    }

    pub(super) async fn do_finish_upload(&self, id: &RunId, bundle: &BundleFacts) -> Result<()> {
        let (run, job) = self.service.run_with_job(id).await?;
        self.require(&Action::ReportRun(&job))?;
        let chosen = self.service.store_of(&job).await?;
        if chosen.is_ours {
            let found = chosen.store.size(&key(&run)).await?;
            if found != Some(bundle.size) {
                let found = found.map_or_else(|| "nothing".to_owned(), |size| format!("{size} bytes"));
                return Err(Error::new(
                    ErrorKind::Stale,
                    format!("{found} instead of the {} bytes of the bundle are there", bundle.size),
                )
                .hint("begin the upload anew"));
            }
        }
        self.service.stored(run, *bundle, &*chosen.store).await
    }

    pub(super) async fn do_download(&self, id: &RunId, from: u64) -> Result<Download> {
        let (run, job) = self.service.run_with_job(id).await?;
        self.require(&Action::ReadRun(&run))?;
        let chosen = self.service.store_with(&run, &job).await?;
        let (key, now) = (key(&run), self.service.clock.now());
        let expires = now.checked_add(self.service.results.links_last).unwrap_or(now);
        let bundle = run.bundle.map(|bundle| bundle.facts);
        if let Some(link) = chosen.store.link(&key, now, expires) {
            return Ok(Download { bundle, source: Source::Link(link) });
        }
        if !chosen.is_ours {
            return Err(not_called().context(format_args!("run {id}")));
        }
        match chosen.store.get(&key, from).await {
            Err(error) if error.kind() == ErrorKind::NotFound => Err(absent(&run)),
            other => Ok(Download { bundle, source: Source::Stream(other?) }),
        }
    }

    pub(super) async fn do_experiment_files(&self, node: &NodeId, id: &JobId) -> Result<ExperimentFiles> {
        let job = self.service.store.job(id).await?.ok_or_else(|| super::refusal::missing(id))?;
        self.require(&Action::ReportRun(&job))?;
        let settings = self.service.store.settings().await?;
        let store = self.service.results.of_testbed(&settings)?;
        let file = |file| store.experiment_file(node, id, file);
        Ok(ExperimentFiles {
            config: file(ExperimentFile::Config).await?,
            arguments: file(ExperimentFile::Arguments).await?,
        })
    }

    pub(super) async fn do_probe_artifacts(&self, content: Bytes) -> Result<Bytes> {
        self.require(&Action::ProbeArtifacts)?;
        if content.len() > MAX_PROBE_BYTES {
            let length = content.len();
            return Err(Error::invalid(format!(
                "the artifact store is to be probed with {length} bytes, at most {MAX_PROBE_BYTES} are taken"
            )));
        }
        let key = ArtifactKey {
            node: NodeId::parse(self.caller.id.as_str())?,
            job: JobId::parse(PROBE)?,
            run: RunId::parse(&format!("{PROBE}-{:016x}", random()?))?,
        };
        let settings = self.service.store.settings().await?;
        let artifacts = self.service.results.of_testbed(&settings)?;
        // To its end, also when nobody waits for it any more: nothing of it must stay.
        let probed = tokio::spawn(async move {
            let back = write_and_read(&*artifacts, &key, content).await;
            artifacts.delete(&key).await?;
            back
        });
        probed.await.map_err(|e| Error::while_doing("probe the artifact store", e))?
    }
}

/// That the orchestrator has no way to a store that an experiment names: it would call any address for
/// anybody.
fn not_called() -> Error {
    Error::new(
        ErrorKind::Unsupported,
        "the results are in a store of their experiment's, which the orchestrator does not call",
    )
    .hint("use the connection string of the experiment, or name the key of its account there")
}

/// What the bundles with which the store is probed are called.
const PROBE: &str = "leoscope-probe";

fn random() -> Result<u64> {
    getrandom::u64().map_err(|e| Error::while_doing("name a bundle", e))
}

async fn write_and_read(artifacts: &dyn ArtifactStore, key: &ArtifactKey, content: Bytes) -> Result<Bytes> {
    artifacts.put(key, Box::pin(stream::once(async { Ok(content) }))).await?;
    let pieces: Vec<Bytes> = artifacts.get(key, 0).await?.try_collect().await?;
    Ok(pieces.concat().into())
}

impl Service {
    /// Removes the bundle of a run from the testbed's own stores; one that lies where a researcher wanted
    /// it is the researcher's.
    pub(super) async fn forget_results(&self, run: &Run) -> Result<()> {
        let key = key(run);
        let Some(job) = self.store.job(&run.job).await? else { return self.results.own.delete(&key).await };
        match self.store_with(run, &job).await {
            Ok(chosen) if chosen.is_ours => chosen.store.delete(&key).await,
            Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
            // Parts of one that was never whole may be there.
            Ok(_) | Err(_) => self.results.own.delete(&key).await,
        }
    }

    /// Notes that the bundle of a run is complete in `store`.
    async fn stored(&self, run: Run, facts: BundleFacts, store: &dyn ArtifactStore) -> Result<()> {
        let artifact = Some(store.place(&key(&run)));
        let bundle = Some(BundleRecord { facts, stored: self.clock.now(), removed: None });
        self.store_run(Run { artifact, bundle, ..run }).await
    }
}
