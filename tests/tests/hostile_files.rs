//! Damaged and hostile files: each is refused with a reason, and nothing else happens.
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use e2e::{Answer, Backend, Options, TestServer, hostile};

fn options() -> Options {
    Options::from(Backend::Sqlite)
}

/// Returns options without a limit for documents that take very long to read.
fn patient() -> Options {
    options().with("CARREL_PARSE_INFLATED", "1000GB")
}

/// Returns the reason why a file is refused, after checking that nothing is left of it and that the
/// server still responds.
async fn refusal(server: &TestServer, name: &str, content: &[u8]) -> Result<String> {
    let answer = server.admin().upload(name, content, &[]).await?;
    unharmed(server, name).await?;
    ensure!(answer.status == 422, "{name}: {} {}", answer.status, answer.body);
    assert_eq!(answer.body["success"], false, "{name}");
    Ok(answer.body["error"].as_str().context("no reason")?.to_owned())
}

async fn text(server: &TestServer, name: &str, content: &[u8]) -> Result<String> {
    let answer = server.admin().upload(name, content, &[]).await?;
    unharmed(server, name).await?;
    let text = answer.ok()?["documents"][0]["pageContent"].as_str().map(str::to_owned);
    text.context("no text")
}

async fn unharmed(server: &TestServer, after: &str) -> Result<()> {
    server.admin().get("/v1/auth").await?.ok().context(after.to_owned())?;
    let left = fs::read_dir(server.storage().join("tmp"))?.count();
    ensure!(left == 0, "{after}: {left} temporary files are left");
    Ok(())
}

#[tokio::test]
async fn archives_beyond_the_limits_are_refused() -> Result<()> {
    let server = TestServer::start(options().with("CARREL_PARSE_INFLATED", "64MiB")).await?;
    let bomb = hostile::bomb(80)?;
    assert!(bomb.len() < 400_000, "{}", bomb.len());
    let reason = refusal(&server, "bomb.docx", &bomb).await?;
    assert_eq!(
        reason,
        "bomb.docx unpacks to more than the 67108864 bytes allowed (CARREL_PARSE_INFLATED)."
    );
    let strings = hostile::strings(80)?;
    let reason = refusal(&server, "strings.xlsx", &strings).await?;
    assert!(reason.contains("CARREL_PARSE_INFLATED"), "{reason}");
    let reason = refusal(&server, "crowd.docx", &hostile::crowd(100_000)?).await?;
    assert_eq!(reason, "crowd.docx is an archive of more than 20000 entries, which is too many.");
    let deep = "<p>".repeat(100_000) + &"</p>".repeat(100_000);
    let reason = refusal(&server, "deep.docx", &hostile::word(deep)?).await?;
    assert!(reason.contains("nested more than 1000 elements deep"), "{reason}");
    Ok(())
}

#[tokio::test]
async fn memory_and_time_are_limited() -> Result<()> {
    let small = patient().with("CARREL_PARSE_MEMORY", "400MiB");
    let server = TestServer::start(small).await?;
    let reason = refusal(&server, "strings.xlsx", &hostile::strings(450)?).await?;
    assert_eq!(
        reason,
        "strings.xlsx takes more than the 419430400 bytes of memory allowed to be read \
         (CARREL_PARSE_MEMORY)."
    );
    server.wait_for_log("a worker failed to read a file").await?;
    let short = patient().with("CARREL_PARSE_TIMEOUT", "2s");
    let server = TestServer::start(short).await?;
    let reason = refusal(&server, "endless.docx", &hostile::endless_word(4_000)?).await?;
    assert_eq!(
        reason,
        "endless.docx takes longer than the 2 seconds allowed to be read (CARREL_PARSE_TIMEOUT)."
    );
    let reason = refusal(&server, "endless.pdf", &hostile::endless_pdf(20)?).await?;
    assert!(reason.contains("endless.pdf"), "{reason}");
    Ok(())
}

