//! The `carrel` program: configuration, wiring, startup, shutdown and the command line. Only this
//! crate names concrete adapters and reads the environment.
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
#[cfg(target_os = "linux")]
mod startup_code;
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

/// The version shown by `--version` and in the log.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Runs the program with the arguments and the environment of this process. Usage errors exit with
/// 2; other errors exit with 1 after one line on standard error.
pub fn main() -> ExitCode {
    // Keeps file descriptors inherited from the parent process from being passed on to child
    // processes.
    #[cfg(unix)]
    close_fds::set_fds_cloexec(3, &[]);
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Standard output may be closed; then nobody needs the help text.
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

/// Whether the reader closed standard output early, as `head` does.
fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let kind = error.downcast_ref::<terminal::Unwritten>();
    kind.is_some_and(|unwritten| unwritten.0.kind() == io::ErrorKind::BrokenPipe)
}
