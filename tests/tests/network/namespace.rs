//! A network of a test's own on this host.

use std::fs::File;
use std::process::{Child, Command, Stdio};
use std::thread;

use leoscope_tests::skipped;
use nix::sched::{CloneFlags, setns};

/// A network namespace with a pair of interfaces, `leo0` and `leo1`; gone when it is dropped.
pub(crate) struct Namespace {
    name: String,
}

impl Namespace {
    /// Makes one whose name ends in `what`; `None` where that is not possible and not required.
    pub(crate) fn new(what: &str) -> Option<Self> {
        let name = format!("leoscope-{}-{what}", std::process::id());
        let made = Command::new("ip").args(["netns", "add", &name]).output();
        match made {
            Ok(output) if output.status.success() => {}
            Ok(output) => {
                let why = String::from_utf8_lossy(&output.stderr);
                skipped("netns", &format!("no network namespace can be made: {why}"));
                return None;
            }
            Err(error) => {
                skipped("netns", &format!("install the package iproute2: {error}"));
                return None;
            }
        }
        let namespace = Self { name };
        for line in [
            "link set lo up",
            "link add leo0 type veth peer name leo1",
            "link set leo1 up",
            "link set leo0 up",
            "address add 198.51.100.2/24 dev leo0",
            "address add 2001:db8:1::2/64 dev leo0 nodad",
        ] {
            namespace.ip(line);
        }
        Some(namespace)
    }

    /// Runs `ip` in the namespace and gives what it prints.
    pub(crate) fn ip(&self, line: &str) -> String {
        let output =
            Command::new("ip").args(["-n", &self.name]).args(line.split_whitespace()).output().expect("ip");
        assert!(output.status.success(), "ip {line}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// A process on the network that waits until it is killed.
    pub(crate) fn process(&self) -> Child {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.name, "cat"]).stdin(Stdio::piped()).stdout(Stdio::null());
        command.spawn().expect("process")
    }

    /// Runs `work` on the network, in a thread of its own.
    pub(crate) fn enter<T: Send>(&self, work: impl Future<Output = T> + Send) -> T {
        let file = File::open(format!("/var/run/netns/{}", self.name)).expect("namespace");
        let visit = move || {
            setns(file, CloneFlags::CLONE_NEWNET).expect("enter the namespace");
            let mut runtime = tokio::runtime::Builder::new_current_thread();
            runtime.enable_all().build().expect("runtime").block_on(work)
        };
        thread::scope(|scope| {
            let visited = scope.spawn(visit).join();
            visited.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        // Its interfaces go with it.
        let _ = Command::new("ip").args(["netns", "delete", &self.name]).output();
    }
}
