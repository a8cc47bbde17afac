//! What runs print, on its way.

use super::v1::output_piece::Source;
use super::{present, v1};
use crate::error::{Error, ErrorKind, Result};
use crate::ids::{FollowerId, RunId};
use crate::model::{Follower, MAX_PIECE_BYTES, OutputPiece, OutputScope, OutputSource, Tail};

/// How much a sender may have under way that it has not heard of, counted as [`cost`] does. It is what
/// keeps a follower that does not read from taking the connection of its node for itself.
pub const WINDOW: u32 = 1 << 20;

/// What a message takes besides the piece it carries.
const MESSAGE: u32 = 256;

/// How much of the [`WINDOW`] a piece takes.
pub fn cost(piece: &OutputPiece) -> u32 {
    u32::try_from(piece.bytes.len()).unwrap_or(u32::MAX).saturating_add(MESSAGE)
}

impl From<OutputScope> for v1::OutputScope {
    fn from(scope: OutputScope) -> Self {
        let OutputScope { tail, follow } = scope;
        let tail_lines = match tail {
            Tail::All => None,
            Tail::Lines(lines) => Some(lines),
        };
        Self { tail_lines, follow }
    }
}

impl From<v1::OutputScope> for OutputScope {
    fn from(scope: v1::OutputScope) -> Self {
        let v1::OutputScope { tail_lines, follow } = scope;
        Self { tail: tail_lines.map_or(Tail::All, Tail::Lines), follow }
    }
}

/// The request of a follower.
pub fn follow_request(run: &RunId, scope: OutputScope) -> v1::FollowRequest {
    v1::FollowRequest { runid: run.to_string(), scope: Some(scope.into()) }
}

/// What a follower asks for.
///
/// # Errors
/// [`InvalidArgument`](ErrorKind::InvalidArgument) for what is no run, or without a scope.
pub fn asked(request: v1::FollowRequest) -> Result<(RunId, OutputScope)> {
    let v1::FollowRequest { runid, scope } = request;
    Ok((RunId::parse(&runid)?, present("scope", scope)?.into()))
}

impl From<Follower> for v1::Follower {
    fn from(follower: Follower) -> Self {
        let Follower { id, run, scope } = follower;
        Self { id: id.into(), runid: run.into(), scope: Some(scope.into()) }
    }
}

impl TryFrom<v1::Follower> for Follower {
    type Error = Error;
    fn try_from(follower: v1::Follower) -> Result<Self> {
        let v1::Follower { id, runid, scope } = follower;
        let scope = present("scope", scope)?.into();
        Ok(Self { id: FollowerId::parse(&id)?, run: RunId::parse(&runid)?, scope })
    }
}

impl From<OutputPiece> for v1::OutputPiece {
    fn from(piece: OutputPiece) -> Self {
        let OutputPiece { source, bytes } = piece;
        let source = match source {
            OutputSource::Stdout => Source::Stdout,
            OutputSource::Stderr => Source::Stderr,
        };
        Self { source: source.into(), data: bytes }
    }
}

impl TryFrom<v1::OutputPiece> for OutputPiece {
    type Error = Error;
    fn try_from(piece: v1::OutputPiece) -> Result<Self> {
        let source = match piece.source() {
            Source::Stdout => OutputSource::Stdout,
            Source::Stderr => OutputSource::Stderr,
            Source::Unspecified => return Err(Error::invalid("source is missing")),
        };
        let bytes = piece.data;
        if bytes.len() > MAX_PIECE_BYTES {
            let length = bytes.len();
            let message =
                format!("a piece of output is {length} bytes long, at most {MAX_PIECE_BYTES} are taken");
            return Err(Error::invalid(message));
        }
        Ok(Self { source, bytes })
    }
}

impl From<Error> for v1::OutputFault {
    fn from(error: Error) -> Self {
        let hint = error.what_to_do().unwrap_or_default().to_owned();
        Self { kind: error.kind().name().to_owned(), message: error.message().to_owned(), hint }
    }
}

impl From<v1::OutputFault> for Error {
    fn from(fault: v1::OutputFault) -> Self {
        let v1::OutputFault { kind, message, hint } = fault;
        let error = Self::new(ErrorKind::from_name(&kind).unwrap_or(ErrorKind::Internal), message);
        if hint.is_empty() { error } else { error.hint(hint) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_of_output_comes_back_as_it_went() {
        let run: RunId = "r".parse().expect("id");
        for tail in [Tail::All, Tail::Lines(0), Tail::default()] {
            let scope = OutputScope { tail, follow: tail == Tail::All };
            assert_eq!(asked(follow_request(&run, scope)).expect("asked"), (run.clone(), scope));
            let follower = Follower { id: "f".parse().expect("id"), run: run.clone(), scope };
            let back = Follower::try_from(v1::Follower::from(follower.clone())).expect("follower");
            assert_eq!(back, follower);
        }
        for source in OutputSource::ALL {
            let piece = OutputPiece { source: *source, bytes: vec![0xFF; MAX_PIECE_BYTES].into() };
            assert_eq!(OutputPiece::try_from(v1::OutputPiece::from(piece.clone())).expect("piece"), piece);
        }
        let large = v1::OutputPiece { source: 1, data: vec![0; MAX_PIECE_BYTES + 1].into() };
        OutputPiece::try_from(large).expect_err("too large");
        OutputPiece::try_from(v1::OutputPiece { source: 0, data: "a".into() }).expect_err("of nothing");
        let fault = Error::unavailable("gone").hint("wait");
        let back = Error::from(v1::OutputFault::from(fault));
        assert_eq!(
            (back.kind(), back.message(), back.what_to_do()),
            (ErrorKind::Unavailable, "gone", Some("wait"))
        );
    }
}
