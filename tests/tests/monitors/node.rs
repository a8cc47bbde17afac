//! The node's machine.

use leoscope_core::backends::monitors::NodeMonitor;
use leoscope_core::ports::Monitor as _;
use leoscope_core::trigger::{Field, Source};

use super::{around, number};

#[tokio::test]
async fn this_machine_tells_what_it_has() {
    let scratch = tempfile::tempdir().expect("directory");
    let monitor = NodeMonitor::new(scratch.path());
    assert_eq!((monitor.source(), monitor.uses_link()), (Source::Node, false));
    let first = monitor.read(&around(0)).await.expect("read");
    assert_eq!(number(&first, Field::NODE_CPU), None, "nothing is known of before");
    let memory = number(&first, Field::NODE_MEMORY_FREE).expect("memory");
    let total = std::fs::read_to_string("/proc/meminfo").expect("meminfo");
    let total = total.lines().find_map(|line| line.strip_prefix("MemTotal:")).expect("total");
    let total: f64 = total.trim().trim_end_matches(" kB").parse().expect("number");
    assert!(memory > 1e6 && memory <= total * 1024.0, "{memory}");
    let disk = number(&first, Field::NODE_DISK_FREE).expect("disk");
    assert!(disk > 0.0, "{disk}");
}

#[tokio::test]
async fn the_use_of_processors_is_that_between_two_looks() {
    let scratch = tempfile::tempdir().expect("directory");
    let stat = |line: &str| std::fs::write(scratch.path().join("stat"), line).expect("write");
    std::fs::write(scratch.path().join("meminfo"), "MemAvailable: 1000 kB\n").expect("write");
    let monitor = NodeMonitor::with_proc(scratch.path(), scratch.path());
    let cpu = async |line: &str| {
        stat(line);
        number(&monitor.read(&around(0)).await.expect("read"), Field::NODE_CPU)
    };
    assert_eq!(cpu("cpu  100 0 100 800 0 0 0 0 0 0\n").await, None);
    assert_eq!(cpu("cpu  120 0 105 875 0 0 0 0 0 0\n").await, Some(25.0));
    assert_eq!(cpu("cpu  120 0 105 875 0 0 0 0 0 0\n").await, None, "no time has passed");
    assert_eq!(cpu("cpu  120 0 105 975 0 0 0 0 0 0\n").await, Some(0.0));
    stat("nonsense\n");
    let error = monitor.read(&around(0)).await.expect_err("nonsense");
    assert!(error.message().ends_with("stat is not as the kernel writes it"), "{error}");
    assert_eq!(cpu("cpu  220 0 105 975 0 0 0 0 0 0\n").await, Some(100.0), "it goes on");
    let gone = NodeMonitor::new(scratch.path().join("gone"));
    assert!(gone.read(&around(0)).await.expect_err("no directory").message().contains("gone"));
}
