//! Generates the protocol's code from the `.proto` files, without needing `protoc`.

use std::error::Error;

/// Messages that hold a secret: without `Debug`, so that no log can show it.
const SECRET: [&str; 8] = [
    ".unary.BlobSettings",
    ".unary.DatastoreSettings",
    ".unary.WeatherSettings",
    ".unary.Settings",
    ".unary.UpdateSettingsRequest",
    ".unary.GetSettingsResponse",
    ".unary.RegisterUserResponse",
    ".unary.RegisterNodeResponse",
];

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=proto");
    let files = [
        "proto/leotest.proto",
        "proto/leoscope/v1/artifacts.proto",
        "proto/leoscope/v1/feed.proto",
        "proto/leoscope/v1/planning.proto",
        "proto/leoscope/v1/status.proto",
    ];
    let descriptors = protox::compile(files, ["proto"])?;
    tonic_prost_build::configure()
        .bytes(".leoscope.v1")
        .skip_debug(SECRET)
        .generate_default_stubs(true)
        .compile_fds(descriptors)?;
    Ok(())
}
