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
}
