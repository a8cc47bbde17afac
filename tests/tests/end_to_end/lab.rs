//! A testbed of real processes in a temporary directory.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use leoscope_core::time::{SignedDuration, Timestamp, wire_time};
use leoscope_tests::{free_port, logs};
use serde_json::Value;

/// How long something may take that usually takes seconds.
const PATIENCE: Duration = Duration::from_secs(60);

/// A binary of the workspace, built with the tests.
pub(crate) fn binary(name: &str) -> PathBuf {
    let tests = std::env::current_exe().expect("test program");
    let path = tests.parent().and_then(Path::parent).expect("target directory").join(name);
    assert!(path.exists(), "{} is not there: build the workspace first", path.display());
    path
}

/// Asks `found` again and again until it has an answer.
pub(crate) fn eventually<T>(what: &str, found: impl FnMut() -> Option<T>) -> T {
    within(PATIENCE, what, found)
}

/// The same for what takes longer.
pub(crate) fn within<T>(patience: Duration, what: &str, mut found: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(answer) = found() {
            return answer;
        }
        assert!(begun.elapsed() < patience, "waited too long for {what}");
        std::thread::park_timeout(Duration::from_millis(50));
    }
}

/// A child process that is killed with its owner.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    log: PathBuf,
    /// Where in the log this process begins; one before it may have written to the same file.
    begins: usize,
}

impl Process {
    pub(crate) fn spawn(command: &mut Command, log: PathBuf) -> Self {
        let file = File::options().create(true).append(true).open(&log).expect("log");
        let begins = usize::try_from(file.metadata().expect("log").len()).expect("length");
        if logs::directory().is_some() {
            command.env("LEOSCOPE_LOG", "trace");
        }
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(file).spawn().expect("spawn");
        Self { child, log, begins }
    }

    /// SIGKILL.
    pub(crate) fn kill(&mut self) {
        self.child.kill().expect("kill");
        self.child.wait().expect("wait");
    }

    /// SIGTERM, and waits for the end.
    pub(crate) fn terminate(&mut self) -> ExitStatus {
        self.signal("-TERM");
        self.child.wait().expect("wait")
    }

    /// Waits for its end.
    pub(crate) fn wait(&mut self) -> ExitStatus {
        self.child.wait().expect("wait")
    }

    pub(crate) fn signal(&self, signal: &str) {
        assert!(
            Command::new("kill").args([signal, &self.id().to_string()]).status().expect("kill").success()
        );
    }

    /// The process id.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn wait_for_log(&self, text: &str) {
        let begun = Instant::now();
        let written = || fs::read(&self.log).unwrap_or_default().split_off(self.begins);
        let log = || String::from_utf8_lossy(&written()).into_owned();
        while !log().contains(text) {
            assert!(begun.elapsed() < PATIENCE, "waited too long for {text:?} in\n{}", log());
            std::thread::park_timeout(Duration::from_millis(50));
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended before.
        let _ = self.child.kill();
        let _ = self.child.wait();
        logs::keep(&self.log);
    }
}

/// What a command of the CLI did.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) success: bool,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// An orchestrator, a node and user `researcher-1`.
///
/// The node has an id of its own, as nodes that share a container engine must.
pub(crate) struct Lab {
    pub(crate) node: Process,
    pub(crate) orchestrator: Process,
    pub(crate) dir: tempfile::TempDir,
    pub(crate) port: u16,
    pub(crate) node_id: String,
    pub(crate) node_token: String,
    runtime: &'static str,
    host: &'static str,
    token: String,
    more: Vec<String>,
}

/// What is special about a lab.
#[derive(Clone, Copy)]
pub(crate) struct Setup<'a> {
    /// Where the orchestrator listens.
    pub(crate) host: &'static str,
    /// What runs the experiments of the node.
    pub(crate) runtime: &'static str,
    /// The node's executor config.
    pub(crate) executor: &'a str,
    /// Further options of the node; in them `{dir}` is the lab's directory, in which the file
    /// `node-token` holds the node's token.
    pub(crate) more: &'a [&'a str],
}

impl Default for Setup<'_> {
    fn default() -> Self {
        Self { host: "127.0.0.1", runtime: "process", executor: "", more: &[] }
    }
}

impl Lab {
    pub(crate) fn start(runtime: &'static str) -> Self {
        Self::build(Setup { runtime, ..Setup::default() })
    }

