//! Lists of runs.

use tokio_util::task::AbortOnDropHandle;

use super::GrpcClient;
use crate::error::{Error, Result};
use crate::model::{Run, RunFilter};
use crate::proto::unary;

impl GrpcClient {
    pub(super) async fn do_runs(&self, filter: &RunFilter) -> Result<Vec<Run>> {
        if filter.limit == Some(0) {
            // On the wire 0 means that there is no limit.
            return Ok(Vec::new());
        }
        let (mut unary, peer) = (self.unary.clone(), self.peer.clone());
        let request = unary::GetRunsRequest::from(filter);
        // Ten thousand of them take a while to read, in which other answers arrive.
        let call = tokio::spawn(async move {
            let answer = peer.accepted(unary.get_runs(request)).await?;
            let runs: Result<_> = answer.runs.into_iter().map(Run::try_from).collect();
            runs.map_err(|error| peer.unreadable(&error))
        });
        AbortOnDropHandle::new(call).await.map_err(|e| Error::while_doing("read runs", e))?
    }
}
