//! What the packages depend on: drivers in the core alone, licences and bans as `deny.toml` says.

use std::fs;
use std::process::{Command, Output};

use serde_json::Value;

use crate::source::{PACKAGES, root};

/// Crates that speak to a database, an engine or a cloud, or define the protocol.
const CORE_ONLY: [&str; 12] = [
    "rusqlite",
    "bollard",
    "mongodb",
    "bson",
    "azure_core",
    "azure_storage_blob",
    "rtnetlink",
    "rumqttc",
    "prost",
    "tonic-prost",
    "tonic-prost-build",
    "protox",
];

fn read(file: &str) -> toml::Table {
    let text = fs::read_to_string(root().join(file)).unwrap_or_else(|e| panic!("{file}: {e}"));
    text.parse().unwrap_or_else(|e| panic!("{file}: {e}"))
}

/// Packages other than leoscope-core whose manifest asks for a driver.
pub(crate) fn foreign_drivers(package: &str, manifest: &toml::Table) -> Vec<String> {
    if package == "leoscope-core" {
        return Vec::new();
    }
    let tables = ["dependencies", "build-dependencies", "dev-dependencies"];
    let names =
        tables.iter().filter_map(|table| manifest.get(*table)?.as_table()).flat_map(toml::Table::keys);
    names
        .filter(|name| CORE_ONLY.contains(&name.as_str()))
        .map(|name| format!("{package} depends on {name}"))
        .collect()
}

/// Whether the SPDX expression allows use under `allowed` licences alone; `/` is the old form of
/// `OR`.
pub(crate) fn licence_fits(expression: &str, allowed: &[String]) -> bool {
    let spaced = expression.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ");
    // `A WITH B` is one licence of that name.
    let spaced = spaced.replace(" WITH ", "\u{1}");
    let words: Vec<String> = spaced.split_whitespace().map(|word| word.replace('\u{1}', " WITH ")).collect();
    let mut at = 0;
    let fits = any_of(&words, &mut at, allowed);
    fits && at == words.len()
}

fn any_of(words: &[String], at: &mut usize, allowed: &[String]) -> bool {
    let mut fits = all_of(words, at, allowed);
    while words.get(*at).is_some_and(|word| word == "OR") {
        *at += 1;
        fits |= all_of(words, at, allowed);
    }
    fits
}

fn all_of(words: &[String], at: &mut usize, allowed: &[String]) -> bool {
    let mut fits = one(words, at, allowed);
    while words.get(*at).is_some_and(|word| word == "AND") {
        *at += 1;
        fits &= one(words, at, allowed);
    }
    fits
}

fn one(words: &[String], at: &mut usize, allowed: &[String]) -> bool {
    let word = words.get(*at);
    *at += 1;
    if word.is_some_and(|word| word == "(") {
        let fits = any_of(words, at, allowed);
        *at += 1;
        return fits;
    }
    word.is_some_and(|word| allowed.contains(word))
}

fn cargo(arguments: &[&str]) -> Output {
    let program = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    Command::new(program).args(arguments).current_dir(root()).output().expect("cargo runs")
}

fn texts(value: Option<&toml::Value>) -> Vec<String> {
    let items = value.and_then(toml::Value::as_array).expect("a list");
    items.iter().filter_map(|item| item.get("crate").unwrap_or(item).as_str().map(str::to_owned)).collect()
}

#[test]
fn drivers_are_dependencies_of_the_core_alone() {
    let faults: Vec<String> = PACKAGES
        .iter()
        .flat_map(|package| foreign_drivers(package, &read(&format!("{package}/Cargo.toml"))))
        .collect();
    assert_eq!(faults, [""; 0]);
}

#[test]
fn a_driver_in_a_frontend_is_seen() {
    let manifest = "[dependencies]\nbollard.workspace = true\ntonic = '1'\n".parse().expect("toml");
    assert_eq!(foreign_drivers("leoscope-node", &manifest), ["leoscope-node depends on bollard"]);
    assert_eq!(foreign_drivers("leoscope-core", &manifest), [""; 0]);
}

#[test]
fn the_tree_holds_nothing_banned_and_comes_from_one_registry() {
    let banned = texts(read("deny.toml")["bans"].get("deny"));
    assert!(
        banned.iter().any(|name| name == "aws-lc-sys") && banned.iter().any(|name| name == "openssl-sys")
    );
    let lock = read("Cargo.lock");
    let packages = lock["package"].as_array().expect("packages");
    let text =
        |package: &toml::Value, key: &str| package.get(key).and_then(toml::Value::as_str).map(str::to_owned);
    let mut sources = std::collections::BTreeSet::new();
    for package in packages {
        let name = text(package, "name").expect("name");
        assert!(!banned.contains(&name), "{name} is banned by deny.toml");
        // Members of the workspace have no source.
        sources.extend(text(package, "source"));
    }
    assert!(sources.len() == 1 && sources.iter().all(|s| s.starts_with("registry+")), "{sources:?}");
}

#[test]
fn every_licence_of_the_tree_is_one_we_allow() {
    let allowed = texts(read("deny.toml")["licenses"].get("allow"));
    // This machine's platform alone, so that only crates are needed that a build has fetched anyway.
    let version = String::from_utf8(cargo(&["-vV"]).stdout).expect("UTF-8");
    let host = version.lines().find_map(|line| line.strip_prefix("host: ")).expect("host");
    let output =
        cargo(&["metadata", "--format-version=1", "--locked", "--offline", "--filter-platform", host]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let packages = metadata["packages"].as_array().expect("packages");
    assert!(packages.len() > 100, "{} packages", packages.len());
    let faults: Vec<String> = packages
        .iter()
        .filter(|package| !licence_fits(package["license"].as_str().unwrap_or_default(), &allowed))
        .map(|package| format!("{} {} is under {}", package["name"], package["version"], package["license"]))
        .collect();
    assert_eq!(faults, [""; 0], "see [licenses] of deny.toml");
}

#[test]
fn licence_expressions_are_read_as_spdx_means_them() {
    let allowed = ["MIT", "Apache-2.0 WITH LLVM-exception", "BSD-3-Clause"].map(str::to_owned);
    for (expression, fits) in [
        ("MIT", true),
        ("MIT/GPL-3.0", true),
        ("GPL-3.0 OR MIT", true),
        ("GPL-3.0 AND MIT", false),
        ("(GPL-3.0 OR MIT) AND BSD-3-Clause", true),
        ("GPL-3.0 OR MIT AND Zlib", false),
        ("Apache-2.0 WITH LLVM-exception", true),
        ("Apache-2.0", false),
        ("", false),
        ("MIT MIT", false),
    ] {
        assert_eq!(licence_fits(expression, &allowed), fits, "{expression}");
    }
}
