use std::sync::Arc;

use bytes::Bytes;
use futures_util::{TryStreamExt as _, stream};

use super::Session;
use crate::error::{Error, ErrorKind, Result};
use crate::ids::{JobId, NodeId, RunId};
use crate::model::{ArtifactKey, Run};
use crate::policy::Action;
use crate::ports::{ArtifactStore, ByteStream, MAX_PROBE_BYTES};

impl Session {
    pub(super) async fn do_upload(&self, id: &RunId, content: ByteStream) -> Result<()> {
        let (run, job) = self.service.run_with_job(id).await?;
        self.require(&Action::ReportRun(&job))?;
        let key = key(&run);
        self.service.artifacts.put(&key, content).await?;
        self.service.store_run(Run { artifact: Some(format!("leoscope:{key}")), ..run }).await
    }

    pub(super) async fn do_download(&self, id: &RunId) -> Result<ByteStream> {
        let (run, _) = self.service.run_with_job(id).await?;
        self.require(&Action::ReadRun(&run))?;
        match self.service.artifacts.get(&key(&run)).await {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                Err(Error::not_found(format!("run {id} has no results here"))
                    .hint("they arrive some time after the run has ended; see its status"))
            }
            other => other,
        }
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
        let artifacts = Arc::clone(&self.service.artifacts);
        // To its end, also when nobody waits for it any more: nothing of it must stay.
        let probed = tokio::spawn(async move {
            let back = write_and_read(&*artifacts, &key, content).await;
            artifacts.delete(&key).await?;
            back
        });
        probed.await.map_err(|e| Error::while_doing("probe the artifact store", e))?
    }
}

/// What the bundles with which the store is probed are called.
const PROBE: &str = "leoscope-probe";

fn random() -> Result<u64> {
    getrandom::u64().map_err(|e| Error::while_doing("name a bundle", e))
}

async fn write_and_read(artifacts: &dyn ArtifactStore, key: &ArtifactKey, content: Bytes) -> Result<Bytes> {
    artifacts.put(key, Box::pin(stream::once(async { Ok(content) }))).await?;
    let pieces: Vec<Bytes> = artifacts.get(key).await?.try_collect().await?;
    Ok(pieces.concat().into())
}

pub(super) fn key(run: &Run) -> ArtifactKey {
    ArtifactKey { node: run.node.clone(), job: run.job.clone(), run: run.id.clone() }
}
