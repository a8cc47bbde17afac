//! What a node sets on its host for experiments: routes, and kernel settings.

#![expect(clippy::print_stdout, reason = "the case that failed is the last one named")]

mod kernel;
mod namespace;
mod real;
mod routes;
mod world;
