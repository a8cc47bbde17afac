use std::time::Duration;

use futures_util::{StreamExt as _, stream};
use leoscope_core::ids::RunId;
use leoscope_core::ports::{ByteStream, ControlPlane as _};
use leoscope_core::proto::status::error_of;
use leoscope_core::proto::v1;
use leoscope_core::proto::v1::artifacts_server::Artifacts;
use leoscope_core::proto::v1::upload_request::Part;
use leoscope_core::{Error, Result};
use tonic::codegen::BoxStream;
use tonic::{Code, Request, Response, Status, Streaming};

use super::{Call, Shared, status};

/// How long the first message of an upload may take, which names the run and no more.
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
        let run = named(first).map_err(|e| status(&e))?;
        session.upload(&run, content(parts)).await.map_err(|e| status(&e))?;
        Ok(Response::new(v1::UploadResponse {}))
    }

    async fn download(
        &self,
        request: Request<v1::DownloadRequest>,
    ) -> Result<Response<BoxStream<v1::Chunk>>, Status> {
        let Call { session, .. } = Call::of(&self.shared, &request)?;
        let run = RunId::parse(&request.into_inner().runid).map_err(|e| status(&e))?;
        let bytes = session.download(&run).await.map_err(|e| status(&e))?;
        let chunks = bytes.map(|bytes| bytes.map(|data| v1::Chunk { data }).map_err(|e| status(&e)));
        Ok(Response::new(Box::pin(chunks)))
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

/// The run that the first message of an upload names.
fn named(first: Option<v1::UploadRequest>) -> Result<RunId> {
    match first.and_then(|message| message.part) {
        Some(Part::Runid(id)) => RunId::parse(&id),
        Some(Part::Chunk(_) | Part::Last(_)) | None => {
            Err(Error::invalid("the first message of an upload does not name the run"))
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
            Some(Part::Runid(_)) => Err(Error::invalid("an upload names its run twice")),
            None => Err(Error::unavailable("the upload was cut off").hint("send it again")),
        }
    }))
}
