//! Documents in a real browser: uploads with their progress, their jobs, and bulk actions. The
//! console stays empty, and no request leaves the server.
use std::path::Path;

use anyhow::{Context, Result, ensure};
use e2e::browser::Browser;
use e2e::model_server::{self, ModelServer};
use e2e::{Backend, TestServer};
use serde_json::json;

use crate::browser_journey::{base, set_up, violations, well_behaved};
use crate::jobs::embedding_with;

/// Starts a server whose embedder refuses some texts, with a workspace and a signed-in browser.
pub async fn begun() -> Result<(TestServer, ModelServer, Browser)> {
    let model = model_server::start().await?;
    let (server, browser) = begun_with(&model.base_url(), "picky").await?;
    Ok((server, model, browser))
}

pub async fn begun_with(embedder: &str, model: &str) -> Result<(TestServer, Browser)> {
    let options = embedding_with(Backend::Sqlite, embedder, model);
    let server = TestServer::start(options).await?;
    server.wait_for_log("/setup?token=").await?;
    let log = server.log()?;
    let link = log.split_whitespace().rfind(|word| word.contains("/setup?token="));
    let mut browser = Browser::start(1280, 900).await?;
    set_up(&mut browser, link.context("no link")?).await?;
    server.admin().post("/v1/workspace/new", json!({ "name": "Harbour" })).await?.ok()?;
    Ok((server, browser))
}

/// Removes the browser's messages about refusals, which are expected here.
pub fn forget_refusals(browser: &mut Browser) {
    browser.complaints.retain(|complaint| !complaint.contains("status of 4"));
}

#[tokio::test]
async fn each_file_is_followed_until_it_is_in_the_workspace() -> Result<()> {
    let (server, _model, mut ada) = begun().await?;
    let base = base(&server);
    let directory = tempfile::tempdir()?;
    let mut files = Vec::new();
    for (name, text) in [
        ("cranes.txt", "The crane is called Berta."),
        ("empty.txt", ""),
        ("rude.txt", "An unspeakable text."),
        ("tides.md", "High water is at noon."),
    ] {
        let file = directory.path().join(name);
        std::fs::write(&file, text)?;
        files.push(file);
    }
    ada.open(&format!("{base}/w/harbour/documents")).await?;
    let files: Vec<&Path> = files.iter().map(|file| file.as_path()).collect();
    ada.choose_files("#file", &files).await?;
    // One file cannot be read, which is reported at once; one cannot be embedded, which its job
    // reports.
    ada.wait("document.querySelectorAll('.upload[data-state=failed] button').length === 1").await?;
    ada.wait("document.querySelectorAll('.job[data-over] .job-row').length === 4").await?;
    let marks = "[...document.querySelectorAll('.job-row')].map((row) => \
                 row.querySelector('.job-name').innerText + ' ' + row.dataset.state).sort().join()";
    let marks = ada.run(marks).await?;
    assert_eq!(marks, "cranes.txt done,empty.txt failed,rude.txt failed,tides.md done");
    let said = ada.run("document.querySelector('.job').innerText").await?.to_string();
    assert!(said.contains("not to be said") && said.contains("Finished with problems"), "{said}");
    ada.wait("document.querySelector('#shelf').innerText.includes('tides.md')").await?;
    let shelf = ada.run("document.querySelector('#shelf').innerText").await?.to_string();
    assert!(shelf.contains("cranes.txt") && !shelf.contains("rude.txt"), "{shelf}");
    forget_refusals(&mut ada);
    assert_eq!(violations(&mut ada).await?, [""; 0]);

    // All of it is still shown after a reload, and on a separate page.
    ada.open(&format!("{base}/w/harbour/documents")).await?;
    ada.wait("document.querySelectorAll('.job-row[data-state=failed]').length === 2").await?;
    ada.open(&format!("{base}/jobs/1")).await?;
    ada.wait_for("Indexing for Harbour").await?;
    assert_eq!(violations(&mut ada).await?, [""; 0]);
    ada.follow("form[action='/jobs/1/retry'] button").await?;
    ada.wait("document.querySelectorAll('.job[data-over] .job-row').length === 4").await?;
    ada.resize(390, 844, true).await?;
    let wide = "document.documentElement.scrollWidth > document.documentElement.clientWidth";
    assert_eq!(ada.run(wide).await?, false);
    well_behaved(&ada, &server);
    Ok(())
}

