//! What the engine's errors mean to the testbed.

use std::fmt::Display;

use bollard::errors::Error as EngineError;

use crate::error::{Error, ErrorKind};
use crate::model::{Outcome, Reason, Stage};

const HINT: &str = "check that the container engine runs and that this user may use its socket";

/// No engine answers at `host`.
pub(super) fn unavailable(host: &str, source: impl Display) -> Error {
    Error::unavailable(format!("no container engine answers at {host}: {source}")).hint(HINT)
}

/// What was being done when the engine failed or refused.
pub(super) fn fault(doing: impl Display, source: &EngineError) -> Error {
    let message = format!("cannot {doing}: {}", said(source));
    match source {
        EngineError::DockerResponseServerError { status_code: 404, .. } => Error::not_found(message),
        EngineError::RequestTimeoutError => Error::new(ErrorKind::Timeout, message),
        _ if is_refusal(source) => Error::internal(message),
        _ => Error::unavailable(message).hint(HINT),
    }
}

/// Whether what was asked about does not exist.
pub(super) fn is_missing(source: &EngineError) -> bool {
    matches!(source, EngineError::DockerResponseServerError { status_code: 404, .. })
}

/// A run that fails because its container cannot be made.
pub(super) fn not_made(source: &EngineError) -> Outcome {
    container("make", source)
}

/// A run that fails because its container cannot be started.
pub(super) fn not_started(source: &EngineError) -> Outcome {
    container("start", source)
}

/// A run that fails because its image cannot be had.
pub(super) fn no_image(image: &str, source: &EngineError) -> Outcome {
    let said = said(source);
    let refused = ["denied", "unauthorized", "authentication required", "forbidden"];
    let denied = match source {
        EngineError::DockerResponseServerError { status_code: 401 | 403, .. } => true,
        _ => refused.iter().any(|word| said.to_lowercase().contains(word)),
    };
    let reason = match (is_refusal(source), denied) {
        (false, _) => Reason::RuntimeUnavailable,
        (true, true) => Reason::ImagePullDenied,
        (true, false) => Reason::ImageNotFound,
    };
    Outcome::failed(Stage::ImagePull, reason, format!("cannot get image {image}: {said}"))
}

fn container(doing: &str, source: &EngineError) -> Outcome {
    let reason = if is_refusal(source) { Reason::StartFailed } else { Reason::RuntimeUnavailable };
    Outcome::failed(Stage::Container, reason, format!("cannot {doing} the container: {}", said(source)))
}

/// Whether the engine answered, and refused: anything else is trouble on the way to it.
fn is_refusal(source: &EngineError) -> bool {
    matches!(source, EngineError::DockerResponseServerError { .. } | EngineError::DockerStreamError { .. })
}

/// The engine's own words, without the library's around them.
fn said(source: &EngineError) -> String {
    match source {
        EngineError::DockerResponseServerError { message, .. } => message.trim().to_owned(),
        EngineError::DockerStreamError { error } => error.trim().to_owned(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_of_registries_are_told_apart_from_images_that_are_not_there() {
        let answer = |status_code, message: &str| {
            let source = EngineError::DockerResponseServerError { status_code, message: message.into() };
            no_image("lab/ping:1", &source).reason
        };
        let denied =
            "pull access denied for lab/ping, repository does not exist or may require 'docker login'";
        assert_eq!(answer(404, denied), Reason::ImagePullDenied);
        assert_eq!(answer(500, "unauthorized: authentication required"), Reason::ImagePullDenied);
        assert_eq!(answer(404, "manifest for lab/ping:1 not found"), Reason::ImageNotFound);
        assert_eq!(answer(500, "dial tcp: lookup registry: no such host"), Reason::ImageNotFound);
        let gone = EngineError::SocketNotFoundError("/run/docker.sock".into());
        assert_eq!(no_image("lab/ping:1", &gone).reason, Reason::RuntimeUnavailable);
    }
}