#[tokio::test]
async fn more_text_than_an_upload_may_have_is_refused() -> Result<()> {
    let server = TestServer::start(options().with("CARREL_UPLOAD_LIMIT", "11MB")).await?;
    let bomb = hostile::bomb(16)?;
    let answer = server.admin().upload("much.docx", &bomb, &[]).await?;
    assert_eq!(answer.status, 413, "{}", answer.body);
    unharmed(&server, "much.docx").await
}

#[tokio::test]
async fn sheets_may_be_as_large_and_empty_as_they_like() -> Result<()> {
    let server = TestServer::start(options().with("CARREL_PARSE_MEMORY", "256MiB")).await?;
    let sparse = hostile::sparse()?;
    assert!(sparse.len() < 5_000, "{}", sparse.len());
    assert_eq!(text(&server, "sparse.xlsx", &sparse).await?, "first\n[Row 1048576]\n,last\n");
    Ok(())
}

#[tokio::test]
async fn names_and_entities_reach_nothing_outside_of_a_document() -> Result<()> {
    let server = TestServer::start(options()).await?;
    let before = server.document_files()?.len();
    let escaping = hostile::archive([
        ("../../../evil.txt", b"evil".to_vec()),
        ("/etc/evil", b"evil".to_vec()),
        ("word/document.xml", b"<d><p><t>words</t></p></d>".to_vec()),
        ("word\\..\\..\\evil.txt", b"evil".to_vec()),
    ])?;
    assert_eq!(text(&server, "escaping.docx", &escaping).await?, "words");
    assert_eq!(server.document_files()?.len(), before + 1);
    let root = server.storage().parent().context("no parent")?.to_owned();
    assert!(!root.join("evil.txt").exists() && !server.storage().join("evil.txt").exists());

    let lol: String = (1..10)
        .map(|n| format!("<!ENTITY l{n} \"{}\">", format!("&l{};", n - 1).repeat(10)))
        .collect();
    let laughs = format!(
        "<!DOCTYPE d [<!ENTITY l0 \"lol\">{lol}<!ENTITY f SYSTEM \"file:///etc/passwd\">]>\
         <d><p><t>a&l9;&f;b</t></p></d>"
    );
    let laughs = hostile::archive([("word/document.xml", laughs.into_bytes())])?;
    assert_eq!(text(&server, "laughs.docx", &laughs).await?, "ab");

    let book = hostile::archive([
        ("META-INF/container.xml", b"<c><rootfile full-path=\"a/../../b.opf\"/></c>".to_vec()),
        (
            "b.opf",
            b"<p><item id=\"1\" href=\"../../../../etc/passwd\" media-type=\"text/html\"/>\
              <item id=\"2\" href=\"x/../deep.html\" media-type=\"text/html\"/>\
              <itemref idref=\"1\"/><itemref idref=\"2\"/></p>"
                .to_vec(),
        ),
        ("deep.html", format!("{}deep", "<div>".repeat(100_000)).into_bytes()),
    ])?;
    assert_eq!(text(&server, "book.epub", &book).await?, "deep");
    Ok(())
}

#[tokio::test]
async fn reading_a_file_that_contains_itself_terminates() -> Result<()> {
    let server = TestServer::start(options().with("CARREL_PARSE_TIMEOUT", "3s")).await?;
    let reason = refusal(&server, "circle.pdf", &hostile::circular_pdf()).await?;
    let ends = ["No text content found in circle.pdf.", "circle.pdf takes longer"];
    assert!(ends.iter().any(|end| reason.starts_with(end)), "{reason}");
    Ok(())
}

