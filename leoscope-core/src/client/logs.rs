//! The calls about what runs print.

use std::sync::Arc;

use futures_util::{Stream, StreamExt, stream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use super::GrpcClient;
use crate::error::Result;
use crate::ids::{FollowerId, NodeId, RunId};
use crate::model::{Follower, OutputPiece, OutputScope};
use crate::ports::{FollowerStream, OutputStream};
use crate::proto::logs::{WINDOW, cost, follow_request};
use crate::proto::v1;
use crate::proto::v1::send_request::Part;

/// What an orchestrator lacks that does not know these calls.
const FEATURE: &str = "show what a run prints while it runs";

impl GrpcClient {
    pub(super) async fn do_follow_output(&self, run: &RunId, scope: OutputScope) -> Result<OutputStream> {
        let mut logs = self.logs.clone();
        let pieces = self.peer.newer(FEATURE, logs.follow(follow_request(run, scope))).await?;
        let peer = self.peer.clone();
        Ok(Box::pin(pieces.map(move |piece| match piece {
            Ok(piece) => OutputPiece::try_from(piece).map_err(|error| peer.unreadable(&error)),
            Err(status) => Err(peer.error(&status)),
        })))
    }

    pub(super) async fn do_watch_followers(&self, node: &NodeId) -> Result<FollowerStream> {
        let mut logs = self.logs.clone();
        let request = v1::WatchFollowersRequest { nodeid: node.to_string() };
        let followers = self.peer.newer(FEATURE, logs.watch_followers(request)).await?;
        let peer = self.peer.clone();
        Ok(Box::pin(followers.map(move |follower| match follower {
            Ok(follower) => Follower::try_from(follower).map_err(|error| peer.unreadable(&error)),
            Err(status) => Err(peer.error(&status)),
        })))
    }

    pub(super) async fn do_send_output(&self, follower: &FollowerId, output: OutputStream) -> Result<()> {
        let mut logs = self.logs.clone();
        let credit = Arc::new(Semaphore::new(WINDOW as usize));
        // Nobody else ends what is sent when nobody waits for the answer any more.
        let over = CancellationToken::new();
        let _over = over.clone().drop_guard();
        let parts = parts(follower, output, Arc::clone(&credit)).take_until(over.cancelled_owned());
        let mut answers = self.peer.newer(FEATURE, logs.send(parts)).await?;
        while let Some(answer) = answers.message().await.map_err(|status| self.peer.error(&status))? {
            let missing = (WINDOW as usize).saturating_sub(credit.available_permits());
            credit.add_permits(missing.min(answer.taken as usize));
        }
        Ok(())
    }
}

/// The messages that send `output`, as far as there is credit.
fn parts(
    follower: &FollowerId,
    output: OutputStream,
    credit: Arc<Semaphore>,
) -> impl Stream<Item = v1::SendRequest> + Send + 'static {
    let request = |part| v1::SendRequest { part: Some(part) };
    let first = request(Part::Follower(follower.to_string()));
    let rest = stream::unfold(Some((output, credit)), move |state| async move {
        let (mut output, credit) = state?;
        Some(match output.next().await {
            Some(Ok(piece)) => {
                // It is given back when the other side has taken the piece.
                credit.acquire_many(cost(&piece)).await.ok()?.forget();
                (request(Part::Piece(piece.into())), Some((output, credit)))
            }
            Some(Err(error)) => (request(Part::Fault(error.into())), None),
            None => (request(Part::Last(true)), None),
        })
    });
    stream::once(async { first }).chain(rest)
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;
    use crate::error::Error;
    use crate::model::{MAX_PIECE_BYTES, OutputSource};

    #[tokio::test]
    async fn no_more_is_sent_than_the_other_side_has_room_for() {
        let piece = OutputPiece { source: OutputSource::Stdout, bytes: vec![7; MAX_PIECE_BYTES].into() };
        let credit = Arc::new(Semaphore::new(WINDOW as usize));
        let endless = stream::repeat(piece.clone()).map(Ok);
        let follower = FollowerId::random().expect("id");
        let mut parts = Box::pin(parts(&follower, Box::pin(endless), Arc::clone(&credit)));
        let mut sent = 0;
        while parts.next().now_or_never().flatten().is_some() {
            sent += 1;
        }
        assert_eq!(sent, 1 + WINDOW / cost(&piece), "who it is for, and as many pieces as there is room for");
        credit.add_permits(cost(&piece) as usize);
        assert!(parts.next().now_or_never().flatten().is_some());
        assert!(parts.next().now_or_never().is_none());
    }

    #[tokio::test]
    async fn an_end_is_marked_and_a_fault_told() {
        let follower = FollowerId::random().expect("id");
        let credit = || Arc::new(Semaphore::new(WINDOW as usize));
        let last = async |output: Vec<Result<OutputPiece>>| {
            let parts = parts(&follower, Box::pin(stream::iter(output)), credit());
            parts.collect::<Vec<_>>().await.pop().and_then(|request| request.part)
        };
        assert_eq!(last(vec![]).await, Some(Part::Last(true)));
        let Some(Part::Fault(fault)) = last(vec![Err(Error::not_found("gone"))]).await else { panic!() };
        assert_eq!((fault.kind.as_str(), fault.message.as_str()), ("not_found", "gone"));
    }
}
