//! What several of the tests share.

pub mod azurite;
pub mod bundles;
pub mod dish;
pub mod logs;
pub mod manifest;
pub mod memcached;
pub mod mongodb;
pub mod mosquitto;
pub mod raw;

/// Whether a test needs `what` to be there, because `LEOSCOPE_TEST_REQUIRE` names it.
pub fn is_required(what: &str) -> bool {
    let required = std::env::var("LEOSCOPE_TEST_REQUIRE").unwrap_or_default();
    required.split(',').any(|name| name.trim() == what)
}

/// Says that a test does nothing; fails where it must not.
///
/// # Panics
/// When the test needs `what`.
#[expect(clippy::print_stderr, reason = "a test that did nothing must not look like one that passed")]
pub fn skipped(what: &str, why: &str) {
    assert!(!is_required(what), "{what} is required: {why}");
    eprintln!("skipped: {why}");
}

/// A port nobody listens on, below the range from which the system takes its own.
///
/// # Panics
/// When there is none.
pub fn free_port() -> u16 {
    use std::sync::atomic::{AtomicU16, Ordering};
    static NEXT: AtomicU16 = AtomicU16::new(0);
    // Tests that run side by side have process ids in a row.
    let first = 20_000 + u16::try_from(std::process::id() * 7 % 10_000).expect("below 10,000");
    let next = || first + NEXT.fetch_add(1, Ordering::Relaxed) % 2_000;
    std::iter::repeat_with(next)
        .take(2_000)
        .find(|port| std::net::TcpListener::bind(("127.0.0.1", *port)).is_ok())
        .expect("a free port")
}