#[tokio::test]
async fn files_of_the_wrong_type_are_refused_with_a_reason() -> Result<()> {
    let server = TestServer::start(options()).await?;
    let binary: Vec<u8> = (0..=255).cycle().take(4_096).collect();
    for (name, what) in [
        ("a.pdf", "a PDF file"),
        ("a.docx", "a Word document (.docx)"),
        ("a.pptx", "a PowerPoint presentation (.pptx)"),
        ("a.xlsx", "an Excel workbook (.xlsx)"),
        ("a.odt", "an OpenDocument file"),
        ("a.odp", "an OpenDocument file"),
        ("a.ods", "an OpenDocument spreadsheet (.ods)"),
        ("a.epub", "a book in EPUB (.epub)"),
        ("a.mbox", "a mailbox (.mbox)"),
    ] {
        let expected = format!("{name} is damaged, or it is not {what}.");
        assert_eq!(refusal(&server, name, &binary).await?, expected);
        let reason = refusal(&server, name, b"").await?;
        ensure!(
            reason == expected || reason.starts_with(&format!("No text content found in {name}.")),
            "{name}: {reason}"
        );
    }
    let old = [&b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"[..], &[0; 1_000]].concat();
    let reason = refusal(&server, "old.docx", &old).await?;
    assert!(reason.contains("binary format of Office before 2007"), "{reason}");
    let reason = refusal(&server, "a.mp3", &binary).await?;
    let is_damaged = reason.starts_with("a.mp3 is ") || reason.contains("Nothing is said");
    assert!(is_damaged || reason.contains("carrel model fetch whisper-base"), "{reason}");
    Ok(())
}

#[tokio::test]
async fn documents_without_text_are_refused() -> Result<()> {
    let server = TestServer::start(options()).await?;
    let page = b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]>>".to_vec();
    let pages = b"<</Type/Pages/Kids[3 0 R]/Count 1>>".to_vec();
    let blank = hostile::pdf(&[b"<</Type/Catalog/Pages 2 0 R>>".to_vec(), pages, page]);
    let reason = refusal(&server, "blank.pdf", &blank).await?;
    assert_eq!(reason, "No text content found in blank.pdf.");
    for (name, content) in [
        ("blank.docx", hostile::word("<p/>")?),
        ("blank.xlsx", hostile::workbook("", &[("<sst/>", 1)])?),
        ("blank.odt", hostile::archive([("content.xml", b"<d/>".to_vec())])?),
        ("blank.mbox", b"\n\n".to_vec()),
    ] {
        let expected = format!("No text content found in {name}.");
        assert_eq!(refusal(&server, name, &content).await?, expected);
    }
    Ok(())
}

fn made() -> Result<Vec<(String, Vec<u8>)>> {
    let directory = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures/made");
    let mut files = Vec::new();
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        files.push((entry.file_name().to_string_lossy().into_owned(), fs::read(entry.path())?));
    }
    files.sort();
    Ok(files)
}

/// Whether a response to a damaged file is about the file.
fn is_an_answer(answer: &Answer) -> bool {
    matches!(answer.status, 200 | 413 | 422)
}

#[tokio::test]
async fn damaged_files_of_every_format_are_read_or_refused() -> Result<()> {
    let server = TestServer::start(options()).await?;
    for (name, content) in made()? {
        for seed in 0..4u64 {
            let damaged = match seed {
                0 => content[..content.len() / 2].to_vec(),
                1 => content[..content.len() - content.len() / 20 - 1].to_vec(),
                _ => hostile::flipped(&content, seed, content.len() / 400 + 1),
            };
            let answer = server.admin().upload(&name, &damaged, &[]).await?;
            ensure!(is_an_answer(&answer), "{name} {seed}: {} {}", answer.status, answer.body);
        }
    }
    unharmed(&server, "all").await
}

/// Returns the running child processes of a server.
#[cfg(target_os = "linux")]
fn workers(server: &TestServer) -> Result<Vec<PathBuf>> {
    let id = server.process_id().context("no server")?;
    workers_of(id)
}

#[cfg(target_os = "linux")]
fn workers_of(parent: u32) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc")? {
        let path = entry?.path();
        let Ok(status) = fs::read_to_string(path.join("status")) else { continue };
        let is_child = status.lines().any(|line| line == format!("PPid:\t{parent}"));
        if is_child && !status.contains("(zombie)") {
            found.push(path);
        }
    }
    Ok(found)
}

