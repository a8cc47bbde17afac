use std::time::Duration;

use futures_util::{StreamExt as _, stream};
use leoscope_core::ids::{JobId, NodeId, RunId};
use leoscope_core::model::BundleFacts;
use leoscope_core::ports::{ByteStream, ControlPlane as _, Download, Source};
use leoscope_core::proto::bundle::facts;
use leoscope_core::proto::status::error_of;
use leoscope_core::proto::v1;
use leoscope_core::proto::v1::artifacts_server::Artifacts;
use leoscope_core::proto::v1::upload_request::Part;
use leoscope_core::{Error, Result};
use tonic::codegen::BoxStream;
use tonic::{Code, Request, Response, Status, Streaming};

use super::{Call, Shared, status};

/// How long the first message of an upload may take, which says what it is and no more.
const FIRST: Duration = Duration::from_secs(10);

/// How long an upload may stand still; links over satellites are gone for a minute at most.
const PATIENCE: Duration = Duration::from_secs(120);

/// The bundles of runs.
#[derive(Debug)]
pub(crate) struct Transfer {
    shared: Shared,
}

impl Transfer {
    pub(crate) fn new(shared: Shared) -> Self {
        Self { shared }
    }
}

#[tonic::async_trait]
impl Artifacts for Transfer {
    async fn upload(
        &self,
        request: Request<Streaming<v1::UploadRequest>>,
    ) -> Result<Response<v1::UploadResponse>, Status> {
        let Call { session, .. } = Call::of(&self.shared, &request)?;
        let mut parts = request.into_inner();
        let first = next(&mut parts, FIRST).await.map_err(|e| status(&e))?;
        let (run, bundle, from) = started(first).map_err(|e| status(&e))?;
        session.upload(&run, &bundle, from, content(parts)).await.map_err(|e| status(&e))?;
        Ok(Response::new(v1::UploadResponse {}))
    }

    async fn download(
        &self,
        request: Request<v1::DownloadRequest>,
    ) -> Result<Response<BoxStream<v1::Chunk>>, Status> {
        let Call { session, .. } = Call::of(&self.shared, &request)?;
        let v1::DownloadRequest { runid, from } = request.into_inner();
        let run = RunId::parse(&runid).map_err(|e| status(&e))?;
        let Download { bundle, source } = session.download(&run, from).await.map_err(|e| status(&e))?;
        let first = v1::Chunk { bundle: bundle.map(Into::into), ..v1::Chunk::default() };
        let chunks: BoxStream<v1::Chunk> = match source {
            Source::Link(link) => {
                let url = link.expose().to_owned();
                Box::pin(stream::once(async { Ok(v1::Chunk { url, ..first }) }))
            }
            Source::Stream(bytes) => {
                let chunk = |data| v1::Chunk { data, ..v1::Chunk::default() };
                let bytes = bytes.map(move |bytes| bytes.map(chunk).map_err(|e| status(&e)));
                Box::pin(stream::once(async { Ok(first) }).chain(bytes))
            }
        };
        Ok(Response::new(chunks))
    }

    async fn begin_upload(
        &self,
        request: Request<v1::BeginUploadRequest>,
    ) -> Result<Response<v1::BeginUploadResponse>, Status> {
        let Call { session, .. } = Call::of(&self.shared, &request)?;
        let v1::BeginUploadRequest { runid, bundle } = request.into_inner();
        let (run, bundle) = named(&runid, bundle).map_err(|e| status(&e))?;
        let handover = session.begin_upload(&run, &bundle).await.map_err(|e| status(&e))?;
        Ok(Response::new(handover.into()))
    }

    async fn finish_upload(
        &self,
        request: Request<v1::FinishUploadRequest>,
    ) -> Result<Response<v1::FinishUploadResponse>, Status> {
        let Call { session, .. } = Call::of(&self.shared, &request)?;
        let v1::FinishUploadRequest { runid, bundle } = request.into_inner();
        let (run, bundle) = named(&runid, bundle).map_err(|e| status(&e))?;
        session.finish_upload(&run, &bundle).await.map_err(|e| status(&e))?;
        Ok(Response::new(v1::FinishUploadResponse {}))
    }

    async fn get_experiment_files(
        &self,
        request: Request<v1::GetExperimentFilesRequest>,
    ) -> Result<Response<v1::GetExperimentFilesResponse>, Status> {
        let Call { session, .. } = Call::of(&self.shared, &request)?;
        let v1::GetExperimentFilesRequest { nodeid, jobid } = request.into_inner();
        let (node, job) = (NodeId::parse(&nodeid), JobId::parse(&jobid));
        let (node, job) = (node.map_err(|e| status(&e))?, job.map_err(|e| status(&e))?);
        let files = session.experiment_files(&node, &job).await.map_err(|e| status(&e))?;
        Ok(Response::new(files.into()))
    }

    async fn probe(&self, request: Request<v1::ProbeRequest>) -> Result<Response<v1::ProbeResponse>, Status> {
        let Call { session, .. } = Call::of(&self.shared, &request)?;
        let content = request.into_inner().content;
        let content = session.probe_artifacts(content).await.map_err(|e| status(&e))?;
        Ok(Response::new(v1::ProbeResponse { content }))
    }
}

/// The next part of an upload.
async fn next(
    parts: &mut Streaming<v1::UploadRequest>,
    patience: Duration,
) -> Result<Option<v1::UploadRequest>> {
    let part = tokio::time::timeout(patience, parts.message()).await;
    let part = part.map_err(|_| Error::unavailable("the upload has come to a halt").hint("send it again"))?;
    part.map_err(|status| match status.code() {
        // What cannot be read is not our fault.
        Code::Internal => Error::invalid(format!("the upload cannot be read: {}", status.message())),
        _ => error_of(&status),
    })
}

fn named(run: &str, bundle: Option<v1::BundleFacts>) -> Result<(RunId, BundleFacts)> {
    Ok((RunId::parse(run)?, facts(bundle)?))
}

/// What the first message of an upload says: the run, its bundle, and how much of it is there already.
fn started(first: Option<v1::UploadRequest>) -> Result<(RunId, BundleFacts, u64)> {
    match first.and_then(|message| message.part) {
        Some(Part::Start(v1::UploadStart { runid, bundle, from })) => {
            named(&runid, bundle).map(|(run, bundle)| (run, bundle, from))
        }
        Some(Part::Chunk(_) | Part::Last(_)) | None => {
            Err(Error::invalid("the first message of an upload does not say what it is"))
        }
    }
}

/// The bytes of an upload. It fails unless the end is marked, so that what was cut off on the way
/// is not taken for a whole bundle.
fn content(parts: Streaming<v1::UploadRequest>) -> ByteStream {
    Box::pin(stream::try_unfold(parts, |mut parts| async move {
        match next(&mut parts, PATIENCE).await?.and_then(|message| message.part) {
            Some(Part::Chunk(bytes)) => Ok(Some((bytes, parts))),
            Some(Part::Last(_)) => Ok(None),
            Some(Part::Start(_)) => Err(Error::invalid("an upload is begun twice")),
            None => Err(Error::unavailable("the upload was cut off").hint("send it again")),
        }
    }))
}
