//! Getting and making images.

use std::collections::BTreeMap;

use bollard::auth::DockerCredentials;
use bollard::body_full;
use bollard::models::ImageInspect;
use bollard::query_parameters::{BuildImageOptions, CreateImageOptions};
use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt};

use super::DockerRuntime;
use super::fault::{fault, is_missing, no_image};
use crate::error::Result;
use crate::model::{Outcome, Password, PullPolicy, Reason, Registry, Stage};

/// What to look up the registry by whose name images leave out.
const DEFAULT_REGISTRY: &str = "docker.io";

/// An image that the engine has.
#[derive(Debug)]
pub(super) struct Image {
    /// The engine's own id of it, which stands for this very image for good.
    pub(super) id: String,
    /// What identifies it for people: with the name where a registry gave it, else the id.
    pub(super) identity: String,
    entrypoint: Vec<String>,
    cmd: Vec<String>,
}

impl Image {
    fn of(reference: &str, inspected: ImageInspect) -> Self {
        let ImageInspect { id, repo_digests, config, .. } = inspected;
        let id = id.unwrap_or_else(|| reference.to_owned());
        // Podman leaves out what kind of digest it is.
        let hex = id.len() == 64 && id.bytes().all(|b| b.is_ascii_hexdigit());
        let id = if hex { format!("sha256:{id}") } else { id };
        let wanted = full_name(repository(reference));
        let digests = repo_digests.unwrap_or_default();
        let own = digests.into_iter().find(|digest| full_name(repository(digest)) == wanted);
        let config = config.unwrap_or_default();
        Self {
            identity: own.unwrap_or_else(|| id.clone()),
            id,
            entrypoint: config.entrypoint.unwrap_or_default(),
            cmd: config.cmd.unwrap_or_default(),
        }
    }

    /// The program that a container of it runs, with its arguments; `command` takes the place of
    /// what the image gives to its entrypoint.
    pub(super) fn words(&self, command: Option<&[String]>) -> Vec<String> {
        let command = command.filter(|words| !words.is_empty()).unwrap_or(&self.cmd);
        self.entrypoint.iter().chain(command).cloned().collect()
    }
}

impl DockerRuntime {
    /// Whether the engine has the image, so that it need not be fetched.
    ///
    /// # Errors
    /// [`Unavailable`](crate::ErrorKind::Unavailable) when the engine does not answer.
    pub async fn has_image(&self, reference: &str) -> Result<bool> {
        match self.docker.inspect_image(reference).await {
            Ok(_) => Ok(true),
            Err(e) if is_missing(&e) => Ok(false),
            Err(e) => Err(fault(format!("look for image {reference}"), &e)),
        }
    }

    /// Builds an image named `reference` from a tar archive that holds a `Dockerfile` and what it
    /// refers to. No registry is asked for what is `FROM scratch`.
    ///
    /// # Errors
    /// [`Internal`](crate::ErrorKind::Internal) with the builder's words when the build fails;
    /// [`Unavailable`](crate::ErrorKind::Unavailable) when the engine does not answer.
    pub async fn import_image(&self, reference: &str, context_tar: Bytes) -> Result<()> {
        let options = BuildImageOptions {
            dockerfile: "Dockerfile".into(),
            t: Some(reference.to_owned()),
            rm: true,
            forcerm: true,
            ..Default::default()
        };
        let mut progress = self.docker.build_image(options, None, Some(body_full(context_tar)));
        while let Some(step) = progress.next().await {
            step.map_err(|e| fault(format!("build image {reference}"), &e))?;
        }
        Ok(())
    }

    /// The image of that name, fetched if the operator's policy says so.
    pub(super) async fn image(&self, reference: &str) -> Result<Image, Outcome> {
        if !is_reference(reference) {
            let message = format!("{reference:?} is not the name of an image");
            return Err(Outcome::failed(Stage::ImagePull, Reason::ImageReferenceInvalid, message));
        }
        if self.config.pull == PullPolicy::Always {
            self.pull(reference).await?;
        }
        match self.docker.inspect_image(reference).await {
            Ok(inspected) => return Ok(Image::of(reference, inspected)),
            Err(e) if is_missing(&e) && self.config.pull == PullPolicy::Missing => {}
            Err(e) if is_missing(&e) => {
                let never = "is not on this node, which fetches none (docker.pull is never)";
                let message = format!("image {reference} {never}");
                return Err(Outcome::failed(Stage::ImagePull, Reason::ImageNotFound, message));
            }
            Err(e) => return Err(no_image(reference, &e)),
        }
        self.pull(reference).await?;
        let inspected = self.docker.inspect_image(reference).await;
        inspected.map(|inspected| Image::of(reference, inspected)).map_err(|e| no_image(reference, &e))
    }

    /// What identifies the image of a container, as far as the engine still knows.
    pub(super) async fn identity(&self, reference: &str, id: &str) -> String {
        match self.docker.inspect_image(id).await {
            Ok(inspected) => Image::of(reference, inspected).identity,
            Err(_) => id.to_owned(),
        }
    }

    async fn pull(&self, reference: &str) -> Result<(), Outcome> {
        let options = CreateImageOptions {
            from_image: Some(reference.to_owned()),
            tag: (!names_a_version(reference)).then(|| "latest".to_owned()),
            ..Default::default()
        };
        let credentials = self.credentials(reference).await?;
        let progress = self.docker.create_image(Some(options), None, credentials);
        progress.try_for_each(|_| std::future::ready(Ok(()))).await.map_err(|e| no_image(reference, &e))
    }

