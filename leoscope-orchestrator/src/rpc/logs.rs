use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use futures_util::stream;
use leoscope_core::ids::{FollowerId, NodeId};
use leoscope_core::model::OutputPiece;
use leoscope_core::ports::{ControlPlane as _, OutputStream};
use leoscope_core::proto::logs::{WINDOW, asked, cost};
use leoscope_core::proto::status::error_of;
use leoscope_core::proto::v1;
use leoscope_core::proto::v1::logs_server::Logs;
use leoscope_core::proto::v1::send_request::Part;
use leoscope_core::{Error, Result};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;
use tonic::codegen::BoxStream;
use tonic::{Code, Request, Response, Status, Streaming};

use super::{Call, Shared, status, until_stopped};

/// How long the first message of a sender may take, which says whom it is for.
const FIRST: Duration = Duration::from_secs(10);

/// How much is read before the sender is told of it.
const TOLD: u32 = WINDOW / 8;

/// What runs print while they run.
#[derive(Debug)]
pub(crate) struct Printed {
    shared: Shared,
    stopping: CancellationToken,
}

impl Printed {
    /// One whose streams end when `stopping` is cancelled.
    pub(crate) fn new(shared: Shared, stopping: CancellationToken) -> Self {
        Self { shared, stopping }
    }
}

#[tonic::async_trait]
impl Logs for Printed {
    async fn follow(
        &self,
        request: Request<v1::FollowRequest>,
    ) -> Result<Response<BoxStream<v1::OutputPiece>>, Status> {
        let Call { session, .. } = Call::of(&self.shared, &request)?;
        let (run, scope) = asked(request.into_inner()).map_err(|e| status(&e))?;
        let output = session.follow_output(&run, scope).await.map_err(|e| status(&e))?;
        Ok(Response::new(until_stopped(output, &self.stopping)))
    }

    async fn watch_followers(
        &self,
        request: Request<v1::WatchFollowersRequest>,
    ) -> Result<Response<BoxStream<v1::Follower>>, Status> {
        let Call { session, .. } = Call::of(&self.shared, &request)?;
        let node = NodeId::parse(&request.into_inner().nodeid).map_err(|e| status(&e))?;
        let followers = session.watch_followers(&node).await.map_err(|e| status(&e))?;
        Ok(Response::new(until_stopped(followers, &self.stopping)))
    }

    async fn send(
        &self,
        request: Request<Streaming<v1::SendRequest>>,
    ) -> Result<Response<BoxStream<v1::SendResponse>>, Status> {
        let Call { session, .. } = Call::of(&self.shared, &request)?;
        let mut parts = request.into_inner();
        let follower = addressee(&mut parts).await.map_err(|e| status(&e))?;
        let (answers, mut told) = mpsc::channel(1);
        let stopping = self.stopping.clone();
        let working = AbortOnDropHandle::new(tokio::spawn(async move {
            let (output, receiving) = received(parts, answers.clone());
            let outcome = tokio::select! {
                outcome = session.send_output(&follower, output) => outcome,
                never = receiving => never,
                () = stopping.cancelled() => Err(Error::unavailable("the orchestrator stops")),
            };
            if let Err(error) = outcome {
                // A sender that has gone needs no answer.
                let _ = answers.send(Err(status(&error))).await;
            }
        }));
        let told = stream::poll_fn(move |context| {
            // The work goes on for as long as the sender is there.
            let _ = &working;
            told.poll_recv(context)
        });
        Ok(Response::new(Box::pin(told)))
    }
}

/// Why a message could not be read.
fn unread(status: &Status) -> Error {
    match status.code() {
        // What cannot be read is not our fault.
        Code::Internal => Error::invalid(format!("what is sent cannot be read: {}", status.message())),
        _ => error_of(status),
    }
}

/// Whom the first message says that what follows is for.
async fn addressee(parts: &mut Streaming<v1::SendRequest>) -> Result<FollowerId> {
    let first = tokio::time::timeout(FIRST, parts.message()).await;
    let first = first.map_err(|_| Error::unavailable("the sender does not say whom it sends to"))?;
    match first.map_err(|status| unread(&status))?.and_then(|message| message.part) {
        Some(Part::Follower(id)) => FollowerId::parse(&id),
        Some(Part::Piece(_) | Part::Last(_) | Part::Fault(_)) | None => {
            Err(Error::invalid("the first message of a sender does not say whom it is for"))
        }
    }
}

type Answers = mpsc::Sender<Result<v1::SendResponse, Status>>;

/// The output that a sender sends, and what receives it meanwhile.
///
/// Everything is received at once, also while the follower does not read: what lies on the connection
/// keeps all other calls of the node waiting. That it does not become too much the sender sees to, which
/// is told how much was read; one that does not is sent away.
fn received(
    mut parts: Streaming<v1::SendRequest>,
    answers: Answers,
) -> (OutputStream, impl Future<Output = Result<()>> + Send) {
    let held = Arc::new(AtomicU32::new(0));
    let (pieces, waiting) = mpsc::unbounded_channel::<Result<OutputPiece>>();
    let receiving = {
        let held = Arc::clone(&held);
        async move {
            loop {
                let item = match parts.message().await.map(|message| message.and_then(|message| message.part))
                {
                    Ok(Some(Part::Piece(piece))) => OutputPiece::try_from(piece).map(Some),
                    Ok(Some(Part::Last(_))) => Ok(None),
                    Ok(Some(Part::Fault(fault))) => Err(fault.into()),
                    Ok(Some(Part::Follower(_))) => {
                        Err(Error::invalid("a sender says twice whom it sends to"))
                    }
                    Ok(None) => Err(Error::unavailable("the connection of the node broke")),
                    Err(status) => Err(unread(&status).context("the connection of the node broke")),
                };
                let item = match item {
                    Ok(Some(piece)) => {
                        let cost = cost(&piece);
                        let now = held.fetch_add(cost, Ordering::SeqCst).saturating_add(cost);
                        if now > WINDOW {
                            return Err(Error::invalid("a sender sends more than was taken"));
                        }
                        Ok(piece)
                    }
                    Ok(None) => break,
                    Err(error) => Err(error),
                };
                let over = item.is_err();
                if pieces.send(item).is_err() || over {
                    break;
                }
            }
            drop(pieces);
            // What was received is still to be read.
            std::future::pending().await
        }
    };
    let state = (waiting, answers, held, 0_u32);
    let output = stream::unfold(state, |(mut waiting, answers, held, mut taken)| async move {
        // Whoever asks for the next one has taken those before it.
        if taken >= TOLD {
            held.fetch_sub(taken, Ordering::SeqCst);
            let _ = answers.send(Ok(v1::SendResponse { taken })).await;
            taken = 0;
        }
        let item = waiting.recv().await?;
        taken += item.as_ref().map_or(0, cost);
        Some((item, (waiting, answers, held, taken)))
    });
    (Box::pin(output), receiving)
}
