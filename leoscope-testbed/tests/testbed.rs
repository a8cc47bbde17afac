//! A testbed in a process that is not the command line.

use std::collections::BTreeSet;
use std::path::Path;

use leoscope_core::ErrorKind;
use leoscope_core::client::GrpcClient;
use leoscope_core::ids::UserId;
use leoscope_core::model::{ExperimentConfig, NodeFilter};
use leoscope_core::ports::ControlPlane as _;
use leoscope_testbed::{RESEARCHER, RuntimeChoice, Testbed, TestbedConfig, TestbedNode};

#[tokio::test(flavor = "multi_thread")]
async fn several_nodes_run_at_once_and_are_taken_up_again() {
    let dir = tempfile::tempdir().expect("directory");
    let config = TestbedConfig {
        runtime: RuntimeChoice::Process,
        nodes: TestbedNode::all(),
        ..TestbedConfig::new(dir.path())
    };
    for start in ["first", "second"] {
        // It may be started from any thread.
        let started = tokio::spawn(Testbed::start(config.clone())).await.expect("task");
        let testbed = started.unwrap_or_else(|error| panic!("{start} start: {error}"));
        let listed = testbed.researcher.nodes(&NodeFilter::default()).await.expect("nodes");
        let listed: BTreeSet<_> = listed.iter().map(|node| node.id.as_str()).collect();
        assert_eq!(listed, BTreeSet::from(["node-berlin", "node-seattle", "node-sydney"]));
        for state in ["node/node.db", "nodes/node-berlin/node.db", "nodes/node-sydney/node.db"] {
            assert!(dir.path().join(state).exists(), "{state}");
        }
        for file in [&testbed.admin_token, &testbed.researcher_token, &testbed.certificate] {
            assert!(file.exists(), "{}", file.display());
        }

        let admin = GrpcClient::connect(testbed.as_admin.clone()).expect("client");
        let id = UserId::parse(RESEARCHER).expect("id");
        assert_eq!(admin.user(&id).await.expect("user").expect("registered").id, id);
        let researcher = GrpcClient::connect(testbed.as_researcher.clone()).expect("client");
        let refused = researcher.delete_user(&id).await.expect_err("not the administrator");
        assert_eq!(refused.kind(), ErrorKind::PermissionDenied);

        let experiment = testbed.latency_experiment(1, Path::new("/bin/true")).await.expect("experiment");
        let process = ExperimentConfig::parse(&experiment).expect("config").process.expect("process");
        let target = format!("127.0.0.1:{}", testbed.port);
        assert_eq!(process[..4], ["/bin/true", "probe", "--target", &target]);
        testbed.stop().await.expect("stopped");
    }
}

#[tokio::test]
async fn a_testbed_needs_a_node() {
    let dir = tempfile::tempdir().expect("directory");
    let config = TestbedConfig { nodes: Vec::new(), ..TestbedConfig::new(dir.path().join("new")) };
    let error = Testbed::start(config).await.expect_err("no node");
    assert_eq!(error.kind(), ErrorKind::InvalidArgument);
    assert!(!dir.path().join("new").exists(), "nothing is made");
}
