//! Lets the linkers that insist on every symbol leave the interpreter's to be found when the
//! module is loaded.

fn main() {
    pyo3_build_config::add_extension_module_link_args();
    // The library has no tests of its own, but `--all-targets` links them all the same: a program without an
    // interpreter, which nobody runs.
    if std::env::var("CARGO_CFG_TARGET_OS").is_ok_and(|system| system == "linux") {
        println!("cargo::rustc-link-arg=-Wl,--unresolved-symbols=ignore-all");
    }
}
