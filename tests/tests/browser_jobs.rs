//! The list of all jobs in a real browser: it updates while a job runs, and keeps its scroll
//! position and the keyboard focus.
use anyhow::{Context, Result};

use crate::browser_documents::{begun, begun_with};
use crate::browser_journey::{base, violations, well_behaved};
use crate::jobs::{documents, is_over, place_later, until};

#[tokio::test]
async fn a_job_is_cancelled_in_the_refreshed_list() -> Result<()> {
    // No embedder listens at this address, so jobs wait.
    let (server, mut ada) = begun_with("http://127.0.0.1:9/v1", "echo").await?;
    for text in ["One.", "Two."] {
        let paths = documents(server.admin(), &[text]).await?;
        place_later(server.admin(), "harbour", &paths).await?;
    }
    let page = format!("{}/admin/jobs?before=2", base(&server));
    ada.open(&page).await?;
    ada.run(
        "document.querySelector('#jobs').dataset.old = '', \
         document.querySelector('#job-1-do').focus()",
    )
    .await?;
    ada.wait("!('old' in document.querySelector('#jobs').dataset)").await?;
    assert_eq!(ada.run("document.querySelectorAll('#jobs li').length").await?, 1);
    assert_eq!(ada.run("document.activeElement.id").await?, "job-1-do");
    assert_eq!(violations(&mut ada).await?, [""; 0]);
    ada.leave_by("document.activeElement.click()").await?;
    ada.wait_for("Cancelled. Finished documents stay indexed.").await?;
    assert_eq!(ada.run("location.href").await?, page.as_str());
    assert_eq!(ada.run("!!document.querySelector('#job-1-do')").await?, false);
    ada.open(&format!("{}/admin/jobs", base(&server))).await?;
    ada.wait("!!document.querySelector('#job-2-do')").await?;
    well_behaved(&ada, &server);
    Ok(())
}

#[tokio::test]
async fn failed_documents_are_retried_and_inspected_from_the_list() -> Result<()> {
    let (server, _model, mut ada) = begun().await?;
    let paths = documents(server.admin(), &["A good text.", "An unspeakable text."]).await?;
    let job = place_later(server.admin(), "harbour", &paths).await?;
    let before = until(server.admin(), &job["id"], is_over).await?;
    let page = format!("{}/admin/jobs", base(&server));
    ada.open(&page).await?;
    ada.follow("#job-1-do").await?;
    ada.wait_for("The failed documents are being retried.").await?;
    assert_eq!(ada.run("location.href").await?, page.as_str());
    let again = |job: &serde_json::Value| is_over(job) && *job != before["job"];
    until(server.admin(), &job["id"], again).await.context("nothing was tried")?;
    ada.wait("!!document.querySelector('#job-1-failed')").await?;
    ada.follow("#job-1-failed").await?;
    ada.wait("document.querySelector('.job-reason')?.innerText.includes('not to be said')").await?;
    well_behaved(&ada, &server);
    Ok(())
}

#[tokio::test]
async fn the_end_of_a_job_is_told_on_whatever_page_is_open() -> Result<()> {
    // Nobody embeds there, so that the job waits.
    let (server, mut ada) = begun_with("http://127.0.0.1:9/v1", "echo").await?;
    let paths = documents(server.admin(), &["One."]).await?;
    let job = place_later(server.admin(), "harbour", &paths).await?;
    ada.open(&format!("{}/w/harbour/documents", base(&server))).await?;
    ada.wait("!!document.querySelector('[data-job]:not([data-over])')").await?;
    ada.wait("localStorage.getItem('watched-jobs') === '[\"1\"]'").await?;
    ada.open(&format!("{}/account", base(&server))).await?;
    ada.wait("document.querySelectorAll('#notices .notice').length === 0").await?;
    let id = job["id"].clone();
    server.admin().post(&format!("/v1/jobs/{id}/cancel"), serde_json::json!({})).await?.ok()?;
    ada.wait("document.querySelector('#notices .notice a')?.innerText === 'Cancelled · Harbour'")
        .await?;
    assert_eq!(
        ada.run("document.querySelector('#notices a').getAttribute('href')").await?,
        "/jobs/1"
    );
    assert_eq!(violations(&mut ada).await?, [""; 0]);
    // Once.
    ada.wait("localStorage.getItem('watched-jobs') === '[]'").await?;
    well_behaved(&ada, &server);
    Ok(())
}
