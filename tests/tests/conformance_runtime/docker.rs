//! What the docker runtime does besides the cases of its port.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use leoscope_core::backends::runtime::DockerRuntime;
use leoscope_core::ids::{NodeId, RunId};
use leoscope_core::model::{
    Capability, DockerConfig, Exit, Network, PullPolicy, Reason, RuntimeState, Stage, StartMode,
};
use leoscope_core::ports::{RunSpec, Runtime};
use leoscope_core::time::{SignedDuration, Timestamp};

use super::{connect, engine, image_context, in_container, run_id, shell, spec};

/// Runs an experiment in a container to its end and gives its exit and what it printed.
async fn in_docker(runtime: &DockerRuntime, spec: &RunSpec, scratch: &Path) -> (Exit, String) {
    runtime.prepare(spec).await.expect("prepare");
    runtime.start(&spec.run).await.expect("start");
    let exit = runtime.wait(&spec.run).await.expect("wait");
    let stdout: PathBuf = scratch.join("out");
    runtime.save_output(&spec.run, &stdout, &scratch.join("err")).await.expect("output");
    runtime.remove(&spec.run).await.expect("remove");
    (exit, std::fs::read_to_string(stdout).expect("output"))
}

#[tokio::test]
async fn docker_confines_experiments() {
    let scratch = tempfile::tempdir().expect("directory");
    let Some((runtime, image)) = engine(scratch.path()).await else { return };
    let command = shell("cat /proc/self/status; echo results in $LEOTEST_RESULTS");
    let spec = spec(scratch.path(), &run_id("confined+1"), in_container(&image, command));
    let (exit, output) = in_docker(&runtime, &spec, scratch.path()).await;
    assert_eq!(exit.code, Some(0));
    // Raw packets (bit 13 of capabilities(7)) and nothing else, for good.
    for set in ["CapPrm", "CapEff", "CapBnd"] {
        assert!(output.contains(&format!("{set}:\t0000000000002000")), "{output}");
    }
    assert!(output.contains("NoNewPrivs:\t1"), "{output}");
    assert!(output.contains("results in /artifacts"), "{output}");
}

#[tokio::test]
async fn docker_notices_too_much_memory() {
    let scratch = tempfile::tempdir().expect("directory");
    let Some((runtime, image)) = engine(scratch.path()).await else { return };
    let command = shell("exec tail /dev/zero");
    let spec = spec(scratch.path(), &run_id("hungry@1"), in_container(&image, command));
    let (exit, _) = in_docker(&runtime, &spec, scratch.path()).await;
    assert!(exit.out_of_memory, "{exit:?}");
    assert_ne!(exit.code, Some(0));
}

#[tokio::test]
async fn docker_says_which_image_or_program_is_missing() {
    let scratch = tempfile::tempdir().expect("directory");
    let Some((runtime, image)) = engine(scratch.path()).await else { return };
    // Nobody listens on port 1: the image is neither here nor to be had.
    let nowhere = in_container("localhost:1/lab/ping:1", vec![]);
    let outcome =
        runtime.prepare(&spec(scratch.path(), &run_id("no-image"), nowhere)).await.expect_err("prepare");
    assert_eq!((outcome.stage, outcome.reason), (Stage::ImagePull, Reason::ImageNotFound));
    assert!(outcome.message.contains("localhost:1/lab/ping:1"), "{}", outcome.message);

    let spec = spec(scratch.path(), &run_id("no-program"), in_container(&image, vec!["/nothing".into()]));
    runtime.prepare(&spec).await.expect("prepare");
    let outcome = runtime.start(&spec.run).await.expect_err("start");
    runtime.remove(&spec.run).await.expect("remove");
    assert_eq!((outcome.stage, outcome.reason), (Stage::Container, Reason::StartFailed));
    assert!(outcome.message.contains("/nothing"), "{}", outcome.message);
}

#[tokio::test]
async fn docker_image_that_cannot_be_built_is_told_in_the_builders_words() {
    let scratch = tempfile::tempdir().expect("directory");
    let Some((runtime, _)) = engine(scratch.path()).await else { return };
    let mut context = tar::Builder::new(Vec::new());
    let content = b"FROM scratch\nCOPY nothing /\n";
    let mut header = tar::Header::new_gnu();
    header.set_size(content.len() as u64);
    context.append_data(&mut header, "Dockerfile", &content[..]).expect("append");
    let context = context.into_inner().expect("archive").into();
    let error = runtime.import_image("leoscope-test/broken:1", context).await.expect_err("build");
    assert!(error.message().contains("leoscope-test/broken:1"), "{error}");
    assert!(error.message().contains("COPY failed"), "{error}");
    assert!(!runtime.has_image("leoscope-test/broken:1").await.expect("look"));
}

