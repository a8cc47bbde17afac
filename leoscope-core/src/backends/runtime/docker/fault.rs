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

/// A run that fails because what an earlier attempt left cannot be removed.
pub(super) fn in_the_way(source: &Error) -> Outcome {
    Outcome::failed(Stage::Container, Reason::RuntimeUnavailable, source.to_string())
}

/// A run that fails because its image cannot be had.
pub(super) fn no_image(image: &str, source: &EngineError) -> Outcome {
    let reason = match meaning(source) {
        Meaning::Unreachable => Reason::RuntimeUnavailable,
        Meaning::DiskFull => Reason::DiskFull,
        Meaning::BadReference => Reason::ImageReferenceInvalid,
        Meaning::Denied => Reason::ImagePullDenied,
        Meaning::NameTaken | Meaning::NoImage | Meaning::Other => Reason::ImageNotFound,
    };
    Outcome::failed(Stage::ImagePull, reason, format!("cannot get image {image}: {}", said(source)))
}

fn container(doing: &str, source: &EngineError) -> Outcome {
    let (stage, reason) = match meaning(source) {
        Meaning::Unreachable => (Stage::Container, Reason::RuntimeUnavailable),
        Meaning::DiskFull => (Stage::Container, Reason::DiskFull),
        Meaning::NameTaken => (Stage::Container, Reason::NameTaken),
        Meaning::NoImage => (Stage::ImagePull, Reason::ImageNotFound),
        Meaning::BadReference | Meaning::Denied | Meaning::Other => (Stage::Container, Reason::StartFailed),
    };
    Outcome::failed(stage, reason, format!("cannot {doing} the container: {}", said(source)))
}

/// Something on the node's own disk that cannot be done for a run.
pub(super) fn not_kept(doing: &str, source: &std::io::Error) -> Outcome {
    let full = matches!(source.kind(), std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded);
    let reason = if full { Reason::DiskFull } else { Reason::StartFailed };
    Outcome::failed(Stage::Container, reason, format!("cannot {doing}: {source}"))
}

/// Whether the name of a container is in use.
pub(super) fn is_name_taken(source: &EngineError) -> bool {
    meaning(source) == Meaning::NameTaken
}

/// Whether the engine named a state between two others that only podman has, for a moment after a
/// container has ended.
pub(super) fn is_passing(source: &EngineError) -> bool {
    source.to_string().contains("unknown variant `stopped`")
}

/// What engines have to say, as far as it is told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Meaning {
    Unreachable,
    DiskFull,
    BadReference,
    Denied,
    NameTaken,
    NoImage,
    Other,
}

