//! Commands for the audit log.
use clap::Subcommand;

#[derive(Debug, Subcommand)]
pub enum AuditCommand {
    /// Check that no event was changed or removed; reports the fault and exits with 1 if one was
    #[command(after_help = "\
An anchor is an earlier output of `carrel audit head`. Keep it where nobody with write access to this
server can change it. With an anchor, the check even detects an old copy of the whole storage directory.

Examples:
  carrel audit verify
  carrel audit verify --anchor /mnt/elsewhere/carrel-audit-head
  carrel audit verify --anchor 5120:9f86d081884c")]
    Verify {
        /// An anchor, or a file with one on its last line
        #[arg(long, value_name = "FILE|ANCHOR")]
        anchor: Option<String>,
    },
    /// Print the newest event's id and digest, to keep elsewhere as an anchor
    #[command(after_help = "\
Example, every hour on another machine:
  ssh server carrel audit head >> carrel-audit-heads")]
    Head,
    /// Seal the log as it is, after you have checked it: its key was lost, or somebody tampered with it
    Seal,
    /// List events, the newest first
    List {
        /// Number of events
        #[arg(long, value_name = "N", default_value_t = 20)]
        #[arg(value_parser = clap::value_parser!(u32).range(1..=100_000))]
        limit: u32,
    },
}
