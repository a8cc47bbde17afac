//! A client and a server on two nodes, each in a network of its own, with a link between them.

use std::process::{Command, Stdio};

use leoscope_tests::skipped;
use serde_json::Value;

use crate::lab::{Lab, Process, binary, eventually};

/// What both sides of the experiment do.
fn experiment(secs: u32) -> String {
    format!(
        "process:\n  command: |\n    if [ \"$LEOTEST_SERVER\" = 1 ]; then\n      exec iperf3 -s -B $LEOTEST_SERVERIP\n    fi\n    iperf3 -c $LEOTEST_SERVERIP -t {secs} --snd-timeout 2000 -J --logfile measured.json\n    # It exits with 0 whatever happens when it writes JSON.\n    ! grep error measured.json\n"
    )
}

/// Runs `ip` with these words.
fn ip(words: &str) -> bool {
    let mut ip = Command::new("ip");
    ip.args(words.split(' ')).stdout(Stdio::null()).stderr(Stdio::null());
    ip.status().is_ok_and(|status| status.success())
}

/// Two network namespaces that are joined with each other by `data`, and with this machine by
/// `control`. They are removed with it.
struct Networks {
    names: [String; 2],
    /// The first two bytes of all addresses.
    net: String,
}

impl Networks {
    fn new() -> Option<Self> {
        let number = std::process::id();
        let networks = Self {
            names: ["a", "b"].map(|side| format!("leo{number}{side}")),
            net: format!("10.{}", 128 + number % 100),
        };
        let names = &networks.names;
        if !ip(&format!("netns add {}", names[0])) {
            return None;
        }
        assert!(ip(&format!("netns add {}", names[1])));
        let net = &networks.net;
        for (side, name) in names.iter().enumerate() {
            let outer = format!("lc{number}{side}");
            for words in [
                format!("link add {outer} type veth peer name control netns {name}"),
                format!("addr add {net}.{side}.1/24 dev {outer}"),
                format!("link set {outer} up"),
                format!("-n {name} addr add {net}.{side}.2/24 dev control"),
                format!("-n {name} link set control up"),
                format!("-n {name} link set lo up"),
            ] {
                assert!(ip(&words), "ip {words}");
            }
        }
        assert!(ip(&format!("-n {} link add data type veth peer name data netns {}", names[0], names[1])));
        for (side, name) in names.iter().enumerate() {
            assert!(ip(&format!("-n {name} addr add {} dev data", networks.data(side) + "/24")));
            assert!(ip(&format!("-n {name} link set data up")));
        }
        Some(networks)
    }

    /// The address of a side on the link between both.
    fn data(&self, side: usize) -> String {
        format!("{}.9.{}", self.net, side + 1)
    }

    /// Takes a link of a side down or up.
    fn set(&self, side: usize, link: &str, state: &str) {
        assert!(ip(&format!("-n {} link set {link} {state}", self.names[side])));
    }

    /// A node of the lab in the network of a side.
    fn node(&self, lab: &Lab, side: usize) -> Process {
        let id = format!("side-{side}");
        let token = lab.register_node(&id);
        Process::spawn(
            Command::new("ip")
                .args(["netns", "exec", &self.names[side]])
                .arg(binary("leoscope-node"))
                .args(["--nodeid", &id, "--runtime", "process", "--grpc-port", &lab.port.to_string()])
                .args(["--grpc-host", &format!("{}.{side}.1", self.net)])
                .args(["--address", &self.data(side)])
                .arg("--tls-cert")
                .arg(lab.dir.path().join("orchestrator/certs/server.crt"))
                .arg("--state-dir")
                .arg(lab.dir.path().join(&id))
                .env("LEOSCOPE_ACCESS_TOKEN", token),
            lab.dir.path().join(format!("{id}.log")),
        )
    }
}

impl Drop for Networks {
    fn drop(&mut self) {
        for name in &self.names {
            ip(&format!("netns del {name}"));
        }
    }
}