#[tokio::test]
async fn a_waiting_job_shows_the_reason_and_can_be_cancelled() -> Result<()> {
    // No embedder listens at this address.
    let (server, mut ada) = begun_with("http://127.0.0.1:9/v1", "echo").await?;
    let base = base(&server);
    let directory = tempfile::tempdir()?;
    let file = directory.path().join("cranes.txt");
    std::fs::write(&file, "The crane is called Berta.")?;
    ada.open(&format!("{base}/w/harbour/documents")).await?;
    ada.choose_files("#file", &[&file]).await?;
    // Shown live, without a reload.
    let why =
        "!!document.querySelector('.job[sse-connect] .callout')?.innerText.includes('unavailable')";
    ada.wait(why).await?;
    assert_eq!(violations(&mut ada).await?, [""; 0]);
    ada.open(&format!("{base}/w/harbour/documents")).await?;
    ada.wait(why).await?;
    ada.follow("form[action='/jobs/1/cancel'] button").await?;
    ada.wait("location.pathname === '/jobs/1' && !!document.querySelector('.job[data-over]')")
        .await?;
    ada.wait("!!document.querySelector('.job-row[data-state=cancelled]')").await?;
    // The document itself is in the library.
    ada.open(&format!("{base}/documents")).await?;
    ada.wait("document.querySelector('#shelf').innerText.includes('cranes.txt')").await?;
    well_behaved(&ada, &server);
    Ok(())
}

