//! The kernel service over real connections, with a kernel that is not there.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use leoscope_core::backends::kernel::{MemoryKernel, ProcKernel};
use leoscope_core::conformance::kernel::{CASES, Harness};
use leoscope_core::ids::JobId;
use leoscope_core::kernel::{ACCESS_DENIED, ALLOWED};
use leoscope_core::model::{CongestionControl, KernelSetting, Parameter, Role, RunStatus};
use leoscope_core::ports::{Kernel, Place, Runtime};
use leoscope_tests::{free_port, skipped};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::namespace::Namespace;
use crate::world::World;

const SIMULATED: &str = "process: {command: measure}";
const CONTROL: KernelSetting = KernelSetting::CongestionControl;

fn controls(names: [&str; 2]) -> [CongestionControl; 2] {
    names.map(|name| CongestionControl::parse(name).expect("name"))
}

fn memory() -> Arc<MemoryKernel> {
    Arc::new(MemoryKernel::new(controls(["cubic", "reno"]).to_vec()))
}

#[tokio::test]
async fn every_case_over_memory() {
    for (name, case) in CASES {
        println!("{name}");
        let controls = controls(["reno", "cubic"]);
        case(Harness { kernel: memory(), place: Place::Host, controls }).await;
    }
}

#[tokio::test]
async fn every_case_over_proc_on_a_network_of_its_own() {
    // A network of its own may only use these.
    let allowed = std::fs::read_to_string("/proc/sys/net/ipv4/tcp_allowed_congestion_control");
    let allowed = allowed.expect("congestion controls");
    let mut allowed = allowed.split_whitespace();
    let (Some(first), Some(second)) = (allowed.next(), allowed.next()) else {
        return skipped("netns", "the kernel has only one congestion control");
    };
    let Some(namespace) = Namespace::new("kernel") else { return };
    let mut process = namespace.process();
    // It is on the other network once it has become the program that waits.
    let comm = format!("/proc/{}/comm", process.id());
    while std::fs::read_to_string(&comm).expect("comm").trim() != "cat" {
        tokio::task::yield_now().await;
    }
    let own = |place| async move { ProcKernel::default().read(place, &CONTROL).await.expect("read") };
    let host = own(Place::Host).await;
    let place = Place::Process(process.id());
    for (name, case) in CASES {
        println!("{name}");
        let controls = controls([first, second]);
        case(Harness { kernel: Arc::new(ProcKernel::default()), place, controls }).await;
    }
    assert_eq!(own(place).await, first);
    assert_eq!(own(Place::Host).await, host, "the host's own is as it was");
    process.kill().expect("kill");
    process.wait().expect("wait");
}

#[tokio::test]
async fn settings_below_another_root_are_files_there() {
    let root = tempfile::tempdir().expect("directory");
    let parameters = root.path().join("sys/module/tcp_bbr2/parameters");
    std::fs::create_dir_all(&parameters).expect("directory");
    std::fs::write(parameters.join("loss_thresh"), "5\n").expect("parameter");
    let kernel = ProcKernel::below(root.path());
    let setting = KernelSetting::Bbr2(Parameter::parse("loss_thresh").expect("name"));
    assert_eq!(kernel.read(Place::Host, &setting).await.expect("read"), "5");
    kernel.write(Place::Host, &setting, "40").await.expect("write");
    assert_eq!(kernel.read(Place::Host, &setting).await.expect("read"), "40");
    let other = KernelSetting::Bbr2(Parameter::parse("other").expect("name"));
    kernel.write(Place::Host, &other, "1").await.expect_err("there is no such parameter");
    assert!(!parameters.join("other").exists());
}

/// A node with the kernel service, and a run of `user` from this machine's loopback address.
async fn serving(user: &str) -> (World, Arc<MemoryKernel>, SocketAddr) {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, free_port()));
    let mut world = World::real_time(&format!("kernel: {{listen: '{address}'}}")).await;
    let kernel = memory();
    world.kernel = Some(Arc::clone(&kernel) as Arc<dyn Kernel>);
    world.boot().await;
    world.book(user, "exp", (1, 600), SIMULATED).await;
    let run = world.run_of("exp", |run| run.started.is_some()).await;
    world.runtime.set_address(IpAddr::V4(Ipv4Addr::LOCALHOST), run);
    (world, kernel, address)
}

async fn connect(address: SocketAddr) -> TcpStream {
    loop {
        match TcpStream::connect(address).await {
            Ok(stream) => return stream,
            Err(_) => tokio::task::yield_now().await,
        }
    }
}

/// Sends a request as existing experiments do, without an end, and gives the whole answer.
async fn ask(address: SocketAddr, request: &[u8]) -> String {
    let mut stream = connect(address).await;
    stream.write_all(request).await.expect("send");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("answer");
    answer
}

async fn value(kernel: &MemoryKernel, setting: &KernelSetting) -> String {
    kernel.read(Place::Host, setting).await.expect("read")
}

/// Waits until the setting has a value.
async fn becomes(world: &World, kernel: &MemoryKernel, setting: &KernelSetting, expected: &str) {
    while value(kernel, setting).await != expected {
        world.pause().await;
    }
}