    /// How to log in at the registry of an image, if the operator has said it.
    async fn credentials(&self, reference: &str) -> Result<Option<DockerCredentials>, Outcome> {
        let Some((host, registry)) = login(&self.config.registries, reference) else { return Ok(None) };
        let Registry { username, password } = registry;
        let password = match password {
            Password::Given(secret) => secret.expose().to_owned(),
            Password::File(file) => {
                let read = tokio::fs::read_to_string(file).await.map_err(|e| {
                    let message =
                        format!("cannot read the password for registry {host} in {}: {e}", file.display());
                    Outcome::failed(Stage::ImagePull, Reason::ImagePullDenied, message)
                });
                read?.trim().to_owned()
            }
        };
        Ok(Some(DockerCredentials {
            username: Some(username.clone()),
            password: Some(password),
            serveraddress: Some(host.to_owned()),
            ..Default::default()
        }))
    }
}

fn login<'a>(registries: &'a BTreeMap<String, Registry>, reference: &str) -> Option<(&'a str, &'a Registry)> {
    let full = full_name(repository(reference));
    let host = full.split('/').next().unwrap_or_default();
    let found = registries.iter().find(|(name, _)| match name.as_str() {
        "index.docker.io" | "registry-1.docker.io" => host == DEFAULT_REGISTRY,
        name => name == host,
    });
    found.map(|(name, registry)| (name.as_str(), registry))
}

/// A reference without tag and digest.
fn repository(reference: &str) -> &str {
    let name = reference.split('@').next().unwrap_or(reference);
    match name.rsplit_once(':') {
        // After the port of a registry comes a slash.
        Some((name, tag)) if !tag.contains('/') => name,
        _ => name,
    }
}

/// A name with the registry and the directory that may be left out.
fn full_name(name: &str) -> String {
    let (host, path) = match name.split_once('/') {
        Some((host, path)) if host.contains(['.', ':']) || host == "localhost" => (host, path),
        _ => (DEFAULT_REGISTRY, name),
    };
    if host == DEFAULT_REGISTRY && !path.contains('/') {
        return format!("{host}/library/{path}");
    }
    format!("{host}/{path}")
}

/// Whether a reference has a tag or a digest; the engine fetches every tag of one that has none.
fn names_a_version(reference: &str) -> bool {
    repository(reference) != reference
}

/// Whether a text may be a reference: it becomes part of what the engine is asked for, so that
/// nothing else must be in it. The rest of the rules is the engine's.
fn is_reference(text: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '/' | ':' | '@');
    let begins_and_ends = |part: &str| {
        part.starts_with(|c: char| c.is_ascii_alphanumeric())
            && part.ends_with(|c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.'))
            && !part.contains("..")
    };
    text.len() <= 512 && text.chars().all(fits) && text.split('/').all(begins_and_ends)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Secret;

    #[test]
    fn the_port_of_a_registry_is_not_a_tag() {
        assert!(!names_a_version("registry.example:5000/lab/ping"));
        assert!(names_a_version("registry.example:5000/lab/ping:1"));
        assert!(names_a_version("lab/ping@sha256:00ff"));
        assert!(!names_a_version("busybox"));
    }

    #[test]
    fn nothing_but_a_reference_gets_to_the_engine() {
        for good in ["busybox", "lab/ping:1", "r.example:5000/a/b_c--d:V1.2", "a@sha256:00ff", "sha256:00ff"]
        {
            assert!(is_reference(good), "{good}");
        }
        for bad in
            ["", "/a", "a//b", "a/../b", "a?b", "a#b", "a%2fb", "../info", "a b", "a:", ":1", "ä", "-a"]
        {
            assert!(!is_reference(bad), "{bad}");
        }
    }

    #[test]
    fn an_image_is_identified_by_the_registry_that_gave_it_under_this_name() {
        let digests =
            ["quay.io/lab/ping@sha256:01", "docker.io/library/ping@sha256:02", "lab/ping@sha256:03"];
        let identity = |reference: &str| {
            let inspected = ImageInspect {
                id: Some("sha256:ff".into()),
                repo_digests: Some(digests.map(str::to_owned).to_vec()),
                ..Default::default()
            };
            Image::of(reference, inspected).identity
        };
        assert_eq!(identity("ping:1"), digests[1]);
        assert_eq!(identity("docker.io/lab/ping"), digests[2]);
        assert_eq!(identity("quay.io/lab/ping@sha256:01"), digests[0]);
        assert_eq!(identity("localhost:5000/lab/ping"), "sha256:ff");
    }

    #[test]
    fn a_command_takes_the_place_of_the_arguments_and_never_of_the_entrypoint() {
        let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        let image = |entrypoint, cmd| Image {
            id: String::new(),
            identity: String::new(),
            entrypoint: words(entrypoint),
            cmd: words(cmd),
        };
        assert_eq!(image("/run -v", "a b").words(None), words("/run -v a b"));
        assert_eq!(image("/run -v", "a b").words(Some(&words("c"))), words("/run -v c"));
        assert_eq!(image("", "a b").words(Some(&[])), words("a b"));
        assert_eq!(image("", "").words(None), words(""));
    }

    #[test]
    fn credentials_go_to_the_registry_they_are_for_and_to_no_other() {
        let registry =
            || Registry { username: "lab".into(), password: Password::Given(Secret::new("hunter2")) };
        let registries =
            ["registry.example:5000", "index.docker.io"].map(|host| (host.to_owned(), registry())).into();
        let host = |reference| login(&registries, reference).map(|(host, _)| host);
        assert_eq!(host("registry.example:5000/lab/ping:1"), Some("registry.example:5000"));
        assert_eq!(host("registry.example/lab/ping:1"), None);
        assert_eq!(host("lab/ping"), Some("index.docker.io"));
        assert_eq!(host("evil.example/registry.example:5000/ping"), None);
    }
}
