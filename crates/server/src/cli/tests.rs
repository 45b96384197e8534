//! Tests of the command line's arguments.
use clap::CommandFactory;

use super::*;

fn cli(arguments: &[&str]) -> Result<Cli, clap::Error> {
    Cli::try_parse_from(std::iter::once(&"carrel").chain(arguments))
}

#[test]
fn the_command_line_is_consistent() {
    Cli::command().debug_assert();
}

#[test]
fn common_flags_are_accepted_anywhere() {
    let cli = cli(&["serve", "--storage", "/s", "--listen", "127.0.0.1:0"]).unwrap();
    let flags = [("--listen", "127.0.0.1:0".to_owned()), ("--storage", "/s".to_owned())];
    assert_eq!(cli.flags(), BTreeMap::from(flags));
}

#[test]
fn a_key_takes_scopes_and_an_expiry() {
    let cli = cli(&["api-key", "create", "--scope", "read", "--scope=chat", "--expires-in=90d"]);
    let Command::ApiKey(ApiKeyCommand::Create(key)) = cli.unwrap().command else { panic!() };
    assert_eq!(key.scopes, [Scope::Read, Scope::Chat]);
    assert_eq!(key.expires_in, Some(Duration::from_secs(90 * 86_400)));
}

#[test]
fn a_key_takes_workspaces_and_a_rate_limit() {
    let words = ["api-key", "create", "--workspace=a", "--workspace", "b", "--rate-limit=10"];
    let Command::ApiKey(ApiKeyCommand::Create(key)) = cli(&words).unwrap().command else {
        panic!()
    };
    assert_eq!((key.workspaces, key.rate_limit), (vec!["a".into(), "b".into()], Some(10)));
}

#[test]
fn usage_errors_exit_with_2() {
    for wrong in [
        &["nonsense"][..],
        &["add", "w"],
        &["export", "anythingllm"],
        &["ask", "w"],
        &["api-key", "create", "--scope", "root"],
        &["api-key", "create", "--expires-in", "0s"],
        &["api-key", "create", "--rate-limit", "0"],
        &["api-key", "revoke", "one"],
        &["audit", "list", "--limit", "0"],
        &["setting", "set"],
        &["user", "create", "sam", "--role", "king"],
        &["user", "create", "sam", "--password", "secret"],
        &["serve", "--no-such-flag"],
    ] {
        assert_eq!(cli(wrong).unwrap_err().exit_code(), 2, "{wrong:?}");
    }
}

#[test]
fn help_shows_first_steps() {
    let help = Cli::command().render_long_help().to_string();
    for line in ["carrel model fetch", "carrel serve", "CARREL_STORAGE", "api-key"] {
        assert!(help.contains(line), "{line}");
    }
}