#[tokio::test]
async fn docker_engine_that_is_not_there_is_unavailable() {
    let node = NodeId::parse("node-1").expect("id");
    let error = DockerRuntime::connect(node.clone(), Some("unix:///nowhere/docker.sock")).await;
    let error = error.expect_err("connect");
    assert_eq!(error.kind(), leoscope_core::ErrorKind::Unavailable);
    assert!(error.what_to_do().is_some());
    let error = DockerRuntime::connect(node, Some("tcp://127.0.0.1:1")).await.expect_err("connect");
    assert_eq!(error.kind(), leoscope_core::ErrorKind::InvalidArgument);
}

/// A run id that no other test has: they share the engine.
fn own(scratch: &Path, name: &str) -> RunId {
    let unique = scratch.file_name().expect("name").to_string_lossy();
    run_id(&format!("{name}-{}", unique.trim_start_matches('.')))
}

fn docker_command(arguments: &[&str]) -> String {
    let output = Command::new("docker").args(arguments).output().expect("docker");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Waits until `holds`.
async fn eventually(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let deadline = tokio::time::Instant::now() + Duration::from_secs(60);
    while !holds().await {
        assert!(tokio::time::Instant::now() < deadline, "waited in vain: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn an_experiment_does_not_notice_that_it_was_held() {
    let scratch = tempfile::tempdir().expect("directory");
    let Some((held, image)) = engine(scratch.path()).await else { return };
    let node = NodeId::parse("node-plain").expect("id");
    let plain = DockerRuntime::connect(node, None).await.expect("engine");
    let script = "cat /proc/self/status | while read -r name value; do case $name in \
                  Sig[BI]*|Cap*|NoNew*|Uid*|Gid*|Groups*|Seccomp*) echo $name $value;; esac; done; \
                  echo pid $$; echo in $PWD; ls -l /proc/self/fd | while read -r _ _ _ _ _ _ _ _ fd rest; \
                  do echo $fd; done; env; cat; echo end";
    let mut seen = Vec::new();
    for (runtime, mode) in [(&held, StartMode::Armed), (&plain, StartMode::Plain)] {
        let spec = spec(scratch.path(), &own(scratch.path(), "same"), in_container(&image, shell(script)));
        let prepared = runtime.prepare(&spec).await.expect("prepare");
        assert_eq!(prepared.start, mode);
        let image = prepared.image.expect("image");
        assert!(image.starts_with("sha256:"), "{image}");
        let (exit, output) = in_docker(runtime, &spec, scratch.path()).await;
        assert_eq!(exit.code, Some(0), "{output}");
        // The host name follows the container.
        let lines = output.lines().filter(|line| !line.starts_with("HOSTNAME="));
        seen.push(lines.map(str::to_owned).collect::<Vec<_>>());
    }
    assert_eq!(seen[0], seen[1]);
    assert!(seen[0].contains(&"pid 1".to_owned()) && seen[0].contains(&"end".to_owned()), "{seen:?}");
}

#[tokio::test]
async fn entrypoint_command_user_and_directory_of_the_image_are_kept() {
    let scratch = tempfile::tempdir().expect("directory");
    let Some((runtime, _)) = engine(scratch.path()).await else { return };
    let image = "leoscope-test/entrypoint:1";
    let lines = "USER 1234:1234\nWORKDIR /bin\nHEALTHCHECK CMD [\"/nothing\"]\n\
                 ENTRYPOINT [\"/bin/sh\", \"-c\", \"echo $0 $*; cat /proc/self/status; echo in $PWD\"]\nCMD [\"own\", \"words\"]\n";
    runtime.import_image(image, image_context(lines)).await.expect("build an image");
    for (command, words) in [(vec![], "own words"), (vec!["given".to_owned()], "given")] {
        let mut spec = spec(scratch.path(), &own(scratch.path(), "entry"), in_container(image, command));
        if let Some(docker) = spec.experiment.docker.as_mut() {
            docker.command = docker.command.take().filter(|words| !words.is_empty());
        }
        assert_eq!(runtime.prepare(&spec).await.expect("prepare").start, StartMode::Armed);
        let (exit, output) = in_docker(&runtime, &spec, scratch.path()).await;
        assert_eq!(exit.code, Some(0), "{output}");
        for expected in [words, "in /bin", "Uid:\t1234\t1234", "Gid:\t1234\t1234"] {
            assert!(output.contains(expected), "{expected} in {output}");
        }
    }
}

#[tokio::test]
async fn a_release_that_was_only_written_down_has_not_happened() {
    let scratch = tempfile::tempdir().expect("directory");
    let Some((runtime, image)) = engine(scratch.path()).await else { return };
    let command = shell("echo once >>/artifacts/starts");
    let spec = spec(scratch.path(), &own(scratch.path(), "written"), in_container(&image, command));
    runtime.prepare(&spec).await.expect("prepare");
    // As a node leaves it that is killed just before it gives the word.
    let record = scratch.path().join("gates/runs").join(spec.run.as_str()).join("released");
    let long_ago = Timestamp::now() - SignedDuration::from_hours(1);
    std::fs::write(&record, long_ago.as_microsecond().to_string()).expect("write");
    let again = connect(scratch.path(), None).await.expect("engine");
    assert_eq!(again.state(&spec.run).await.expect("state"), RuntimeState::Prepared);
    assert_eq!(again.prepare(&spec).await.expect("prepare again").start, StartMode::Armed);
    let at = again.start(&spec.run).await.expect("start");
    assert!(at > long_ago + SignedDuration::from_mins(30), "{at}");
    assert_eq!(again.wait(&spec.run).await.expect("wait").code, Some(0));
    assert_eq!(again.start(&spec.run).await.expect("start again"), at);
    again.remove(&spec.run).await.expect("remove");
    assert_eq!(std::fs::read_to_string(spec.results.join("starts")).expect("starts"), "once\n");
    assert!(!record.exists());
}

#[tokio::test]
async fn a_held_container_that_was_killed_is_made_ready_anew_and_runs_once() {
    let scratch = tempfile::tempdir().expect("directory");
    let Some((runtime, image)) = engine(scratch.path()).await else { return };
    let command = shell("echo once >>/artifacts/starts");
    for prepared_again in [true, false] {
        let spec =
            spec(scratch.path(), &own(scratch.path(), "killed"), in_container(&image, command.clone()));
        runtime.prepare(&spec).await.expect("prepare");
        // As an engine does it that is stopped.
        docker_command(&["kill", &format!("leotest-{}", spec.run)]);
        eventually("it is gone", async || {
            runtime.state(&spec.run).await.expect("state") == RuntimeState::Absent
        })
        .await;
        if prepared_again {
            assert_eq!(runtime.prepare(&spec).await.expect("prepare again").start, StartMode::Armed);
            assert_eq!(runtime.state(&spec.run).await.expect("state"), RuntimeState::Prepared);
        }
        runtime.start(&spec.run).await.expect("start");
        assert_eq!(runtime.wait(&spec.run).await.expect("wait").code, Some(0));
        runtime.remove(&spec.run).await.expect("remove");
        assert_eq!(std::fs::read_to_string(spec.results.join("starts")).expect("starts"), "once\n");
        std::fs::remove_file(spec.results.join("starts")).expect("remove");
    }
}

#[tokio::test]
async fn nothing_is_held_beyond_the_end_of_its_window() {
    let scratch = tempfile::tempdir().expect("directory");
    let Some((runtime, image)) = engine(scratch.path()).await else { return };
    let mut spec =
        spec(scratch.path(), &own(scratch.path(), "forgotten"), in_container(&image, shell("echo")));
    spec.until = Some(Timestamp::now() + SignedDuration::from_secs(3));
    assert_eq!(runtime.prepare(&spec).await.expect("prepare").start, StartMode::Armed);
    eventually("it ends", async || runtime.state(&spec.run).await.expect("state") == RuntimeState::Absent)
        .await;
    runtime.remove(&spec.run).await.expect("remove");
}

#[tokio::test]
async fn a_container_whose_gate_does_not_work_is_started_at_its_instant() {
    let scratch = tempfile::tempdir().expect("directory");
    let Some((runtime, image)) = engine(scratch.path()).await else { return };
    std::fs::write(scratch.path().join("gates/gate"), "no program").expect("write");
    let spec = spec(scratch.path(), &own(scratch.path(), "plain"), in_container(&image, shell("exit 6")));
    assert_eq!(runtime.prepare(&spec).await.expect("prepare").start, StartMode::Plain);
    assert_eq!(runtime.prepare(&spec).await.expect("prepare again").start, StartMode::Plain);
    let (exit, _) = in_docker(&runtime, &spec, scratch.path()).await;
    assert_eq!(exit.code, Some(6));
}

#[tokio::test]
async fn what_was_found_under_the_images_name_runs_whatever_the_name_stands_for_later() {
    let scratch = tempfile::tempdir().expect("directory");
    let Some((runtime, _)) = engine(scratch.path()).await else { return };
    let image = format!("leoscope-test/{}:1", own(scratch.path(), "moving").as_str().to_lowercase());
    let build = async |content: &str| {
        let lines = format!("ENV CONTENT={content}\n");
        runtime.import_image(&image, image_context(&lines)).await.expect("build an image");
    };
    build("first").await;
    let spec =
        spec(scratch.path(), &own(scratch.path(), "pinned"), in_container(&image, shell("echo $CONTENT")));
    let pinned = runtime.prepare(&spec).await.expect("prepare").image;
    build("second").await;
    assert_eq!(runtime.prepare(&spec).await.expect("prepare again").image, pinned);
    let (_, output) = in_docker(&runtime, &spec, scratch.path()).await;
    assert_eq!(output, "first\n");
    docker_command(&["rmi", &image]);
}

#[tokio::test]
async fn images_that_cannot_be_had_and_names_that_are_taken_have_their_reasons() {
    let scratch = tempfile::tempdir().expect("directory");
    let Some((runtime, image)) = engine(scratch.path()).await else { return };
    let refused = async |runtime: &DockerRuntime, image: &str| {
        let spec = spec(scratch.path(), &own(scratch.path(), "refused"), in_container(image, shell("")));
        let outcome = runtime.prepare(&spec).await.expect_err("prepare");
        (outcome.stage, outcome.reason, outcome.message)
    };
    let never = DockerConfig { pull: PullPolicy::Never, ..DockerConfig::default() };
    let never = runtime.clone().with_config(never);
    let (stage, reason, message) = refused(&never, "localhost:1/lab/ping:1").await;
    assert_eq!((stage, reason), (Stage::ImagePull, Reason::ImageNotFound));
    assert!(message.contains("docker.pull is never"), "{message}");
    // The policy is followed even where the image is there.
    let always = DockerConfig { pull: PullPolicy::Always, ..DockerConfig::default() };
    docker_command(&["tag", &image, "localhost:1/leoscope-test/here:1"]);
    let (_, reason, _) =
        refused(&runtime.clone().with_config(always), "localhost:1/leoscope-test/here:1").await;
    assert_eq!(reason, Reason::ImageNotFound);
    docker_command(&["rmi", "localhost:1/leoscope-test/here:1"]);
    for name in ["Lab/Ping:1", "lab/ping:a:b", "../info", "a?b", "lab/ping@sha256:00"] {
        let (stage, reason, message) = refused(&runtime, name).await;
        assert_eq!((stage, reason), (Stage::ImagePull, Reason::ImageReferenceInvalid), "{message}");
        assert!(message.contains(name), "{message}");
    }
    let name = format!("leotest-{}", own(scratch.path(), "refused"));
    docker_command(&["create", "--name", &name, &image, "/bin/sh"]);
    let (stage, reason, message) = refused(&runtime, &image).await;
    docker_command(&["rm", &name]);
    assert_eq!((stage, reason), (Stage::Container, Reason::NameTaken), "{message}");
}

#[tokio::test]
async fn the_operator_says_what_containers_may_do_and_whom_they_know() {
    let scratch = tempfile::tempdir().expect("directory");
    let Some((runtime, image)) = engine(scratch.path()).await else { return };
    let text =
        "docker: {user: '1234:1234', capabilities: [NET_ADMIN], extra_hosts: ['iperf.example:192.0.2.7']}";
    let config = leoscope_core::model::ExecutorConfig::parse(text).expect("config").docker;
    assert_eq!(config.capabilities, [Capability::NetAdmin]);
    let runtime = runtime.with_config(config);
    let command = shell("cat /proc/self/status /etc/hosts");
    let mut spec = spec(scratch.path(), &own(scratch.path(), "operator"), in_container(&image, command));
    spec.network = Network::None;
    let (exit, output) = in_docker(&runtime, &spec, scratch.path()).await;
    assert_eq!(exit.code, Some(0));
    for expected in ["Uid:\t1234\t1234", "CapBnd:\t0000000000001000", "192.0.2.7\tiperf.example"] {
        assert!(output.contains(expected), "{expected} in {output}");
    }
}

#[tokio::test]
async fn a_named_network_is_made_and_removed_when_another_is_named() {
    let scratch = tempfile::tempdir().expect("directory");
    let Some((runtime, image)) = engine(scratch.path()).await else { return };
    let name = own(scratch.path(), "network").to_string();
    let mut spec =
        spec(scratch.path(), &own(scratch.path(), "on-network"), in_container(&image, shell("exit 0")));
    spec.network = Network::Named(name.clone());
    let (exit, _) = in_docker(&runtime, &spec, scratch.path()).await;
    assert_eq!(exit.code, Some(0));
    let labels = docker_command(&["network", "inspect", &name, "--format", "{{json .Labels}} {{.Driver}}"]);
    assert!(labels.contains("\"leotest\":\"true\"") && labels.trim().ends_with("bridge"), "{labels}");
    runtime.clear(&spec.network).await.expect("clear");
    assert!(docker_command(&["network", "ls"]).contains(&name), "the network in use is kept");
    runtime.clear(&Network::Host).await.expect("clear");
    assert!(!docker_command(&["network", "ls"]).contains(&name));
}

/// A registry that lets one user in and has no images; gives its address and what it was asked.
fn registry(login: &'static str) -> (String, std::sync::mpsc::Receiver<bool>) {
    use std::io::{BufRead, BufReader, Write};
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("listen");
    let address = listener.local_addr().expect("address").to_string();
    let (asked, answers) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        for connection in listener.incoming() {
            let mut connection = connection.expect("connection");
            let request = BufReader::new(connection.try_clone().expect("clone"));
            // The engine tries TLS first, which has no lines.
            let lines = request.lines().map_while(Result::ok).take_while(|line| !line.is_empty());
            let known = lines.filter(|line| line.trim_end().ends_with(login)).count() > 0;
            let (status, body) = if known {
                ("404 Not Found", r#"{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]}"#)
            } else {
                (
                    "401 Unauthorized",
                    r#"{"errors":[{"code":"UNAUTHORIZED","message":"authentication required"}]}"#,
                )
            };
            let answer = format!(
                "HTTP/1.1 {status}\r\nWWW-Authenticate: Basic realm=\"lab\"\r\nContent-Type: application/json\r\n\
                 Docker-Distribution-Api-Version: registry/2.0\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
                body.len()
            );
            // Whoever wanted TLS has gone, and the test may be over.
            let _ = connection.write_all(answer.as_bytes());
            let _ = asked.send(known);
        }
    });
    (address, answers)
}

#[tokio::test]
async fn the_operators_login_is_used_at_its_registry_and_shown_nowhere() {
    let scratch = tempfile::tempdir().expect("directory");
    let Some((runtime, _)) = engine(scratch.path()).await else { return };
    // "lab:correct horse", as it is sent.
    let (address, answers) = registry("bGFiOmNvcnJlY3QgaG9yc2U=");
    let image = format!("{address}/lab/ping:1");
    let spec = spec(scratch.path(), &own(scratch.path(), "login"), in_container(&image, shell("")));
    let file = scratch.path().join("password");
    std::fs::write(&file, "correct horse\n").expect("write");
    let logins = [
        String::new(),
        "username: lab, password: correct horse".into(),
        format!("username: lab, password_file: {}", file.display()),
    ];
    for login in logins {
        let text = if login.is_empty() { "{}".into() } else { format!("{{'{address}': {{{login}}}}}") };
        let config = leoscope_core::model::ExecutorConfig::parse(&format!("docker: {{registries: {text}}}"));
        let runtime = runtime.clone().with_config(config.expect("config").docker);
        let outcome = runtime.prepare(&spec).await.expect_err("prepare");
        let let_in = answers.try_iter().filter(|known| *known).count() > 0;
        let expected = if login.is_empty() { Reason::ImagePullDenied } else { Reason::ImageNotFound };
        assert_eq!((outcome.reason, let_in), (expected, !login.is_empty()), "{}", outcome.message);
        assert!(!outcome.message.contains("correct") && !format!("{runtime:?}").contains("correct"));
    }
    std::fs::remove_file(&file).expect("remove");
    let gone = format!(
        "docker: {{registries: {{'{address}': {{username: lab, password_file: {}}}}}}}",
        file.display()
    );
    let config = leoscope_core::model::ExecutorConfig::parse(&gone).expect("config").docker;
    let outcome = runtime.with_config(config).prepare(&spec).await.expect_err("prepare");
    assert_eq!(outcome.reason, Reason::ImagePullDenied);
    assert!(outcome.message.contains(&file.display().to_string()), "{}", outcome.message);
}

#[tokio::test]
async fn docker_lets_no_file_grow_beyond_the_disk_limit() {
    let scratch = tempfile::tempdir().expect("directory");
    let Some((runtime, image)) = engine(scratch.path()).await else { return };
    let command = shell("head -c 3000000 /dev/zero >$LEOTEST_RESULTS/file; exit $?");
    let mut spec = spec(scratch.path(), &run_id("large+1"), in_container(&image, command));
    spec.limits.disk = 1 << 20;
    let (exit, _) = in_docker(&runtime, &spec, scratch.path()).await;
    // 128 and the signal that says so; a container's first process gets an error instead.
    assert_eq!(exit.code, Some(128 + 25), "{exit:?}");
    assert_eq!(std::fs::metadata(spec.results.join("file")).expect("file").len(), 1 << 20);
}

#[tokio::test]
async fn docker_limits_the_outgoing_rate_on_a_network_of_the_container_s_own() {
    let scratch = tempfile::tempdir().expect("directory");
    let Some((runtime, image)) = engine(scratch.path()).await else { return };
    let mut spec = spec(scratch.path(), &run_id("slow+1"), in_container(&image, shell("sleep 600")));
    (spec.network, spec.limits.rate) = (Network::Bridge, Some(3_000_000));
    runtime.prepare(&spec).await.expect("prepare");
    let started = runtime.start(&spec.run).await;
    let pid = output("docker", &["inspect", "--format", "{{.State.Pid}}", "leotest-slow-1"]);
    let queues = output("nsenter", &["-t", &pid, "-n", "tc", "-s", "qdisc", "show", "dev", "eth0"]);
    runtime.remove(&spec.run).await.expect("remove");
    if let Err(outcome) = started {
        // Rather not at all than without the limit.
        assert_eq!((outcome.stage, outcome.reason), (Stage::Container, Reason::StartFailed));
        leoscope_tests::skipped("tc", &outcome.message);
        return;
    }
    assert!(queues.contains("qdisc tbf") && queues.contains("rate 3Mbit"), "{queues}");
}

fn output(program: &str, args: &[&str]) -> String {
    let output = Command::new(program).args(args).output().expect(program);
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

#[tokio::test]
async fn docker_tells_what_a_container_moves_on_a_network_of_its_own_alone() {
    let scratch = tempfile::tempdir().expect("directory");
    let Some((runtime, image)) = engine(scratch.path()).await else { return };
    // A packet to the engine's bridge, which is this machine.
    let ping = "/bin/busybox route -n | while read -r to via rest; do \\
                [ $to = 0.0.0.0 ] && /bin/busybox ping -c 1 -W 5 -s 1000 $via; done; ";
    for (network, script, told) in
        [(Network::Bridge, ping, true), (Network::None, "", true), (Network::Host, "", false)]
    {
        let command = shell(&format!("{script}>$LEOTEST_RESULTS/done; sleep 600"));
        let mut spec = spec(scratch.path(), &own(scratch.path(), "moves"), in_container(&image, command));
        spec.network = network.clone();
        let file = spec.results.join("done");
        let _ = std::fs::remove_file(&file);
        runtime.prepare(&spec).await.expect("prepare");
        runtime.start(&spec.run).await.expect("start");
        eventually("the packet is sent", async || file.exists()).await;
        let moved = runtime.traffic(&spec.run).await;
        runtime.remove(&spec.run).await.expect("remove");
        let moved = moved.expect("traffic");
        assert_eq!(moved.is_some(), told, "{network:?}");
        let least = if network == Network::Bridge { 1_000 } else { 0 };
        assert!(moved.is_none_or(|moved| moved.sent >= least && moved.received >= least), "{moved:?}");
    }
}
