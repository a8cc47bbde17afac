//! The administrator's access token, kept in the state directory.

use std::fs;
use std::io::ErrorKind as Io;
use std::path::{Path, PathBuf};

use leoscope_core::control::Service;
use leoscope_core::model::Secret;
use leoscope_core::{Error, ErrorKind, Result};

use crate::state::write_secret;

/// Makes sure that there is an administrator and gives its token, if this orchestrator knows it.
///
/// A token that was given is the one, whatever was before. Of orchestrators that share a database
/// the first one makes a token; the others leave it as it is.
pub(crate) async fn ensure(
    service: &Service,
    dir: &Path,
    given: Option<Secret>,
    is_shared: bool,
) -> Result<Option<Secret>> {
    if let Some(token) = given {
        let token = usable(token)?;
        service.ensure_admin(&token).await?;
        return Ok(Some(token));
    }
    let kept = kept(dir)?;
    let is_new = kept.is_none();
    let token = kept.map_or_else(|| make(dir), Ok)?;
    if !is_shared {
        service.ensure_admin(&token).await?;
        return Ok(Some(token));
    }
    if service.add_admin(&token).await? || service.is_admin(&token).await? {
        return Ok(Some(token));
    }
    if is_new {
        fs::remove_file(path(dir)).map_err(|e| Error::while_doing("remove a token that is of no use", e))?;
    }
    tracing::info!("user admin has the access token that another orchestrator made, or was given");
    Ok(None)
}

fn path(dir: &Path) -> PathBuf {
    dir.join("admin-token")
}

fn kept(dir: &Path) -> Result<Option<Secret>> {
    match fs::read_to_string(path(dir)) {
        Ok(text) => usable(Secret::new(text.trim())).map(Some),
        Err(e) if e.kind() == Io::NotFound => Ok(None),
        Err(e) => Err(Error::while_doing(format!("read {}", path(dir).display()), e)),
    }
}

fn make(dir: &Path) -> Result<Secret> {
    let token = Secret::random_token()?;
    write_secret(&path(dir), format!("{}\n", token.expose()).as_bytes())
        .map_err(|e| Error::while_doing(format!("write {}", path(dir).display()), e))?;
    Ok(token)
}

fn usable(token: Secret) -> Result<Secret> {
    // It travels in a header.
    if token.is_empty() || !token.expose().bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(Error::new(ErrorKind::InvalidArgument, "the admin access token cannot be used")
            .hint("use letters, digits and signs, without spaces; or remove it, and one is made"));
    }
    Ok(token)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;
    use std::sync::Arc;

    use leoscope_core::backends::artifacts::DirectoryStore;
    use leoscope_core::backends::clock::SystemClock;
    use leoscope_core::backends::store::MemoryStore;
    use leoscope_core::ids::UserId;

    use super::*;
    use crate::state::prepare;

    async fn service(dir: &Path) -> Arc<Service> {
        let artifacts = DirectoryStore::new(dir.join("artifacts")).await.expect("artifacts");
        Service::new(Arc::new(MemoryStore::default()), Arc::new(artifacts), Arc::new(SystemClock))
    }

    async fn logs_in(service: &Service, token: &Secret) -> bool {
        service.authenticate(&UserId::parse("admin").expect("id"), token).await.is_ok()
    }

    #[tokio::test]
    async fn the_token_is_made_once_and_readable_by_its_owner_alone() {
        let dir = tempfile::tempdir().expect("dir");
        let state = dir.path().join("a/state");
        prepare(&state).expect("state");
        let mode = |path: &Path| fs::metadata(path).expect("metadata").permissions().mode() & 0o777;
        assert_eq!(mode(&state), 0o700);
        let service = service(dir.path()).await;
        let first = ensure(&service, &state, None, false).await.expect("token").expect("known");
        assert_eq!(ensure(&service, &state, None, false).await.expect("token").as_ref(), Some(&first));
        assert_eq!(mode(&state.join("admin-token")), 0o600);
        let given = Secret::new("leotest-access-token");
        let told = ensure(&service, &state, Some(given.clone()), false).await.expect("token");
        assert_eq!(told.as_ref(), Some(&given));
        assert!(logs_in(&service, &given).await && !logs_in(&service, &first).await);
        for bad in ["", "a b", "a\n", "ü"] {
            let error = ensure(&service, &state, Some(Secret::new(bad)), false).await.expect_err("token");
            assert_eq!(error.message(), "the admin access token cannot be used");
        }
    }

    #[tokio::test]
    async fn a_second_orchestrator_leaves_the_token_of_a_shared_database_as_it_is() {
        let dir = tempfile::tempdir().expect("dir");
        let states = ["a", "b"].map(|name| dir.path().join(name));
        states.iter().for_each(|state| prepare(state).expect("state"));
        let service = service(dir.path()).await;
        let first = ensure(&service, &states[0], None, true).await.expect("token").expect("known");
        assert_eq!(ensure(&service, &states[1], None, true).await.expect("token"), None);
        assert!(!states[1].join("admin-token").exists(), "no token is kept that is none");
        assert_eq!(ensure(&service, &states[0], None, true).await.expect("token").as_ref(), Some(&first));
        assert!(logs_in(&service, &first).await);
        let given = Secret::new("given");
        ensure(&service, &states[1], Some(given.clone()), true).await.expect("token");
        assert!(logs_in(&service, &given).await);
        assert_eq!(ensure(&service, &states[0], None, true).await.expect("token"), None);
    }
}
