//! Misbehaving workers: the file is refused, and nothing else is affected.
#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "tests say what they expect with `unwrap`, helpers too")]

use std::fs;
use std::time::Duration;

use carrel_documents::worker::{Program, Readers, ResourceLimits};
use carrel_documents::{FileExtractor, Limits};
use carrel_domain::document::{Extracted, Extractor, IncomingFile, ReadRequest};
use carrel_domain::{Error, Result};
use tempfile::NamedTempFile;

/// Reads a file with a worker that runs `script`.
async fn read_by(script: &str) -> Result<Vec<Extracted>> {
    read_with("/bin/sh", script).await
}

async fn read_with(program: &str, script: &str) -> Result<Vec<Extracted>> {
    let file = NamedTempFile::new().unwrap();
    fs::write(file.path(), "content").unwrap();
    let resources = ResourceLimits { workers: 1, time: Duration::from_secs(1), memory: 1 << 30 };
    let arguments = vec!["-c".into(), script.into()];
    let environment = vec![("GIVEN".into(), "1".into())];
    let program = Program { path: program.into(), arguments, environment };
    let workers = Readers::new(program, resources);
    let limits = Limits { file: 100, text: 100, inflated: 100 };
    let incoming = IncomingFile { name: "x/a.PDF".into(), content: file.path().to_owned() };
    FileExtractor::new(limits, workers).extract(&incoming, &ReadRequest::default()).await
}

async fn refusal(script: &str) -> String {
    match read_by(script).await {
        Err(error @ Error::Unprocessable { .. }) => error.to_string(),
        other => panic!("{script}: {other:?}"),
    }
}

#[tokio::test]
async fn a_valid_reply_is_returned_unchanged() {
    let head = r#"{"Documents":[{"sheet":null,"mail":null,"title":"T","author":"A","description":"D","source":"S","bytes":7}]}"#;
    let documents = read_by(&format!("echo '{head}'; cat")).await.unwrap();
    assert_eq!((&*documents[0].text, documents[0].title.as_deref()), ("content", Some("T")));
    let refused = refusal(r#"echo '{"ExtractError":{"Refused":"is odd."}}'"#).await;
    assert_eq!(refused, "a.PDF is odd.");
}

#[tokio::test]
async fn an_invalid_reply_is_a_refusal() {
    let unread = "a.PDF cannot be read: it is damaged, or has an unsupported structure.";
    for script in [
        "",
        "exit 1",
        "echo nonsense",
        "printf '{\"Documents\":[]}\\n'",
        "printf '\\377\\376\\n'",
        "kill -SEGV $$",
        "kill -ABRT $$",
        r#"echo '{"ExtractError":{"Refused":"is odd."}}'; exit 3"#,
        // More error output than is read.
        "head -c 1000000 /dev/zero >&2; exit 1",
    ] {
        assert_eq!(refusal(script).await, unread, "{script}");
    }
}

#[tokio::test]
async fn the_exceeded_limit_is_named() {
    let memory = "a.PDF takes more than the 1073741824 bytes of memory allowed to be read \
        (CARREL_PARSE_MEMORY).";
    assert_eq!(refusal("kill -KILL $$").await, memory);
    assert_eq!(
        refusal("echo memory allocation of 9 bytes failed >&2; kill -ABRT $$").await,
        memory
    );
    let time = "a.PDF takes longer than the 1 seconds allowed to be read (CARREL_PARSE_TIMEOUT).";
    assert_eq!(refusal("exec sleep 1000").await, time);
    assert_eq!(refusal("exec >&- 2>&-; exec sleep 1000").await, time);
    assert_eq!(refusal("kill -XCPU $$").await, time);
    let endless = read_by("yes").await;
    assert!(matches!(endless, Err(Error::TooLarge { what: "the text of the file", limit: 100 })));
}

#[tokio::test]
async fn workers_inherit_nothing_from_the_server() {
    let script = r#"
        set -- $(env | grep -v '^PWD=\|^SHLVL=\|^_=\|^OLDPWD=' | wc -l) "$PWD"
        printf '{"ExtractError":{"Refused":"%s %s"}}\n' "$1" "$2""#;
    assert_eq!(refusal(script).await, "a.PDF 1 /");
}

#[tokio::test]
async fn a_failure_to_start_a_worker_is_not_an_error_of_the_file() {
    let failed = read_with("/no/such/program", "").await;
    assert!(matches!(failed, Err(Error::Unavailable { .. })), "{failed:?}");
}
