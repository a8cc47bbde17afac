//! Getting and making images.

use bollard::body_full;
use bollard::query_parameters::{BuildImageOptions, CreateImageOptions};
use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt};

use super::DockerRuntime;
use super::fault::{fault, is_missing, no_image};
use crate::error::Result;
use crate::model::Outcome;

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

    /// Fetches the image unless the engine has it.
    pub(super) async fn ensure_image(&self, image: &str) -> Result<(), Outcome> {
        match self.docker.inspect_image(image).await {
            Ok(_) => return Ok(()),
            Err(e) if is_missing(&e) => {}
            Err(e) => return Err(no_image(image, &e)),
        }
        let options = CreateImageOptions {
            from_image: Some(image.to_owned()),
            tag: (!names_a_version(image)).then(|| "latest".to_owned()),
            ..Default::default()
        };
        let progress = self.docker.create_image(Some(options), None, None);
        progress.try_for_each(|_| std::future::ready(Ok(()))).await.map_err(|e| no_image(image, &e))
    }
}

/// Whether a reference has a tag or a digest; the engine fetches every tag of one that has none.
fn names_a_version(image: &str) -> bool {
    let last = image.rsplit('/').next().unwrap_or(image);
    last.contains([':', '@'])
}

#[cfg(test)]
mod tests {
    use super::names_a_version;

    #[test]
    fn the_port_of_a_registry_is_not_a_tag() {
        assert!(!names_a_version("registry.example:5000/lab/ping"));
        assert!(names_a_version("registry.example:5000/lab/ping:1"));
        assert!(names_a_version("lab/ping@sha256:00ff"));
        assert!(!names_a_version("busybox"));
    }
}
