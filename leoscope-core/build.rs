//! Generates the protocol's code from the `.proto` files, without needing `protoc`, and builds the
//! gate that holds containers until their instant.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::Command;

use prost::Message as _;
use prost_types::FileDescriptorSet;
use prost_types::field_descriptor_proto::Type;

/// Messages that hold a secret: without `Debug`, so that no log can show it.
const SECRET: [&str; 12] = [
    ".unary.BlobSettings",
    ".unary.DatastoreSettings",
    ".unary.WeatherSettings",
    ".unary.Settings",
    ".unary.UpdateSettingsRequest",
    ".unary.GetSettingsResponse",
    ".unary.RegisterUserResponse",
    ".unary.RegisterNodeResponse",
    ".leoscope.v1.RotateTokenResponse",
    ".leoscope.v1.BeginUploadResponse",
    ".leoscope.v1.UploadLink",
    ".leoscope.v1.Chunk",
];

/// Lets the code hold the messages in `field` as they are encoded, which is the same on the wire:
/// existing nodes ask for all jobs every few seconds, and encoding them is most of the work.
fn encoded(files: &mut FileDescriptorSet, message: &str, field: &str) -> Result<(), Box<dyn Error>> {
    let messages = files.file.iter_mut().flat_map(|file| &mut file.message_type);
    let mut fields = messages.filter(|found| found.name() == message).flat_map(|found| &mut found.field);
    let found = fields.find(|found| found.name() == field).ok_or("no such field")?;
    found.type_name = None;
    found.set_type(Type::Bytes);
    Ok(())
}

/// Builds `gate/gate.rs` as a program that runs in every image, also one that holds nothing else.
///
/// Where that cannot be done the gate is left empty, and containers are started at their instant.
fn build_gate(out: &Path) -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=gate");
    let variable = |name: &str| std::env::var(name).map_err(|e| format!("{name}: {e}"));
    let program = out.join("gate");
    let mut compiler = Command::new(variable("RUSTC")?);
    compiler.args(["--edition", "2024", "--crate-name", "gate", "--target", &variable("TARGET")?]);
    for option in ["target-feature=+crt-static", "opt-level=s", "panic=abort", "strip=symbols"] {
        compiler.args(["-C", option]);
    }
    if let Ok(linker) = variable("RUSTC_LINKER") {
        compiler.args(["-C", &format!("linker={linker}")]);
    }
    let built = compiler.arg("gate/gate.rs").arg("-o").arg(&program).output();
    let fault = match built {
        Ok(output) if output.status.success() => return Ok(()),
        Ok(output) => String::from_utf8_lossy(&output.stderr).into_owned(),
        Err(error) => error.to_string(),
    };
    let fault = fault.lines().next().unwrap_or_default();
    println!(
        "cargo:warning=containers will be started at their instant, not held ready: no static gate: {fault}"
    );
    std::fs::write(program, b"")?;
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=proto");
    let files = [
        "proto/leotest.proto",
        "proto/leoscope/v1/accounts.proto",
        "proto/leoscope/v1/artifacts.proto",
        "proto/leoscope/v1/feed.proto",
        "proto/leoscope/v1/history.proto",
        "proto/leoscope/v1/logs.proto",
        "proto/leoscope/v1/planning.proto",
        "proto/leoscope/v1/readings.proto",
        "proto/leoscope/v1/sky.proto",
        "proto/leoscope/v1/status.proto",
    ];
    let mut descriptors = protox::compile(files, ["proto"])?;
    // As they are on the wire, before the code takes its liberties.
    let out = PathBuf::from(std::env::var_os("OUT_DIR").ok_or("OUT_DIR is not set")?);
    std::fs::write(out.join("descriptors.bin"), descriptors.encode_to_vec())?;
    build_gate(&out)?;
    encoded(&mut descriptors, "GetJobsOnNodeResponse", "jobs")?;
    tonic_prost_build::configure()
        .bytes(".leoscope.v1")
        .bytes(".unary.GetJobsOnNodeResponse.jobs")
        .skip_debug(SECRET)
        .generate_default_stubs(true)
        .compile_fds(descriptors)?;
    // By itself: what orchestrators tell of their own calls has nothing of the dish in it.
    let dish = protox::compile(["proto/spacex/device.proto"], ["proto"])?;
    tonic_prost_build::configure().build_server(false).compile_fds(dish)?;
    Ok(())
}