    /// With an orchestrator that listens on `host`.
    pub(crate) fn start_on(host: &'static str, runtime: &'static str) -> Self {
        Self::build(Setup { host, runtime, ..Setup::default() })
    }

    /// With an executor config for the node.
    pub(crate) fn start_with(runtime: &'static str, executor: &str) -> Self {
        Self::build(Setup { runtime, executor, ..Setup::default() })
    }

    pub(crate) fn build(setup: Setup<'_>) -> Self {
        let Setup { host, runtime, executor, more } = setup;
        let dir = tempfile::tempdir().expect("directory");
        fs::write(dir.path().join("executor.yaml"), executor).expect("executor config");
        let port = free_port();
        let orchestrator = spawn_orchestrator(dir.path(), host, port);
        let admin = fs::read_to_string(dir.path().join("orchestrator/admin-token")).expect("admin token");
        logs::plant(admin.trim());
        let register = |args: &[&str]| {
            let outcome = cli(dir.path(), port, "admin", admin.trim(), args);
            assert!(outcome.success, "{args:?}: {outcome:?}");
            let token = outcome.stdout.trim().to_owned();
            logs::plant(token.split_whitespace().last().unwrap_or_default());
            token
        };
        let node_id = format!("node-{port}");
        let id = format!("--nodeid={node_id}");
        let node_token = register(&["node", "register", &id, "--coords=47.6062,-122.3321"]);
        let token = register(&["user", "register", "--id=researcher-1", "--name=Researcher", "--role=USER"]);
        fs::write(dir.path().join("node-token"), &node_token).expect("token");
        let more: Vec<String> =
            more.iter().map(|option| option.replace("{dir}", &dir.path().display().to_string())).collect();
        let node = spawn_node(dir.path(), port, &node_id, runtime, &node_token, &more);
        node.wait_for_log("new orders");
        Self { node, orchestrator, dir, port, node_id, runtime, host, token, node_token, more }
    }

    /// Registers and starts another node, with further options.
    pub(crate) fn node_beside(&self, name: &str, runtime: &str, more: &[&str]) -> (Process, String) {
        let admin =
            fs::read_to_string(self.dir.path().join("orchestrator/admin-token")).expect("admin token");
        let id = format!("{}-{name}", self.node_id);
        let register = ["node", "register", &format!("--nodeid={id}")];
        let outcome = cli(self.dir.path(), self.port, "admin", admin.trim(), &register);
        assert!(outcome.success, "{outcome:?}");
        let token = outcome.stdout.split_whitespace().last().unwrap_or_default().to_owned();
        logs::plant(&token);
        let process = Process::spawn(
            Command::new(binary("leoscope-node"))
                .args(["--nodeid", &id, "--runtime", runtime, "--grpc-port", &self.port.to_string()])
                .arg("--tls-cert")
                .arg(self.dir.path().join("orchestrator/certs/server.crt"))
                .arg("--state-dir")
                .arg(self.dir.path().join(name))
                .args(more)
                .env("LEOSCOPE_ACCESS_TOKEN", token),
            self.dir.path().join(format!("{name}.log")),
        );
        process.wait_for_log("new orders");
        (process, id)
    }

    /// The node's access token.
    pub(crate) fn node_token(&self) -> &str {
        self.node_token.rsplit(['=', ' ']).next().unwrap_or_default()
    }

    pub(crate) fn start_node(&mut self) {
        let Self { dir, port, node_id, node_token, runtime, more, .. } = self;
        self.node = spawn_node(dir.path(), *port, node_id, runtime, node_token, more);
    }

    pub(crate) fn start_orchestrator(&mut self) {
        self.orchestrator = spawn_orchestrator(self.dir.path(), self.host, self.port);
    }

    /// What an orchestrator says that cannot start.
    pub(crate) fn orchestrator_fails(&self, state: &Path, port: u16) -> String {
        let output = Command::new(binary("leoscope-orchestrator"))
            .env("LEOSCOPE_ELEMENTS", "none")
            .args(["--grpc-port", &port.to_string(), "--state-dir"])
            .arg(state)
            .output()
            .expect("run");
        assert!(!output.status.success());
        String::from_utf8_lossy(&output.stderr).into_owned()
    }

