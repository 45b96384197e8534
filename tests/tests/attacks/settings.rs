//! Values of settings that try to inject other settings.
use anyhow::Result;
use e2e::{Options, TestServer};
use serde_json::{Value, json};

use super::backend;

/// Returns public names and whether each is a secret, from the table built into the server.
pub fn settings() -> Vec<(&'static str, &'static str, bool)> {
    let table = include_str!("../../../crates/services/src/settings/settings.tsv");
    let rows = table.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    rows.filter_map(|row| {
        let fields: Vec<_> = row.split('\t').collect();
        Some((*fields.first()?, *fields.get(1)?, *fields.get(3)? == "secret"))
    })
    .collect()
}

/// Values that a parser of files, a shell or a template could split.
const VALUES: [&str; 25] = [
    "a\nCARREL_CANARY=1",
    "a\r\nCARREL_CANARY=1",
    "a\rCARREL_CANARY=1",
    "a\u{2028}b",
    "a\u{0}b",
    "'",
    "\"",
    "`id`",
    "#",
    "a # b",
    "$(id)",
    "${HOME}",
    "$HOME",
    "\\",
    "\\n",
    "a' CARREL_CANARY='1",
    "a\" CARREL_CANARY=\"1",
    "%PATH%",
    "=",
    " a ",
    "{{env}}",
    "http://127.0.0.1:9/'\"`$(id)",
    "javascript:alert(1)",
    "1",
    "true",
];

async fn settings_shown(server: &TestServer) -> Result<Value> {
    Ok(server.admin().get("/v1/system").await?.ok()?["settings"].take())
}

#[tokio::test]
async fn no_value_of_a_setting_injects_another_setting() -> Result<()> {
    // In production, settings are written to a file that the next start reads.
    let options = Options::from(backend()).with("APP_ENV", "production");
    let mut server = TestServer::start(options).await?;
    let admin = server.admin();
    let known = settings();
    assert!(known.len() > 100, "{}", known.len());
    let (mut accepted, mut refused) = (0, 0);
    for (number, (name, ..)) in known.iter().enumerate() {
        // In the end, each setting has a different value.
        for at in 0..VALUES.len() {
            let value = VALUES[(number + at) % VALUES.len()];
            let answer = admin.post("/v1/system/update-env", json!({ *name: value })).await?;
            match answer.status {
                200 => accepted += 1,
                400 => refused += 1,
                other => panic!("{name} = {value:?}: {other} {}", answer.body),
            }
            if value.contains(['\n', '\r', '\0']) {
                assert_eq!(answer.status, 400, "{name} = {value:?}: {}", answer.body);
            }
        }
    }
    assert!(accepted > 100 && refused > 1000, "{accepted} kept, {refused} refused");
    let before = settings_shown(&server).await?;
    assert_eq!(admin.anonymous().get("/v1/system/env-dump").await?.status, 200);
    let file = std::fs::read_to_string(server.storage().join(".env"))?;
    for line in file.lines().filter(|line| !line.starts_with('#')) {
        let name = line.split_once('=').map(|(name, _)| name);
        let is_known = known.iter().any(|(_, variable, _)| Some(*variable) == name);
        assert!(is_known, "a line of its own: {line}");
    }
    assert_eq!(server.stop().await?, Some(0));
    server.run().await?;
    assert_eq!(settings_shown(&server).await?, before);
    assert!(!before.to_string().contains("CARREL_CANARY\":"), "{before}");
    // Restart from the file only, as on a new machine.
    assert_eq!(server.stop().await?, Some(0));
    for end in ["", "-wal", "-shm"] {
        let _ = std::fs::remove_file(server.storage().join(format!("carrel.db{end}")));
    }
    server.run().await?;
    assert_eq!(settings_shown(&server).await?, before);
    assert!(!server.log()?.contains("panicked"));
    Ok(())
}