#[tokio::test]
async fn an_allowed_run_changes_settings_which_are_restored_when_it_ends() {
    let (world, kernel, address) = serving("privileged").await;
    let parameter = KernelSetting::Bbr2(Parameter::parse("loss_thresh").expect("name"));
    kernel.set(parameter.clone(), "5");
    for (request, answer) in [
        ("cca.check", "net.ipv4.tcp_congestion_control = cubic\n"),
        ("cca.change reno", "net.ipv4.tcp_congestion_control = reno\n"),
        ("cca.check\n", "net.ipv4.tcp_congestion_control = reno\n"),
        ("cca.change bbr", "congestion control bbr is not available here, only: cubic reno\n"),
        (
            "bbr2.param.set /sys/module/tcp_bbr2/parameters/loss_thresh 40",
            "BBR2 parameter /sys/module/tcp_bbr2/parameters/loss_thresh set to 40",
        ),
        (
            "bbr2.param.set loss_thresh 41\n",
            "BBR2 parameter /sys/module/tcp_bbr2/parameters/loss_thresh set to 41",
        ),
        ("bbr2.param.set other 1", "the kernel has no setting /sys/module/tcp_bbr2/parameters/other\n"),
    ] {
        assert_eq!(ask(address, request.as_bytes()).await, answer, "{request}");
    }
    assert_eq!(value(&kernel, &CONTROL).await, "reno");
    assert_eq!(value(&kernel, &parameter).await, "41");
    let job = JobId::parse("exp").expect("id");
    world.as_user("privileged", Role::User).delete_job(&job).await.expect("deleted");
    world.run_of("exp", |run| run.status == RunStatus::Aborted).await;
    assert_eq!(value(&kernel, &CONTROL).await, "cubic");
    assert_eq!(value(&kernel, &parameter).await, "5");
    assert_eq!(ask(address, b"cca.check").await, ACCESS_DENIED, "it has ended");
}

#[tokio::test]
async fn nobody_else_changes_anything() {
    let (world, kernel, address) = serving("plain").await;
    for request in ["cca.check", "cca.change reno", "anything", "bbr2.param.set a 1"] {
        assert_eq!(ask(address, request.as_bytes()).await, ACCESS_DENIED, "{request}");
    }
    // No run of this node has this address.
    let own = SocketAddr::from((Ipv4Addr::new(127, 0, 0, 2), 0));
    let socket = tokio::net::TcpSocket::new_v4().expect("socket");
    socket.bind(own).expect("bind");
    let mut stream = socket.connect(address).await.expect("connect");
    stream.write_all(b"cca.change reno").await.expect("send");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("answer");
    assert_eq!(answer, ACCESS_DENIED);
    assert_eq!(value(&kernel, &CONTROL).await, "cubic");
    assert!(!world.work_dir().join("kernel.json").exists(), "nothing is to be restored");
}

#[tokio::test]
async fn other_text_is_refused_and_bad_clients_harm_nobody() {
    let (_world, kernel, address) = serving("privileged").await;
    let long = [b'a'; 5000];
    let requests: [&[u8]; 6] = [
        b"sysctl -w kernel.panic=1",
        b"cca.change ../../x",
        b"\0",
        b"\xff\xff\xff",
        b"cca.check\ncca.check\n",
        &long,
    ];
    for request in requests {
        let answer = ask(address, request).await;
        assert!(answer.ends_with(&format!("; {ALLOWED}\n")), "{answer}");
    }
    // A request in two pieces is one.
    let mut stream = connect(address).await;
    stream.set_nodelay(true).expect("nodelay");
    stream.write_all(b"cca.").await.expect("send");
    stream.write_all(b"check\n").await.expect("send");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("answer");
    assert_eq!(answer, "net.ipv4.tcp_congestion_control = cubic\n");
    // As many as are served say nothing; the next is closed, and those that were first are served.
    let mut silent = Vec::new();
    for _ in 0..16 {
        silent.push(connect(address).await);
    }
    let mut beyond = connect(address).await;
    assert_eq!(beyond.read(&mut [0; 8]).await.unwrap_or(0), 0);
    let mut first = silent.remove(0);
    first.write_all(b"cca.check").await.expect("send");
    let mut answer = String::new();
    first.read_to_string(&mut answer).await.expect("answer");
    assert_eq!(answer, "net.ipv4.tcp_congestion_control = cubic\n");
    // Nobody waits for ever for the others.
    for mut stream in silent {
        assert_eq!(stream.read(&mut [0; 8]).await.expect("closed"), 0);
    }
    assert_eq!(ask(address, b"cca.check").await, "net.ipv4.tcp_congestion_control = cubic\n");
    assert_eq!(value(&kernel, &CONTROL).await, "cubic");
}

#[tokio::test]
async fn settings_are_restored_when_the_run_ended_while_the_node_was_down() {
    let (mut world, kernel, address) = serving("privileged").await;
    assert_eq!(ask(address, b"cca.change reno").await, "net.ipv4.tcp_congestion_control = reno\n");
    world.crash().await;
    // The node comes back in the middle of the run: the setting is the experiment's.
    world.boot().await;
    assert_eq!(ask(address, b"cca.check").await, "net.ipv4.tcp_congestion_control = reno\n");
    assert_eq!(ask(address, b"cca.change cubic").await, "net.ipv4.tcp_congestion_control = cubic\n");
    assert_eq!(ask(address, b"cca.change reno").await, "net.ipv4.tcp_congestion_control = reno\n");
    world.crash().await;
    let run = world.run_of("exp", |_| true).await;
    world.runtime.stop(&run, std::time::Duration::ZERO).await.expect("it ends");
    assert_eq!(value(&kernel, &CONTROL).await, "reno");
    world.boot().await;
    becomes(&world, &kernel, &CONTROL, "cubic").await;
}
