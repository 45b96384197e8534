//! Commands for users.
use carrel_domain::user::Role;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Subcommand};

#[derive(Debug, Subcommand)]
pub enum UserCommand {
    /// Create a user; asks for the password
    #[command(after_help = "\
Examples:
  carrel user create sam --role manager
  pass show carrel/sam | carrel user create sam --password-stdin")]
    Create(NewUserArgs),
    /// Print a link with which a user sets a new password, once and within 24 hours
    #[command(after_help = "\
Examples:
  carrel user recovery-link sam
  carrel user recovery-link sam --base https://carrel.example.com")]
    RecoveryLink(RecoveryLinkArgs),
}

#[derive(Debug, Args)]
pub struct RecoveryLinkArgs {
    /// The name the user signs in with
    pub name: String,
    /// The address at which browsers reach this server [default: this machine's]
    #[arg(long, value_name = "URL")]
    pub base: Option<String>,
}

#[derive(Debug, Args)]
pub struct NewUserArgs {
    /// 2 to 64 lower-case letters, digits and . _ @ -, beginning with a letter
    pub name: String,
    #[arg(long, default_value = "default", value_parser = role())]
    pub role: Role,
    #[command(flatten)]
    pub password: PasswordArgs,
}

#[derive(Debug, Args)]
pub struct PasswordArgs {
    /// Read the password from the first line of standard input
    #[arg(long)]
    pub password_stdin: bool,
}

#[derive(Debug, Subcommand)]
pub enum MultiUserCommand {
    /// Create the first admin, which switches to many users for good
    Enable {
        /// Name of the admin
        name: String,
        #[command(flatten)]
        password: PasswordArgs,
    },
}

fn role() -> impl TypedValueParser<Value = Role> {
    let names = PossibleValuesParser::new(Role::ALL.map(Role::as_str));
    names.try_map(|name| Role::parse(&name).ok_or("unknown"))
}
