//! What a node sets on its host for experiments: routes, and kernel settings.

mod kernel;
mod namespace;
mod real;
mod routes;
mod world;
