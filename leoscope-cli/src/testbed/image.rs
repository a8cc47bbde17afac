//! A container image made of this very program, so that no registry is needed.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use leoscope_core::backends::runtime::DockerRuntime;
use leoscope_core::ids::NodeId;
use leoscope_core::{Error, Result};

/// Makes `reference` from `program` and the shared libraries this process has loaded.
///
/// The image runs the program through the dynamic loader it was packed with, so it does not
/// matter which C library the host has.
pub(super) async fn make(reference: &str, program: &Path) -> Result<()> {
    let program = program.to_owned();
    let context = tokio::task::spawn_blocking(move || context(&program))
        .await
        .map_err(|e| Error::while_doing("make an image", e))?
        .map_err(|e| Error::while_doing("make an image of this program", e))?;
    let engine = DockerRuntime::connect(NodeId::parse(super::NODE)?, None).await?;
    engine.import_image(reference, context.into()).await
}

/// The build context: a Dockerfile, the program, its libraries.
fn context(program: &Path) -> io::Result<Vec<u8>> {
    let mut tar = tar::Builder::new(Vec::new());
    tar.follow_symlinks(true);
    // Container engines do not read sparse entries.
    tar.sparse(false);
    let mut loader = None;
    for library in loaded_libraries()? {
        let Some(name) = library.file_name().and_then(|name| name.to_str()) else { continue };
        if name.starts_with("ld-") {
            loader = Some(name.to_owned());
        }
        tar.append_path_with_name(&library, format!("lib/{name}"))?;
    }
    tar.append_path_with_name(program, "leoscope")?;
    let entrypoint = match &loader {
        Some(loader) => format!(r#"["/lib/{loader}", "--library-path", "/lib", "/leoscope"]"#),
        // Linked statically: nothing to load.
        None => r#"["/leoscope"]"#.to_owned(),
    };
    let libraries = if loader.is_some() { "COPY lib /lib\n" } else { "" };
    let dockerfile = format!("FROM scratch\n{libraries}COPY leoscope /leoscope\nENTRYPOINT {entrypoint}\n");
    let mut header = tar::Header::new_gnu();
    header.set_size(dockerfile.len() as u64);
    header.set_mode(0o644);
    tar.append_data(&mut header, "Dockerfile", dockerfile.as_bytes())?;
    tar.into_inner()
}

/// The shared libraries mapped into this process, the dynamic loader among them.
fn loaded_libraries() -> io::Result<BTreeSet<PathBuf>> {
    let maps = fs::read_to_string("/proc/self/maps")?;
    let paths = maps.lines().filter_map(|line| line.find('/').map(|start| PathBuf::from(&line[start..])));
    Ok(paths.filter(|path| path.to_string_lossy().contains(".so") && path.is_file()).collect())
}