/// The records of a job's client and server, as soon as both are as wished.
fn sides(lab: &Lab, job: &str, what: &str, wished: impl Fn(&Value) -> bool) -> (Value, Value) {
    eventually(&format!("both sides of {job} {what}"), || {
        let runs = lab.runs(job);
        let find = |node: &str| runs.iter().find(|run| run["node"] == node && wished(run)).cloned();
        find("side-0").zip(find("side-1"))
    })
}

#[test]
fn a_client_measures_against_a_server_on_another_node_until_the_link_is_cut() {
    let Some(networks) = Networks::new() else {
        return skipped("netns", "network namespaces cannot be made");
    };
    let lab = Lab::start_on("0.0.0.0", "process");
    let nodes = [networks.node(&lab, 0), networks.node(&lab, 1)];
    for node in &nodes {
        node.wait_for_log("new orders");
    }
    let pair = ["--nodeid=side-0", "--server=side-1"];
    let has_results = |run: &Value| run["results"] == true;

    lab.schedule_with("whole", &experiment(2), 8, 20, &pair);
    let (client, server) = sides(&lab, "whole", "to end with results", has_results);
    assert_eq!((&client["status"], &client["exit_code"]), (&"COMPLETED".into(), &0.into()), "{client:#}");
    assert_eq!(
        (&server["status"], &server["reason"]),
        (&"COMPLETED".into(), &"PEER_ENDED".into()),
        "{server:#}"
    );
    assert_eq!(server["id"], format!("{}_server", client["id"].as_str().expect("id")));
    let time = |run: &Value| run["started"].as_str().expect("start").to_owned();
    assert!(time(&server) < time(&client), "the server was first");
    let measured = |lab: &Lab, job: &str, run: &Value| {
        let id = format!("--runid={}", run["id"].as_str().expect("id"));
        let target = lab.dir.path().join("results");
        lab.cli_ok(&["run", "download", &id, &format!("--local-path={}", target.display())]);
        target.join(job).join(run["id"].as_str().expect("id"))
    };
    let file = measured(&lab, "whole", &client).join("measured.json");
    let report: Value =
        serde_json::from_str(&std::fs::read_to_string(file).expect("measured")).expect("a report of iperf3");
    assert!(report["end"]["sum_received"]["bytes"].as_f64().expect("bytes") > 1e6, "{report:#}");
    let output = measured(&lab, "whole", &server).join("stdout.log");
    assert!(std::fs::read_to_string(output).expect("output").contains("Accepted connection"));

    // The link between both is cut while the client measures: it fails, and the server hears of it.
    lab.schedule_with("cut", &experiment(60), 8, 120, &pair);
    lab.wait_for_run("cut", "to measure", |run| run["phase"] == "EXECUTE" && run["node"] == "side-0");
    networks.set(0, "data", "down");
    let (client, server) = sides(&lab, "cut", "to end with results", has_results);
    assert_eq!(
        (&client["status"], &client["reason"]),
        (&"FAILED".into(), &"CONTAINER_EXIT_NONZERO".into()),
        "{client:#}"
    );
    assert_eq!(
        (&server["status"], &server["reason"]),
        (&"COMPLETED".into(), &"PEER_ENDED".into()),
        "{server:#}"
    );
    networks.set(0, "data", "up");

    // Everything of the client is cut, its way to the orchestrator too: both end in time, each by
    // itself, and what the client has to say arrives later.
    lab.schedule_with("gone", &experiment(60), 8, 15, &pair);
    lab.wait_for_run("gone", "to measure", |run| run["phase"] == "EXECUTE" && run["node"] == "side-0");
    networks.set(0, "data", "down");
    networks.set(0, "control", "down");
    let server = lab.wait_for_run("gone", "to end at the server", |run| {
        run["node"] == "side-1" && run["results"] == true
    });
    assert_eq!(
        (&server["status"], &server["reason"]),
        (&"COMPLETED".into(), &"LENGTH_REACHED".into()),
        "{server:#}"
    );
    networks.set(0, "control", "up");
    let (client, _) = sides(&lab, "gone", "to end with results", has_results);
    assert_eq!(client["status"], "FAILED", "{client:#}");
}
