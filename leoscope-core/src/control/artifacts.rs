use super::Session;
use crate::error::{Error, ErrorKind, Result};
use crate::ids::RunId;
use crate::model::{ArtifactKey, Run};
use crate::policy::Action;
use crate::ports::ByteStream;

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
}

pub(super) fn key(run: &Run) -> ArtifactKey {
    ArtifactKey { node: run.node.clone(), job: run.job.clone(), run: run.id.clone() }
}