#[tokio::test]
async fn selected_documents_are_organized() -> Result<()> {
    let (server, _model, mut ada) = begun().await?;
    let base = base(&server);
    // More folders than are listed at a time.
    for number in 0..101 {
        let folder = json!({ "name": format!("Box {number:03}") });
        server.admin().post("/v1/document/create-folder", folder).await?.ok()?;
    }
    for number in 0..52 {
        let text = format!("The text of number {number}.");
        let raw =
            json!({ "textContent": text, "metadata": { "title": format!("Note {number:02}") } });
        server.admin().post("/v1/document/raw-text", raw).await?.ok()?;
    }
    ada.open(&format!("{base}/documents")).await?;
    let rows = "document.querySelectorAll('#shelf tbody tr').length";
    assert_eq!(ada.run(rows).await?, 50);
    assert_eq!(violations(&mut ada).await?, [""; 0]);
    let is_offered = "!!document.querySelector('[data-needs-choice]:not([hidden])')";
    assert_eq!(ada.run(is_offered).await?, false, "nothing is ticked yet");
    ada.follow(".paging a").await?;
    assert_eq!(ada.run(rows).await?, 2);
    ada.click("[data-choose-all]").await?;
    ada.wait("document.querySelector('.bulk-count').innerText === '2 selected'").await?;
    ada.fill("#workspace", "harbour").await?;
    ada.follow("button[value=place]").await?;
    ada.wait(
        "location.pathname.startsWith('/jobs/') && !!document.querySelector('.job[data-over]')",
    )
    .await?;
    ada.open(&format!("{base}/w/harbour/documents")).await?;
    assert_eq!(ada.run(rows).await?, 2);

    ada.open(&format!("{base}/documents")).await?;
    ada.fill("#folder-name", "Old").await?;
    ada.follow(".folder-new button").await?;
    ada.wait_for("This folder is empty").await?;
    assert_eq!(violations(&mut ada).await?, [""; 0]);
    ada.open(&format!("{base}/documents?q=note+1")).await?;
    assert_eq!(ada.run(rows).await?, 10);
    ada.click("input[name=path]").await?;
    // Omitted items are reported, and the selection is kept.
    ada.click("button[value=move]").await?;
    ada.wait("!!document.querySelector('main [role=alert], #notices [role=alert]')").await?;
    ada.wait("document.querySelector('.bulk-count').innerText === '1 selected'").await?;
    ada.complaints.retain(|said| !said.contains("Response Status Error Code 400"));
    forget_refusals(&mut ada);
    ada.fill("#to", "Old").await?;
    ada.follow("button[value=move]").await?;
    ada.wait("location.search === '?q=note+1&page=1'").await?;
    ada.open(&format!("{base}/documents?folder=Old")).await?;
    assert_eq!(ada.run(rows).await?, 1);
    ada.follow("#shelf .table-name").await?;
    ada.wait("document.querySelector('.paper')?.innerText.startsWith('The text of number 1')")
        .await?;
    assert_eq!(violations(&mut ada).await?, [""; 0]);
    ada.run("document.querySelector('details.menu').open = true").await?;
    ada.follow("button[value=delete]").await?;
    ada.wait_for("51 documents").await?;

    // A list that refreshes keeps the user's selection and focus.
    let first = "document.querySelector('#shelf input[name=path]')";
    let chosen = ada.run(&format!("{first}.click(), {first}.focus(), {first}.value")).await?;
    ada.click(".bulk-do summary").await?;
    ada.run("document.querySelector('#to').value = 'Ol'").await?;

    // A selected folder becomes a folder, file by file.
    let directory = tempfile::tempdir()?;
    let plans = directory.path().join("Plans");
    std::fs::create_dir(&plans)?;
    std::fs::write(plans.join("one.txt"), "Plan one.")?;
    std::fs::write(plans.join("two.txt"), "Plan two.")?;
    ada.choose_files("#directory", &[&plans]).await?;
    ada.wait("document.querySelectorAll('.upload[data-state=done]').length === 2").await?;
    ada.wait("document.querySelector('#shelf').innerText.includes('two.txt')").await?;
    ada.wait("document.querySelector('.bulk-count').innerText === '1 selected'").await?;
    let still = format!(
        "[...document.querySelectorAll('input[name=path]:checked')]\
         .map((box) => box.value).join() === {chosen}"
    );
    assert_eq!(ada.run(&still).await?, true);
    assert_eq!(ada.run("document.activeElement.value").await?, chosen);
    assert_eq!(ada.run("document.querySelector('.bulk-do details').open").await?, true);
    assert_eq!(ada.run("document.querySelector('#to').value").await?, "Ol");
    ada.open(&format!("{base}/documents?folder=Plans")).await?;
    ensure!(ada.run(rows).await? == 2, "they are in no folder of that name");
    ada.resize(390, 844, true).await?;
    let wide = "document.documentElement.scrollWidth > document.documentElement.clientWidth";
    assert_eq!(ada.run(wide).await?, false);
    assert_eq!(violations(&mut ada).await?, [""; 0]);
    well_behaved(&ada, &server);
    Ok(())
}

#[tokio::test]
async fn times_are_shown_in_the_time_zone_of_the_reader() -> Result<()> {
    let (server, _model, mut ada) = begun().await?;
    let text = json!({ "textContent": "A text.", "metadata": { "title": "Note" } });
    server.admin().post("/v1/document/raw-text", text).await?.ok()?;
    // UTC+14, all year round.
    ada.live_in("Pacific/Kiritimati", "en-GB").await?;
    ada.open(&format!("{}/documents", base(&server))).await?;
    let time = "document.querySelector('#shelf time')";
    let machine = ada.run(&format!("{time}.dateTime")).await?;
    let machine = machine.as_str().context("no time")?;
    let (hour, minute): (u32, &str) = (machine[11..13].parse()?, &machine[14..16]);
    let (there, here) =
        (format!("{hour:02}:{minute}"), format!("{:02}:{minute}", (hour + 14) % 24));
    // What is new is told by how long ago it was; the moment stands in its title.
    let told = format!("{time}.textContent + ' / ' + {time}.title");
    let shown = ada.run(&told).await?.as_str().unwrap_or_default().to_owned();
    let (shown, title) = shown.split_once(" / ").context("no title")?;
    assert!(shown == "now" || shown.ends_with("minute ago"), "{shown}");
    assert!(title.ends_with(&here), "{machine}: {shown}, {title}");
    // Elsewhere the moment is told itself.
    ada.open(&format!("{}/admin/audit", base(&server))).await?;
    let first = "[...document.querySelectorAll('tbody time')].map((it) => it.textContent + ' / ' + it.title + ' / ' + it.dateTime)[0]";
    let shown = ada.run(first).await?.as_str().unwrap_or_default().to_owned();
    let parts: Vec<_> = shown.split(" / ").collect();
    let hour: u32 = parts[2][11..13].parse()?;
    assert!(parts[0].contains(&format!("{:02}:", (hour + 14) % 24)), "{shown}");
    assert!(parts[1].contains(&format!("{hour:02}:")) && !there.is_empty(), "{shown}");
    well_behaved(&ada, &server);
    Ok(())
}