/// Engines say it in words: codes differ between them, and most are 500.
fn meaning(source: &EngineError) -> Meaning {
    const WORDS: [(&str, Meaning); 17] = [
        ("no space left on device", Meaning::DiskFull),
        ("disk quota exceeded", Meaning::DiskFull),
        ("invalid reference format", Meaning::BadReference),
        ("invalid tag format", Meaning::BadReference),
        ("repository name must be", Meaning::BadReference),
        ("invalid repository name", Meaning::BadReference),
        ("is already in use", Meaning::NameTaken),
        ("already exists", Meaning::NameTaken),
        ("denied: ", Meaning::Denied),
        ("access denied", Meaning::Denied),
        ("access to the resource is denied", Meaning::Denied),
        ("unauthorized", Meaning::Denied),
        ("authentication required", Meaning::Denied),
        ("no basic auth credentials", Meaning::Denied),
        ("toomanyrequests", Meaning::Denied),
        ("no such image", Meaning::NoImage),
        ("image not known", Meaning::NoImage),
    ];
    if !is_refusal(source) {
        return Meaning::Unreachable;
    }
    let words = said(source).to_lowercase();
    if let Some((_, meaning)) = WORDS.iter().find(|(part, _)| words.contains(part)) {
        return *meaning;
    }
    match source {
        EngineError::DockerResponseServerError { status_code: 401 | 403, .. } => Meaning::Denied,
        _ => Meaning::Other,
    }
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

    fn refused(status_code: u16, message: &str) -> EngineError {
        EngineError::DockerResponseServerError { status_code, message: message.into() }
    }

    /// What Docker Engine 20.10 and 28, podman 4.3 and registries say.
    #[test]
    fn what_engines_say_of_images_has_its_reason() {
        let pull = "Error response from daemon: ";
        for (code, said, reason) in [
            (
                404,
                "pull access denied for lab/ping, repository does not exist or may require 'docker login': denied: requested access to the resource is denied",
                Reason::ImagePullDenied,
            ),
            (500, "unauthorized: authentication required", Reason::ImagePullDenied),
            (500, "Get \"https://r.example/v2/\": no basic auth credentials", Reason::ImagePullDenied),
            (500, "toomanyrequests: You have reached your pull rate limit", Reason::ImagePullDenied),
            (403, "forbidden", Reason::ImagePullDenied),
            (
                404,
                "manifest for lab/ping:1 not found: manifest unknown: manifest unknown",
                Reason::ImageNotFound,
            ),
            (
                500,
                "Get \"https://r.example/v2/\": dial tcp: lookup r.example: no such host",
                Reason::ImageNotFound,
            ),
            (
                500,
                "Get \"http://localhost:1/v2/\": dial tcp 127.0.0.1:1: connect: connection refused",
                Reason::ImageNotFound,
            ),
            (
                400,
                "invalid reference format: repository name must be lowercase",
                Reason::ImageReferenceInvalid,
            ),
            (500, "failed to register layer: write /data: no space left on device", Reason::DiskFull),
            (500, "mkdir /var/lib/docker/overlay2/x: no space left on device", Reason::DiskFull),
        ] {
            let outcome = no_image("lab/ping:1", &refused(code, &format!("{pull}{said}")));
            assert_eq!((outcome.stage, outcome.reason), (Stage::ImagePull, reason), "{said}");
            assert!(outcome.message.contains(said), "{}", outcome.message);
        }
    }

    #[test]
    fn what_engines_say_of_containers_has_its_reason() {
        for (code, said, reason) in [
            (
                409,
                "Conflict. The container name \"/leotest-1\" is already in use by container \"0f\". You have to remove (or rename) that container to be able to reuse that name.",
                Reason::NameTaken,
            ),
            (
                500,
                "creating container storage: the container name \"leotest-1\" is already in use by 0f. You have to remove that container to be able to reuse that name: that name is already in use",
                Reason::NameTaken,
            ),
            (404, "No such image: sha256:0f", Reason::ImageNotFound),
            (404, "lab/ping:1: image not known", Reason::ImageNotFound),
            (404, "network lab not found", Reason::StartFailed),
            (
                500,
                "failed to create shim: OCI runtime create failed: exec: \"/nothing\": stat /nothing: no such file or directory: unknown",
                Reason::StartFailed,
            ),
            (
                500,
                "driver failed programming external connectivity: Bind for 0.0.0.0:5201 failed: port is already allocated",
                Reason::StartFailed,
            ),
            (
                500,
                "error creating overlay mount to /var/lib/docker: no space left on device",
                Reason::DiskFull,
            ),
        ] {
            let outcome = not_made(&refused(code, said));
            assert_eq!(outcome.reason, reason, "{said}");
            assert!(outcome.message.contains(said), "{}", outcome.message);
        }
        let full = std::io::Error::from(std::io::ErrorKind::StorageFull);
        assert_eq!(not_kept("keep it", &full).reason, Reason::DiskFull);
    }

    #[test]
    fn an_engine_that_does_not_answer_is_unavailable_whatever_was_asked() {
        let gone = || EngineError::SocketNotFoundError("/run/docker.sock".into());
        let late = || EngineError::RequestTimeoutError;
        for outcome in
            [no_image("a", &gone()), not_made(&gone()), not_started(&late()), no_image("a", &late())]
        {
            assert_eq!(outcome.reason, Reason::RuntimeUnavailable, "{}", outcome.message);
        }
    }
}