    pub(crate) fn write(&self, name: &str, text: &str) -> String {
        let path = self.dir.path().join(name);
        fs::write(&path, text).expect("write");
        path.display().to_string()
    }

    /// Books a one-time job that starts in some seconds.
    pub(crate) fn schedule(&self, job: &str, config: &str, start_in: i64, length: i64) {
        self.schedule_with(job, config, start_in, length, &[]);
    }

    /// Books one with further options; in them `+1h` is an hour after its start.
    pub(crate) fn schedule_with(&self, job: &str, config: &str, start_in: i64, length: i64, more: &[&str]) {
        let start = Timestamp::now().checked_add(SignedDuration::from_secs(start_in)).expect("time");
        self.schedule_from(job, config, start, length, more);
    }

    /// Books a one-time job that needs no link for itself and starts at `start`.
    pub(crate) fn schedule_at(&self, job: &str, config: &str, start: Timestamp, length: i64) {
        self.schedule_from(job, config, start, length, &["--no-overhead"]);
    }

    fn schedule_from(&self, job: &str, config: &str, start: Timestamp, length: i64, more: &[&str]) {
        let config = self.write(&format!("{job}.yaml"), config);
        let hour_later = wire_time(start + SignedDuration::from_hours(1));
        let more: Vec<String> = more.iter().map(|option| option.replace("+1h", &hour_later)).collect();
        let own = format!("--nodeid={}", self.node_id);
        let is_elsewhere = more.iter().any(|option| option.starts_with("--nodeid="));
        let options = [
            "job",
            "--action=schedule",
            own.as_str(),
            &format!("--jobid={job}"),
            "--type=atq",
            &format!("--start-date={}", wire_time(start)),
            &format!("--length={length}"),
            &format!("--exp-config={config}"),
        ]
        .map(str::to_owned);
        let options = options.iter().filter(|option| !is_elsewhere || **option != own);
        let options: Vec<&str> = options.chain(&more).map(String::as_str).collect();
        self.cli_ok(&options);
    }

    /// Runs `leoscope` as the administrator, which must succeed.
    pub(crate) fn as_admin(&self, args: &[&str]) -> String {
        let token =
            fs::read_to_string(self.dir.path().join("orchestrator/admin-token")).expect("admin token");
        let outcome = cli(self.dir.path(), self.port, "admin", token.trim(), args);
        assert!(outcome.success, "{args:?}: {outcome:?}");
        outcome.stdout
    }

    /// Registers a node and gives its access token.
    pub(crate) fn register_node(&self, id: &str) -> String {
        let token = self.as_admin(&["node", "register", &format!("--nodeid={id}")]).trim().to_owned();
        logs::plant(token.split_whitespace().last().unwrap_or_default());
        token
    }

    /// Runs `leoscope` as the researcher.
    pub(crate) fn cli(&self, args: &[&str]) -> Outcome {
        cli(self.dir.path(), self.port, "researcher-1", &self.token, args)
    }

    /// `leoscope` as the researcher, by way of this port.
    pub(crate) fn cli_by(&self, port: u16, args: &[&str]) -> Command {
        command(self.dir.path(), port, "researcher-1", &self.token, args)
    }

    /// Runs a shell script as the researcher, with the programs of the workspace.
    pub(crate) fn shell(&self, script: &str) -> Outcome {
        let programs = binary("leoscope").parent().expect("directory").display().to_string();
        let mut command = Command::new("bash");
        command.args(["-euc", script]).current_dir(self.dir.path()).env_clear();
        command.env("PATH", format!("{programs}:/usr/bin:/bin"));
        settings(&mut command, self.dir.path(), self.port, "researcher-1", &self.token);
        outcome(&command.output().expect("bash"))
    }

    /// The id of the newest run of a job, as soon as it is COMPLETED and its results are there.
    pub(crate) fn completed(&self, job: &str) -> String {
        eventually("a completed run", || {
            let runs = self.cli_ok(&["run", "get", &format!("--jobid={job}"), "--output=json"]);
            let runs: Value = serde_json::from_str(&runs).expect("runs");
            let run = runs.as_array()?.first()?;
            let is_over = run["status"] == "COMPLETED" && run["results"] == true;
            is_over.then(|| run["id"].as_str().expect("id").to_owned())
        })
    }

