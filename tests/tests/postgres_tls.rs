//! A database behind TLS, with the default build.
use anyhow::{Context, Result};
use e2e::{Backend, Carrel};

#[test]
fn the_program_keeps_its_data_in_a_postgresql_behind_tls() -> Result<()> {
    let Ok(authority) = std::env::var("CARREL_TEST_POSTGRES_CA") else { return Ok(()) };
    let database = Backend::Postgres.create()?;
    let url = database.url().context("a database of PostgreSQL has a URL")?;
    let url = url.replace("127.0.0.1", "localhost");
    let directory = tempfile::tempdir()?;
    let carrel = |root: &str| {
        let url = format!("{url}?sslmode=verify-full&sslrootcert={root}");
        Ok::<_, anyhow::Error>(Carrel::new(directory.path())?.with("DATABASE_URL", &url))
    };
    let created = carrel(&authority)?.run(&["api-key", "create", "--name", "laptop"])?;
    assert_eq!(created.code, Some(0), "{created:?}");
    let listed = carrel(&authority)?.run(&["api-key", "list"])?;
    assert!(listed.stdout.contains("laptop"), "{listed:?}");

    let stranger = directory.path().join("stranger.crt");
    std::fs::write(&stranger, "no certificate")?;
    let refused = carrel(&stranger.display().to_string())?.run(&["api-key", "list"])?;
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(refused.stderr.contains("stranger.crt"), "{refused:?}");
    Ok(())
}
