//! A container image made of one program, so that no registry is needed.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use leoscope_core::backends::runtime::DockerRuntime;
use leoscope_core::ids::NodeId;
use leoscope_core::{Error, Result};

/// Makes `reference` from `program` and the shared libraries it needs, with the engine of `node`.
///
/// The image runs the program through the dynamic loader it was packed with, so it does not
/// matter which C library the host has.
pub(crate) async fn make(reference: &str, program: &Path, node: &NodeId) -> Result<()> {
    let doing = format!("make an image of {}", program.display());
    let program = program.to_owned();
    let context = tokio::task::spawn_blocking(move || context(&program))
        .await
        .map_err(|e| Error::while_doing("make an image", e))?
        .map_err(|e| Error::while_doing(doing, e))?;
    let engine = DockerRuntime::connect(node.clone(), None).await?;
    engine.import_image(reference, context.into()).await
}

/// The build context: a Dockerfile, the program, its libraries.
fn context(program: &Path) -> io::Result<Vec<u8>> {
    let mut tar = tar::Builder::new(Vec::new());
    tar.follow_symlinks(true);
    // Container engines do not read sparse entries.
    tar.sparse(false);
    let mut loader = None;
    for library in libraries(program)? {
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

/// The shared libraries of `program`, the dynamic loader among them.
fn libraries(program: &Path) -> io::Result<BTreeSet<PathBuf>> {
    let own = std::env::current_exe().and_then(fs::canonicalize);
    let is_own = own.is_ok_and(|own| fs::canonicalize(program).is_ok_and(|program| program == own));
    if is_own { loaded_libraries() } else { libraries_to_load(program) }
}

/// The shared libraries mapped into this process.
fn loaded_libraries() -> io::Result<BTreeSet<PathBuf>> {
    let maps = fs::read_to_string("/proc/self/maps")?;
    let paths = maps.lines().filter_map(|line| line.find('/').map(|start| PathBuf::from(&line[start..])));
    Ok(paths.filter(|path| path.to_string_lossy().contains(".so") && path.is_file()).collect())
}

/// The shared libraries that the dynamic loader would map for `program`; none if it is linked statically.
fn libraries_to_load(program: &Path) -> io::Result<BTreeSet<PathBuf>> {
    let told = Command::new("ldd")
        .arg(program)
        .output()
        .map_err(|e| io::Error::new(e.kind(), format!("ldd, which tells what it needs, cannot run: {e}")))?;
    // `name => path (address)`, of the loader the path alone.
    let told = String::from_utf8_lossy(&told.stdout);
    let paths = told.lines().filter_map(|line| line.split_whitespace().find(|word| word.starts_with('/')));
    Ok(paths.map(PathBuf::from).filter(|path| path.is_file()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The files themselves, which have other names where the listed ones are links.
    fn files(libraries: BTreeSet<PathBuf>) -> BTreeSet<PathBuf> {
        libraries.into_iter().map(|library| fs::canonicalize(library).expect("file")).collect()
    }

    #[test]
    fn what_a_program_needs_is_what_it_has_loaded_when_it_runs() {
        let own = std::env::current_exe().expect("this program");
        let (needed, loaded) = (libraries_to_load(&own).expect("ldd"), libraries(&own).expect("maps"));
        assert!(!needed.is_empty() || loaded.is_empty(), "{loaded:?}");
        assert!(files(needed).is_subset(&files(loaded)));
    }

    #[test]
    fn what_is_no_program_needs_nothing() {
        let dir = tempfile::tempdir().expect("directory");
        let script = dir.path().join("script");
        fs::write(&script, "#!/bin/sh\n").expect("file");
        assert_eq!(libraries(&script).expect("none"), BTreeSet::new());
    }
}