    /// Gives `command` the environment of the researcher, or of the administrator; its home stays.
    pub(crate) fn settings_of(&self, command: &mut Command, as_admin: bool) {
        let dir = self.dir.path();
        let admin = || fs::read_to_string(dir.join("orchestrator/admin-token")).expect("admin token");
        let (user, token) = if as_admin {
            ("admin", admin().trim().to_owned())
        } else {
            ("researcher-1", self.token.clone())
        };
        settings(command, dir, self.port, user, &token);
    }

    /// Runs `leoscope`, which must succeed, and gives what it printed.
    pub(crate) fn cli_ok(&self, args: &[&str]) -> String {
        let outcome = self.cli(args);
        assert!(outcome.success, "{args:?}: {outcome:?}");
        outcome.stdout
    }

    pub(crate) fn runs(&self, job: &str) -> Vec<Value> {
        let text = self.cli_ok(&["run", "get", &format!("--jobid={job}"), "--output=json"]);
        serde_json::from_str(&text).expect("json")
    }

    /// The one run of a job, as soon as it is as wished.
    pub(crate) fn wait_for_run(&self, job: &str, what: &str, wished: impl Fn(&Value) -> bool) -> Value {
        eventually(&format!("the run of {job} {what}"), || self.runs(job).into_iter().find(&wished))
    }

    /// A run of a job that is as wished, which takes long by its nature.
    pub(crate) fn wait_long_for_run(
        &self,
        job: &str,
        patience: Duration,
        wished: impl Fn(&Value) -> bool,
    ) -> Value {
        within(patience, &format!("a run of {job}"), || self.runs(job).into_iter().find(&wished))
    }

    /// Downloads the results of the one run of a job and gives their directory.
    pub(crate) fn download(&self, job: &str) -> PathBuf {
        let target = self.dir.path().join("results");
        self.cli_ok(&[
            "run",
            "download",
            &format!("--jobid={job}"),
            &format!("--local-path={}", target.display()),
        ]);
        let mut runs: Vec<_> = fs::read_dir(target.join(job)).expect("results").flatten().collect();
        assert_eq!(runs.len(), 1, "{runs:?}");
        runs.remove(0).path()
    }
}

fn command(dir: &Path, port: u16, user: &str, token: &str, args: &[&str]) -> Command {
    let mut command = Command::new(binary("leoscope"));
    settings(command.args(args).current_dir(dir).env_clear(), dir, port, user, token);
    command
}

/// The environment that `leoscope` reads.
fn settings(command: &mut Command, dir: &Path, port: u16, user: &str, token: &str) {
    command
        .env("HOME", dir)
        .env("LEOSCOPE_USERID", user)
        .env("LEOSCOPE_ACCESS_TOKEN", token)
        .env("LEOSCOPE_GRPC_PORT", port.to_string())
        .env("LEOSCOPE_TLS_CERT", dir.join("orchestrator/certs/server.crt"));
}

fn cli(dir: &Path, port: u16, user: &str, token: &str, args: &[&str]) -> Outcome {
    let output = command(dir, port, user, token, args).output().expect("run leoscope");
    outcome(&output)
}

fn outcome(output: &std::process::Output) -> Outcome {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Outcome { success: output.status.success(), stdout: text(&output.stdout), stderr: text(&output.stderr) }
}

fn spawn_orchestrator(dir: &Path, host: &str, port: u16) -> Process {
    let process = Process::spawn(
        Command::new(binary("leoscope-orchestrator"))
            .env("LEOSCOPE_ELEMENTS", "none")
            .args(["--grpc-hostname", host, "--grpc-port", &port.to_string(), "--state-dir"])
            .arg(dir.join("orchestrator")),
        dir.join("orchestrator.log"),
    );
    process.wait_for_log("orchestrator is listening");
    process
}

fn spawn_node(dir: &Path, port: u16, id: &str, runtime: &str, token: &str, more: &[String]) -> Process {
    Process::spawn(
        Command::new(binary("leoscope-node"))
            .args(["--nodeid", id, "--runtime", runtime, "--grpc-port", &port.to_string()])
            .arg("--tls-cert")
            .arg(dir.join("orchestrator/certs/server.crt"))
            .arg("--state-dir")
            .arg(dir.join("node"))
            .arg("--executor-config")
            .arg(dir.join("executor.yaml"))
            .args(more)
            .env("LEOSCOPE_ACCESS_TOKEN", token),
        dir.join("node.log"),
    )
}
