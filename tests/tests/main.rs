//! One test binary: the modules mirror what a client can do.
mod access;
mod backup;
mod bad_input;
mod command_line;
mod compat;
mod conversations;
mod documents;
mod keys;
mod lifecycle;
mod main_job;
mod oversight;
mod people;
mod printed;
mod protocol;
mod sign_in;
mod threads;
mod workspaces;
