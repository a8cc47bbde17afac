//! How much clients may ask for.

use std::num::NonZeroU32;
use std::time::Duration;

use clap::Args;
use leoscope_orchestrator::Limits;

#[derive(Debug, Args)]
#[command(next_help_heading = "Limits")]
pub(crate) struct LimitArgs {
    /// The largest request in bytes
    #[arg(long, value_name = "BYTES", default_value_t = 4 << 20)]
    #[arg(value_parser = clap::value_parser!(u32).range(1 << 16..=1 << 30))]
    max_request_bytes: u32,
    /// The most connections at once
    #[arg(long, value_name = "COUNT", default_value_t = 16_384)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..))]
    max_connections: u32,
    /// The most calls that are worked on at once
    #[arg(long, value_name = "COUNT", default_value_t = 1_024)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..))]
    max_calls: u32,
    /// How long a call may take, in seconds; transfers take as long as they take
    #[arg(long, value_name = "SECONDS", default_value_t = 30)]
    #[arg(value_parser = clap::value_parser!(u16).range(1..))]
    call_timeout: u16,
    /// How many calls a second each caller may make, and ten times as many at once; 0 for any number
    #[arg(long, value_name = "CALLS", default_value_t = 100)]
    rate_limit: u32,
}

impl From<LimitArgs> for Limits {
    fn from(args: LimitArgs) -> Self {
        let LimitArgs { max_request_bytes, max_connections, max_calls, call_timeout, rate_limit } = args;
        Self {
            request_bytes: max_request_bytes as usize,
            connections: max_connections as usize,
            concurrent_calls: max_calls as usize,
            call_timeout: Duration::from_secs(call_timeout.into()),
            calls_per_second: NonZeroU32::new(rate_limit),
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Program {
        #[command(flatten)]
        limits: LimitArgs,
    }

    #[test]
    fn the_defaults_are_those_of_the_library() {
        assert_eq!(Limits::from(Program::parse_from(["p"]).limits), Limits::default());
        let open = Program::parse_from(["p", "--rate-limit=0"]);
        assert_eq!(Limits::from(open.limits).calls_per_second, None);
    }
}
