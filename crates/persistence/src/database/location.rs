//! Parses database URLs and removes passwords from them.
use anyhow::bail;

/// The location of a database. The URL's scheme decides it, so that a mistyped PostgreSQL URL
/// cannot create a SQLite file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Location {
    /// The path of a file.
    Sqlite(String),
    /// A URL in libpq's syntax.
    Postgres(String),
}

impl Location {
    pub(crate) fn parse(url: &str) -> anyhow::Result<Self> {
        match url.split_once("://") {
            Some(("postgres" | "postgresql", _)) => Ok(Self::Postgres(with_time_limit(url))),
            Some(("sqlite", "")) => bail!("sqlite:// must be followed by the path of a file"),
            Some(("sqlite", path)) if path == ":memory:" || path.starts_with("file:") => {
                bail!("sqlite:// must be followed by the path of a file, not by `{path}`")
            }
            Some(("sqlite", path)) => Ok(Self::Sqlite(path.to_owned())),
            _ => bail!("the database URL begins with neither sqlite:// nor postgres://"),
        }
    }
}

/// Adds a connect timeout of five seconds. Without one, an unresponsive server blocks for minutes.
fn with_time_limit(url: &str) -> String {
    if url.contains("connect_timeout=") {
        return url.to_owned();
    }
    let separator = if url.contains('?') { '&' } else { '?' };
    format!("{url}{separator}connect_timeout=5")
}

/// Returns the URL for a log, with passwords replaced by `***`.
pub(crate) fn without_password(url: &str) -> String {
    passwords(url).iter().fold(url.to_owned(), |text, password| conceal(&text, password))
}

/// Replaces the passwords of `url` in `text`, such as a message that quotes a malformed URL.
pub(crate) fn conceal_passwords(text: &str, url: &str) -> String {
    passwords(url).iter().fold(text.to_owned(), |text, password| conceal(&text, password))
}

fn conceal(text: &str, password: &str) -> String {
    text.replace(password, "***")
}

/// Returns the passwords of a URL: the text between the first `:` and the last `@`, which handles
/// unescaped characters in a password, and the values of password parameters.
fn passwords(url: &str) -> Vec<&str> {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let login = rest.rsplit_once('@').and_then(|(login, _)| login.split_once(':'));
    let parameters = rest.split(['?', '&']).filter_map(|parameter| parameter.split_once('='));
    let mut found: Vec<&str> = parameters
        .filter(|(name, _)| name.ends_with("password"))
        .map(|(_, password)| password)
        .chain(login.map(|(_, password)| password))
        .filter(|password| !password.is_empty())
        .collect();
    found.sort_by_key(|password| std::cmp::Reverse(password.len()));
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scheme_decides_which_database_it_is() {
        let sqlite = |path: &str| Location::Sqlite(path.to_owned());
        assert_eq!(Location::parse("sqlite:///a/b.db").unwrap(), sqlite("/a/b.db"));
        assert_eq!(Location::parse("sqlite://b.db").unwrap(), sqlite("b.db"));
        assert_eq!(
            Location::parse("postgresql://h/d?a=b").unwrap(),
            Location::Postgres("postgresql://h/d?a=b&connect_timeout=5".to_owned())
        );
        for wrong in
            ["", "carrel.db", "mysql://h/d", "postgres:/h", "sqlite://", "sqlite://:memory:"]
        {
            assert!(Location::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_url_is_shown_without_its_password() {
        for (url, shown) in [
            ("postgres://u:secret@h:5432/d", "postgres://u:***@h:5432/d"),
            ("postgres://u:se/c@r:et@h/d", "postgres://u:***@h/d"),
            ("postgres://u@h/d?password=secret&x=y", "postgres://u@h/d?password=***&x=y"),
            ("postgres://u@h:5432/d", "postgres://u@h:5432/d"),
            ("sqlite:///a/b.db", "sqlite:///a/b.db"),
        ] {
            assert_eq!(without_password(url), shown);
        }
        assert_eq!(
            conceal_passwords("bad token: \"s%\"", "postgres://u:s%@h"),
            "bad token: \"***\""
        );
    }
}
