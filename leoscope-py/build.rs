//! Lets the linkers that insist on every symbol leave the interpreter's to be found when the
//! module is loaded.

fn main() {
    pyo3_build_config::add_extension_module_link_args();
}
