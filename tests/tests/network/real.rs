//! A container on the engine's bridge asks the real service to change the real setting.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use bytes::Bytes;
use leoscope_core::backends::kernel::ProcKernel;
use leoscope_core::backends::runtime::DockerRuntime;
use leoscope_core::ids::JobId;
use leoscope_core::model::{ExecutorConfig, Role, RunStatus};
use leoscope_core::ports::Kernel;
use leoscope_tests::{free_port, skipped};

use crate::world::World;

const IMAGE: &str = "leoscope-test/kernel-service:1";
const SETTING: &str = "/proc/sys/net/ipv4/tcp_congestion_control";

fn used() -> String {
    fs::read_to_string(SETTING).expect("setting").trim().to_owned()
}

/// Leaves the host as it was, whatever the test found.
struct Cleanup {
    before: String,
    node: String,
}

impl Drop for Cleanup {
    fn drop(&mut self) {
        // Nothing can be done about what fails here.
        let _ = fs::write(SETTING, &self.before);
        let filter = format!("label=nodeid={}", self.node);
        let Ok(left) = Command::new("docker").args(["ps", "-aq", "--filter", &filter]).output() else {
            return;
        };
        for container in String::from_utf8_lossy(&left.stdout).split_whitespace() {
            let _ = Command::new("docker").args(["rm", "-f", container]).output();
        }
    }
}

/// The context of an image with a static shell and its programs.
fn busybox() -> Bytes {
    let mut context = tar::Builder::new(Vec::new());
    context.append_path_with_name("/bin/busybox", "busybox").expect("busybox-static");
    let dockerfile = "FROM scratch\nCOPY busybox /bin/busybox\nCOPY busybox /bin/sh\n";
    let mut header = tar::Header::new_gnu();
    header.set_size(dockerfile.len() as u64);
    header.set_mode(0o644);
    context.append_data(&mut header, "Dockerfile", dockerfile.as_bytes()).expect("dockerfile");
    context.into_inner().expect("context").into()
}

/// The host's address on the engine's bridge. The engine itself does not tell it where it found the
/// bridge made when it was started.
fn gateway() -> String {
    let output = Command::new("ip").args(["-4", "-oneline", "address", "show", "docker0"]).output();
    let text = String::from_utf8_lossy(&output.expect("ip").stdout).into_owned();
    let address = text.split_whitespace().skip_while(|word| *word != "inet").nth(1);
    address.and_then(|address| address.split('/').next()).expect("an address of docker0").to_owned()
}

async fn wait_for(world: &World, dir: &Path, file: &str) {
    while !dir.join(file).exists() {
        world.pause().await;
    }
}

#[tokio::test]
async fn a_container_changes_its_own_congestion_control_and_the_hosts_while_it_runs() {
    if fs::metadata("/proc/self").expect("proc").uid() != 0 {
        return skipped("netns", "changing kernel settings takes root");
    }
    let before = used();
    let available = ProcKernel::default().available().await.expect("available");
    let mut others = available.iter().map(|name| name.as_str()).filter(|name| *name != before);
    let Some(target) = others.find(|name| matches!(*name, "reno" | "cubic")) else {
        return skipped("netns", "the kernel has no other congestion control");
    };
    let mut world = World::real_time("").await;
    let runtime = match DockerRuntime::connect(world.node.clone(), None).await {
        Ok(runtime) => runtime,
        Err(error) => return skipped("docker", &error.to_string()),
    };
    runtime.import_image(IMAGE, busybox()).await.expect("image");
    let _cleanup = Cleanup { before: before.clone(), node: world.node.to_string() };
    let (gateway, port, scratch) = (gateway(), free_port(), tempfile::tempdir().expect("directory"));
    let results = scratch.path().display();
    world.executor = ExecutorConfig::parse(&format!(
        "docker: {{execute: {{network: bridge, volume: {{source: '{results}'}}}}}}\n\
         kernel: {{listen: '{gateway}:{port}'}}\nlimits: {{memory: 64m}}\n"
    ))
    .expect("executor config");
    world.other_runtime = Some(Arc::new(runtime));
    world.kernel = Some(Arc::new(ProcKernel::default()));
    world.boot().await;

    let script = format!(
        "ask() {{ printf '%s' \"$1\" | busybox nc {gateway} {port}; }}; cd /artifacts; \
         ask cca.check > check; ask 'cca.change {target}' > change; ask 'sysctl -a' > other; \
         busybox cat {SETTING} > own; echo > done; busybox sleep 600"
    );
    let command = serde_json::json!(["/bin/sh", "-c", script]);
    let config = format!("docker: {{image: '{IMAGE}', command: {command}}}");
    world.book("privileged", "exp", (2, 600), &config).await;
    let run = world.run_of("exp", |run| run.started.is_some()).await;
    let dir: PathBuf = scratch.path().join(run.as_str());
    wait_for(&world, &dir, "done").await;
    let written = |file: &str| fs::read_to_string(dir.join(file)).expect(file);
    assert_eq!(written("check"), format!("net.ipv4.tcp_congestion_control = {before}\n"));
    assert_eq!(written("change"), format!("net.ipv4.tcp_congestion_control = {target}\n"));
    assert!(written("other").contains("allowed are: "), "{}", written("other"));
    assert_eq!(written("own").trim(), target, "the container's own network");
    assert_eq!(used(), target, "the host's");

    let job = JobId::parse("exp").expect("id");
    world.as_user("privileged", Role::User).delete_job(&job).await.expect("deleted");
    world.run_of("exp", |run| run.status == RunStatus::Aborted).await;
    assert_eq!(used(), before);
}
