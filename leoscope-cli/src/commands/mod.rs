//! The commands: what they take, and the one or two calls they make.

pub(crate) mod audit;
pub(crate) mod completions;
pub(crate) mod config;
pub(crate) mod demo;
pub(crate) mod dev;
pub(crate) mod doctor;
pub(crate) mod job;
pub(crate) mod login;
pub(crate) mod man;
pub(crate) mod node;
pub(crate) mod orbit;
pub(crate) mod probe;
pub(crate) mod profile;
pub(crate) mod run;
pub(crate) mod services;
pub(crate) mod trigger;
pub(crate) mod user;

#[cfg(test)]
mod tests;