/// Waits until `is_so`, with patience for a busy machine.
#[cfg(target_os = "linux")]
async fn until(what: &str, mut is_so: impl FnMut() -> Result<bool>) -> Result<()> {
    for _ in 0..6_000 {
        if is_so()? {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    bail!("waited in vain until {what}")
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_worker_has_only_its_file_and_ends_with_the_request() -> Result<()> {
    let server = TestServer::start(patient()).await?;
    let (admin, endless) = (server.admin().clone(), hostile::endless_word(4_000)?);
    let upload = tokio::spawn(async move { admin.upload("a.docx", &endless, &[]).await });
    until("a worker runs", || Ok(!workers(&server)?.is_empty())).await?;
    let worker = workers(&server)?.remove(0);
    until("it is confined", || {
        let limits = fs::read_to_string(worker.join("limits"))?;
        Ok(limits.lines().any(|line| line.starts_with("Max open files            0 ")))
    })
    .await?;
    assert_eq!(fs::read(worker.join("environ"))?, b"MIMALLOC_ARENA_RESERVE=0\0");
    assert_eq!(fs::read_link(worker.join("cwd"))?, PathBuf::from("/"));
    let words = fs::read_to_string(worker.join("cmdline"))?;
    assert!(words.contains("parse-worker") && !words.contains("a.docx"), "{words}");
    let mut files = Vec::new();
    for number in fs::read_dir(worker.join("fd"))? {
        files.push(fs::read_link(number?.path())?.to_string_lossy().into_owned());
    }
    // Installed models for pictures and recordings are opened before the worker is confined.
    files.retain(|file| !file.contains("/models/"));
    let own = |file: &&String| file.starts_with("pipe:") || file.contains("/storage/tmp/");
    assert_eq!(files.iter().filter(own).count(), files.len(), "{files:?}");
    assert_eq!(files.len(), 4, "{files:?}");

    upload.abort();
    until("the worker ends with its request", || Ok(workers(&server)?.is_empty())).await?;
    let tmp = server.storage().join("tmp");
    until("its file is gone", || Ok(fs::read_dir(&tmp)?.count() == 0)).await
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn no_worker_outlives_its_server() -> Result<()> {
    for is_killed in [false, true] {
        let mut server = TestServer::start(patient().with("CARREL_SHUTDOWN_TIMEOUT", "1s")).await?;
        let (admin, endless) = (server.admin().clone(), hostile::endless_word(4_000)?);
        let upload = tokio::spawn(async move { admin.upload("a.docx", &endless, &[]).await });
        until("a worker runs", || Ok(!workers(&server)?.is_empty())).await?;
        let worker = workers(&server)?.remove(0);
        let started = fs::read_to_string(worker.join("stat"))?;
        if is_killed {
            server.kill()?;
        } else {
            server.stop().await?;
        }
        // Another process may get the same id, but with another start time.
        let start = |stat: &str| {
            stat.rsplit(')').next().unwrap_or("").split(' ').nth(20).map(str::to_owned)
        };
        until("the worker is gone", || {
            let now = fs::read_to_string(worker.join("stat")).unwrap_or_default();
            Ok(start(&now) != start(&started) || now.contains(") Z "))
        })
        .await?;
        upload.abort();
    }
    Ok(())
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_few_files_are_read_at_once_and_the_others_wait() -> Result<()> {
    let two = patient().with("CARREL_PARSE_WORKERS", "2").with("CARREL_PARSE_TIMEOUT", "2s");
    let server = TestServer::start(two).await?;
    let endless = hostile::endless_word(4_000)?;
    let uploads: Vec<_> = (0..5)
        .map(|number| {
            let (admin, endless) = (server.admin().clone(), endless.clone());
            let name = format!("{number}.docx");
            tokio::spawn(async move { admin.upload(&name, &endless, &[]).await })
        })
        .collect();
    let mut most = 0;
    until("all are refused", || {
        most = most.max(workers(&server)?.len());
        Ok(uploads.iter().all(tokio::task::JoinHandle::is_finished))
    })
    .await?;
    assert!(most <= 2, "{most}");
    for upload in uploads {
        assert_eq!(upload.await??.status, 422);
    }
    // Text needs no worker, so it is read meanwhile.
    unharmed(&server, "all").await
}
