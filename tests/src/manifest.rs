//! Checking the manifests of bundles against their schema.

use std::fs;
use std::path::Path;

use leoscope_core::model::Manifest;
use serde_json::Value;

/// A manifest that lists no files, for bundles of which only those matter.
///
/// # Panics
/// When the sample is none.
pub fn sample() -> Manifest {
    serde_json::from_str(include_str!("sample_manifest.json")).expect("the sample is a manifest")
}

/// The schema, as it is published.
///
/// # Panics
/// When it is no JSON.
pub fn schema() -> Value {
    serde_json::from_str(include_str!("../../docs/manifest.schema.json")).expect("the schema is JSON")
}

/// What is wrong with a manifest, by where it stands.
///
/// # Panics
/// When the schema itself is none.
pub fn faults(manifest: &Value) -> Vec<String> {
    let validator = jsonschema::draft202012::new(&schema()).expect("a schema");
    validator.iter_errors(manifest).map(|fault| format!("{}: {fault}", fault.instance_path())).collect()
}

/// The manifest in a directory into which a bundle has been unpacked, checked against the schema.
///
/// # Panics
/// When there is none, or it is not as the schema says.
pub fn checked(unpacked: &Path) -> Value {
    let text = fs::read_to_string(unpacked.join("manifest.json")).expect("manifest.json");
    let manifest = serde_json::from_str(&text).expect("the manifest is JSON");
    assert_eq!(faults(&manifest), Vec::<String>::new(), "{text}");
    manifest
}

/// Unpacks every bundle below a directory and checks its manifest; gives them all.
///
/// # Panics
/// As [`checked`], and when a bundle cannot be unpacked.
pub fn all_below(dir: &Path) -> Vec<Value> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).expect("directory") {
        let path = entry.expect("entry").path();
        if path.is_dir() {
            found.extend(all_below(&path));
        } else if path.to_str().is_some_and(|name| name.ends_with(".tar.gz")) {
            let into = tempfile::tempdir().expect("directory");
            let unpacked = into.path().join("bundle");
            let bundle = fs::File::open(&path).expect("bundle");
            leoscope_core::bundle::unpack(bundle, &unpacked).expect("a bundle that unpacks");
            found.push(checked(&unpacked));
        }
    }
    found
}
