//! What can be asked about the audit log.
use clap::Subcommand;

#[derive(Debug, Subcommand)]
pub enum AuditCommand {
    /// Check that no event was changed or removed; exits with 1 and what is wrong if one was
    #[command(after_help = "\
An anchor is what `carrel audit head` printed earlier, kept where nobody who can write to this server
can change it. With it even an old copy of the whole storage directory is noticed.

Examples:
  carrel audit verify
  carrel audit verify --anchor /mnt/elsewhere/carrel-audit-head
  carrel audit verify --anchor 5120:9f86d081884c")]
    Verify {
        /// An anchor, or a file with one on its last line
        #[arg(long, value_name = "FILE|ANCHOR")]
        anchor: Option<String>,
    },
    /// Print the newest event's id and digest, to be kept elsewhere as an anchor
    #[command(after_help = "\
Example, every hour on another machine:
  ssh server carrel audit head >> carrel-audit-heads")]
    Head,
    /// Vouch for the log as it is, after its key was lost or it was found to be tampered with
    Seal,
    /// List events, the newest first
    List {
        /// How many
        #[arg(long, value_name = "N", default_value_t = 20)]
        #[arg(value_parser = clap::value_parser!(u32).range(1..=100_000))]
        limit: u32,
    },
}
