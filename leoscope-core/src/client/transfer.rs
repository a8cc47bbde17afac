//! The calls about bundles.

use bytes::Bytes;

use super::GrpcClient;
use super::answer::{self, lacking};
use super::streams::{self, Fault};
use crate::error::Result;
use crate::ids::{JobId, NodeId, RunId};
use crate::model::{BundleFacts, ExperimentFiles};
use crate::ports::{ByteStream, Download, Handover};
use crate::proto::v1;

impl GrpcClient {
    pub(super) async fn do_begin_upload(&self, run: &RunId, bundle: &BundleFacts) -> Result<Handover> {
        let mut artifacts = self.artifacts.clone();
        let request = v1::BeginUploadRequest { runid: run.to_string(), bundle: Some((*bundle).into()) };
        let answer = self.peer.newer("take results", artifacts.begin_upload(request)).await?;
        Handover::try_from(answer).map_err(|error| self.peer.unreadable(&error))
    }

    pub(super) async fn do_upload(
        &self,
        run: &RunId,
        bundle: &BundleFacts,
        from: u64,
        content: ByteStream,
    ) -> Result<()> {
        let fault = Fault::default();
        let mut artifacts = self.artifacts.clone();
        let start = v1::UploadStart { runid: run.to_string(), bundle: Some((*bundle).into()), from };
        let outcome = artifacts.upload(streams::upload(start, content, fault.clone())).await;
        match (fault.take(), outcome) {
            (Some(fault), _) => Err(fault),
            (None, Ok(_)) => Ok(()),
            (None, Err(status)) if answer::is_unknown(&status) => Err(lacking("take results")),
            (None, Err(status)) => Err(self.peer.error(&status)),
        }
    }

    pub(super) async fn do_finish_upload(&self, run: &RunId, bundle: &BundleFacts) -> Result<()> {
        let mut artifacts = self.artifacts.clone();
        let request = v1::FinishUploadRequest { runid: run.to_string(), bundle: Some((*bundle).into()) };
        self.peer.newer("take results", artifacts.finish_upload(request)).await.map(drop)
    }

    pub(super) async fn do_download(&self, run: &RunId, from: u64) -> Result<Download> {
        let mut artifacts = self.artifacts.clone();
        let request = v1::DownloadRequest { runid: run.to_string(), from };
        let chunks = self.peer.newer("hand out results", artifacts.download(request)).await?;
        streams::download(chunks, self.peer.clone()).await
    }

    pub(super) async fn do_experiment_files(&self, node: &NodeId, job: &JobId) -> Result<ExperimentFiles> {
        let mut artifacts = self.artifacts.clone();
        let request = v1::GetExperimentFilesRequest { nodeid: node.to_string(), jobid: job.to_string() };
        let call = artifacts.get_experiment_files(request);
        Ok(self.peer.newer("hand out experiment files", call).await?.into())
    }

    pub(super) async fn do_probe_artifacts(&self, content: Bytes) -> Result<Bytes> {
        let mut artifacts = self.artifacts.clone();
        let call = artifacts.probe(v1::ProbeRequest { content });
        Ok(self.peer.newer("check its artifact store", call).await?.content)
    }
}
