//! Starts the real server and sends requests as different callers.
pub mod backend;
pub mod browser;
pub mod canary;
mod carrel;
mod client;
pub mod disk;
pub mod hostile;
pub mod import_check;
pub mod ledger;
pub mod model_server;
pub mod namespace;
pub mod openapi;
pub mod random;
mod server;
pub mod visitor;

pub use backend::{Backend, Mode};
pub use carrel::{Carrel, Output};
pub use client::send;
pub use client::{Answer, Client};
pub use server::{KEY, Options, TestServer};
