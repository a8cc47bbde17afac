//! The orchestrator over the network.
