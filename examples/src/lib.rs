//! Programs under `examples/` and experiments under `experiments/`; tests read them from here.

/// An experiment that measures latency.
pub const LATENCY_EXPERIMENT: &str = include_str!("../experiments/latency/experiment-config.yaml");

/// A node's executor config.
pub const EXECUTOR_CONFIG: &str = include_str!("../experiments/executor-config.yaml");

#[cfg(test)]
mod tests {
    use leoscope_core::model::{ExecutorConfig, ExperimentConfig};

    #[test]
    fn the_example_configs_are_valid() {
        let experiment = ExperimentConfig::parse(super::LATENCY_EXPERIMENT).expect("experiment");
        assert!(experiment.docker.is_some() && experiment.process.is_some());
        let executor = ExecutorConfig::parse(super::EXECUTOR_CONFIG).expect("executor");
        assert_eq!(executor.limits.memory, 512 << 20);
    }

    #[test]
    fn the_manual_shows_the_example_as_it_is() {
        let manual = include_str!("../../docs/operating-a-node.md");
        assert!(manual.contains(&format!("```yaml\n{}```", super::EXECUTOR_CONFIG)));
    }

    #[test]
    fn the_example_of_the_manual_is_read_as_it_says() {
        let manual = include_str!("../../docs/experiments.md");
        let example = manual.split("```yaml\n").nth(1).and_then(|rest| rest.split("```").next());
        let experiment = ExperimentConfig::parse(example.expect("an example")).expect("experiment");
        assert_eq!(experiment.docker.expect("docker").ports.len(), 3);
        assert_eq!(experiment.process.expect("process").len(), 3);
        assert_eq!(experiment.environment["ROUNDS"], "3");
        for example in manual.split("```yaml\n").skip(1) {
            let example = example.split("```").next().expect("its end");
            ExperimentConfig::parse(example).expect(example);
        }
        let limits = experiment.limits;
        assert_eq!((limits.memory, limits.cpus, limits.pids), (Some(256 << 20), Some(0.5), Some(100)));
        assert_eq!((limits.disk, limits.rate), (Some(200 << 20), Some(5_000_000)));
    }
}
