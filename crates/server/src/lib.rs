//! The `carrel` program: configuration, wiring, startup, shutdown and the command line. The one
//! place that names concrete adapters and reads the environment.
mod cli;
mod commands;
pub mod config;
mod files;
mod index;
mod logging;
mod metrics;
mod models;
mod native;
mod pages;
mod refresh;
mod serve;
mod settings;
mod speech_models;
pub mod storage;
mod storage_layout;
mod terminal;
#[cfg(feature = "otel")]
mod traces;
mod wiring;

use std::ffi::OsString;
use std::io;
use std::process::ExitCode;

use clap::Parser;

pub use cli::Cli;
pub use wiring::App;

/// What `--version` and the log say.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Runs the program with the arguments and the environment of this process. Usage errors end with
/// 2, everything else that fails with 1 and one line on standard error.
pub fn main() -> ExitCode {
    // What whoever started this program has left open is not for the processes that it starts.
    #[cfg(unix)]
    close_fds::set_fds_cloexec(3, &[]);
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // A reader who has gone away needs no help text.
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    let environment = std::env::vars_os().filter_map(|(name, value)| {
        Some((name.into_string().ok()?, OsString::into_string(value).ok()))
    });
    match commands::run(cli, environment.collect()) {
        Ok(code) => code,
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            let text = format!("{error:#}");
            terminal::say(format_args!("error: {}", text.trim_end()));
            ExitCode::FAILURE
        }
    }
}

/// Whether whoever read our output has enough of it, as `head` does.
fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let kind = error.downcast_ref::<terminal::Unwritten>();
    kind.is_some_and(|unwritten| unwritten.0.kind() == io::ErrorKind::BrokenPipe)
}