#[tokio::test]
async fn a_folder_is_renamed_with_all_that_is_in_it_and_files_are_marked_by_type() -> Result<()> {
    let (server, _model, mut ada) = begun().await?;
    let base = base(&server);
    let mut paths = Vec::new();
    for title in ["berths.pdf", "Notes"] {
        let raw = json!({ "textContent": format!("The text of {title}."), "metadata": { "title": title } });
        let added = server.admin().post("/v1/document/raw-text", raw).await?.ok()?;
        paths.push(added["documents"][0]["location"].as_str().context("no location")?.to_owned());
    }
    server.admin().post("/v1/document/create-folder", json!({ "name": "Plans" })).await?.ok()?;
    let moves: Vec<_> = paths
        .iter()
        .map(|from| json!({ "from": from, "to": from.replace("custom-documents", "Plans") }))
        .collect();
    server.admin().post("/v1/document/move-files", json!({ "files": moves })).await?.ok()?;
    let placed: Vec<_> =
        paths.iter().map(|path| path.replace("custom-documents", "Plans")).collect();
    server
        .admin()
        .post("/v1/workspace/harbour/update-embeddings", json!({ "adds": placed }))
        .await?
        .ok()?;

    ada.open(&format!("{base}/documents?folder=Plans")).await?;
    let kinds = "[...document.querySelectorAll('#shelf tbody tr')].map((row) => row.querySelector('.kind')?.innerText || '').sort().join()";
    assert_eq!(ada.run(kinds).await?, ",PDF");
    ada.run("document.querySelector('form[action$=\"/folders/rename\"]').closest('details').open = true").await?;
    assert_eq!(violations(&mut ada).await?, [""; 0]);
    // A name that is taken is refused, and nothing moves.
    ada.fill("#folder-to", "custom-documents").await?;
    ada.click("form[action$='/folders/rename'] button").await?;
    ada.wait("!!document.querySelector('.field-error, #notices .notice')").await?;
    ada.fill("#folder-to", "Plans of 2026 & later").await?;
    ada.follow("form[action$='/folders/rename'] button").await?;
    assert_eq!(
        ada.run("new URLSearchParams(location.search).get('folder')").await?,
        "Plans of 2026 & later"
    );
    let names = "[...document.querySelectorAll('#shelf .table-name')].map((it) => it.innerText).sort().join()";
    assert_eq!(ada.run(names).await?, "Notes,berths.pdf");
    let folders =
        "[...document.querySelectorAll('#folder-list span')].map((it) => it.innerText).join()";
    ensure!(
        !ada.run(folders).await?.to_string().contains("Plans,"),
        "the old folder is still there"
    );
    ada.open(&format!("{base}/w/harbour/documents")).await?;
    assert_eq!(ada.run(names).await?, "Notes,berths.pdf");
    forget_refusals(&mut ada);
    ada.complaints.retain(|said| !said.contains("Response Status Error"));
    well_behaved(&ada, &server);
    Ok(())
}
