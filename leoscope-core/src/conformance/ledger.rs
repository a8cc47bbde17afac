//! Cases for the ledger port.
