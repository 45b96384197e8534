//! One test binary: the modules mirror what a client can do.
mod access;
mod bad_input;
mod command_line;
mod documents;
mod lifecycle;
mod main_job;
mod protocol;
mod workspaces;
