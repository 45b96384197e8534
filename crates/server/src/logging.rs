//! Writes the log to standard error: lines for people, or JSON for programs.
use std::io::{self, IsTerminal};

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt;

use crate::config::{Environment, LogConfig, LogFormat};

/// The server logs its own start and stop, so the library's messages would repeat them.
const QUIET: &str = "actix_server=warn";

/// Starts logging for this process. `usual` is the default level.
pub fn start(log: &LogConfig, usual: &str, environment: &Environment) {
    let filter = log.filter.as_deref().unwrap_or(usual);
    let filter = EnvFilter::try_new(format!("{QUIET},{filter}"));
    let filter = filter.unwrap_or_else(|_| EnvFilter::new(usual));
    let no_colour =
        matches!(environment.get("NO_COLOR"), Some(value) if value.as_deref() != Some(""));
    // A closed standard error must not become a panic in the middle of a request.
    let logger = fmt().with_env_filter(filter).with_writer(io::stderr).log_internal_errors(false);
    // Fails if a logger is already set, for example by a test; that logger is used then.
    let _ = match log.format {
        LogFormat::Human => {
            let colours = io::stderr().is_terminal() && !no_colour;
            logger.with_target(false).with_ansi(colours).try_init()
        }
        LogFormat::Json => {
            let logger = logger.json().flatten_event(true);
            logger.with_current_span(true).with_span_list(false).try_init()
        }
    };
}
