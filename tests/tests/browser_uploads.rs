//! Uploads to the library in a real browser: dropped files, refused files, lost connections.
use std::path::PathBuf;

use anyhow::{Result, ensure};
use e2e::browser::Browser;

use crate::browser_documents::{begun, forget_refusals};
use crate::browser_journey::{PASSWORD, base, well_behaved};

/// Waits until a number of uploads are in a state.
async fn uploads(browser: &mut Browser, state: &str, count: usize) -> Result<()> {
    let all = format!("document.querySelectorAll('.upload[data-state={state}]').length");
    browser.wait(&format!("{all} === {count}")).await
}

fn file(directory: &tempfile::TempDir, name: &str, text: &str) -> Result<PathBuf> {
    let file = directory.path().join(name);
    if let Some(parent) = file.parent() {
        std::fs::create_dir_all(parent)?;
    }
    std::fs::write(&file, text)?;
    Ok(file)
}

#[tokio::test]
async fn a_dropped_folder_is_uploaded_and_unreadable_files_are_named() -> Result<()> {
    let (server, _model, mut ada) = begun().await?;
    let base = base(&server);
    let directory = tempfile::tempdir()?;
    file(&directory, "Berths/north.txt", "The northern berth.")?;
    file(&directory, "Berths/old/south.txt", "The southern berth.")?;
    ada.open(&format!("{base}/documents")).await?;
    ada.drop_files(&[&directory.path().join("Berths")]).await?;
    uploads(&mut ada, "done", 2).await?;
    ada.open(&format!("{base}/documents?folder=Berths")).await?;
    let rows = "[...document.querySelectorAll('#shelf .table-name')].map((it) => it.innerText)";
    assert_eq!(ada.run(&format!("{rows}.sort().join()")).await?, "north.txt,south.txt");

    // An entry of a file that was deleted meanwhile, before one that exists.
    ada.run(
        "(() => { const entry = (name, file) => ({ isFile: true, name, file }); \
         const there = new File(['It is there.'], 'there.txt'); \
         const entries = [entry('gone.txt', (done, failed) => failed(new Error('gone'))), \
         entry('there.txt', (done) => done(there))]; \
         const event = new Event('drop', { cancelable: true }); \
         event.dataTransfer = { files: [], \
         items: entries.map((one) => ({ webkitGetAsEntry: () => one })) }; \
         document.dispatchEvent(event); })()",
    )
    .await?;
    uploads(&mut ada, "done", 1).await?;
    uploads(&mut ada, "failed", 1).await?;
    let failed = ada.run("document.querySelector('[data-state=failed]').innerText").await?;
    let failed = failed.to_string();
    ensure!(failed.contains("gone.txt") && failed.contains("could not read"), "{failed}");
    ada.wait("document.querySelector('#shelf').innerText.includes('there.txt')").await?;
    well_behaved(&ada, &server);
    Ok(())
}

#[tokio::test]
async fn interrupted_uploads_are_sent_again() -> Result<()> {
    let (server, _model, mut ada) = begun().await?;
    let directory = tempfile::tempdir()?;
    let cranes = file(&directory, "cranes.txt", "The crane is called Berta.")?;
    ada.open(&format!("{}/w/harbour/documents", base(&server))).await?;
    ada.go_offline(true).await?;
    ada.choose_files("#file", &[&cranes]).await?;
    uploads(&mut ada, "failed", 1).await?;
    ada.wait_for("The server isn’t responding.").await?;
    ada.go_offline(false).await?;
    ada.click(".upload[data-state=failed] button").await?;
    ada.wait("!!document.querySelector('.job[data-over] .job-row[data-state=done]')").await?;
    uploads(&mut ada, "failed", 0).await?;
    ada.wait("document.querySelector('#shelf').innerText.includes('cranes.txt')").await?;
    ada.complaints.retain(|complaint| !complaint.contains("ERR_INTERNET_DISCONNECTED"));
    well_behaved(&ada, &server);
    Ok(())
}

#[tokio::test]
async fn a_signed_out_user_adds_nothing() -> Result<()> {
    let (server, _model, mut ada) = begun().await?;
    let directory = tempfile::tempdir()?;
    let cranes = file(&directory, "cranes.txt", "The crane is called Berta.")?;
    let page = format!("{}/w/harbour/documents", base(&server));
    ada.open(&page).await?;
    // Sign out, as in another tab.
    ada.run("fetch('/sign-out', { method: 'POST' }).then((answer) => answer.status)").await?;
    ada.choose_files("#file", &[&cranes]).await?;
    ada.wait("location.pathname === '/sign-in' && document.readyState === 'complete'").await?;
    ada.fill("#username", "ada").await?;
    ada.fill("#password", PASSWORD).await?;
    ada.follow("form button").await?;
    assert_eq!(ada.run("location.href").await?, page.as_str());
    ada.wait_for("No documents yet").await?;
    forget_refusals(&mut ada);
    well_behaved(&ada, &server);
    Ok(())
}

#[tokio::test]
async fn many_files_are_one_line_and_each_failure_is_shown_once() -> Result<()> {
    let (server, _model, mut ada) = begun().await?;
    let base = base(&server);
    let directory = tempfile::tempdir()?;
    let mut files = vec![file(&directory, "Papers/broken.pdf", &"%PDF-1.7 no ".repeat(90))?];
    for number in 0..14 {
        let name = format!("Papers/{}{number:02}.txt", "a-long-name-that-needs-room-".repeat(4));
        files.push(file(&directory, &name, &format!("Paper number {number}. ").repeat(3))?);
    }
    ada.open(&format!("{base}/documents")).await?;
    ada.fill("#into", "harbour").await?;
    ada.drop_files(&[&directory.path().join("Papers")]).await?;
    ada.wait("!!document.querySelector('.job[data-over]')").await?;
    ada.wait(
        "/^14 of 15 uploaded · 1 failed$/.test(document.querySelector('[data-total]').innerText)",
    )
    .await?;
    // Their folder is listed without a reload.
    ada.wait("document.querySelector('#folder-list').innerText.includes('Papers')").await?;
    let rows = "document.querySelectorAll('.upload').length";
    ensure!(ada.run(rows).await?.as_u64().is_some_and(|rows| rows <= 6), "a row for each file");
    let told = "[...document.querySelectorAll('.upload, .job-row')].filter((row) => \
                row.checkVisibility() && row.innerText.includes('broken.pdf')).length";
    assert_eq!(ada.run(told).await?, 1);
    let name = "document.querySelector('.upload[data-state=failed] .upload-name').clientWidth > 60";
    assert_eq!(ada.run(name).await?, true);
    // A job shows its share of all files, including the unreadable ones.
    ada.wait("/14 of 15 documents/.test(document.querySelector('.job').innerText)").await?;
    ada.click("[data-tray-close]").await?;
    assert_eq!(ada.run("document.querySelector('#tray').checkVisibility()").await?, false);
    // The job reports the failure once the upload no longer does.
    ada.wait(&format!("{told} === 1")).await?;
    ada.click("[data-job-close]").await?;
    ada.open(&format!("{base}/w/harbour/documents")).await?;
    assert_eq!(ada.run("document.querySelectorAll('.job').length").await?, 0);
    forget_refusals(&mut ada);
    well_behaved(&ada, &server);
    Ok(())
}
