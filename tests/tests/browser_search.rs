//! The search playground: four search modes side by side.
use anyhow::{Context, Result, ensure};
use e2e::browser::Browser;
use e2e::visitor::Visitor;
use e2e::{Backend, Mode, TestServer, in_both_modes};
use serde_json::json;

use crate::browser_journey::{base, fresh, set_up, violations, well_behaved};

in_both_modes!(every_search_mode_shows_its_results_and_reasons);

async fn every_search_mode_shows_its_results_and_reasons(
    backend: Backend,
    mode: Mode,
) -> Result<()> {
    let server = TestServer::start(backend).await?;
    let admin = server.admin();
    let mut ada = Visitor::first(&server, mode).await?;
    assert!(ada.get("/search").await?.says("No workspaces yet"));
    admin.post("/v1/workspace/new", json!({ "name": "Alpha" })).await?.ok()?;
    let empty = ada.get("/search?q=crane").await?;
    assert!(empty.says("No documents yet") && empty.says("/w/alpha/documents"));
    for (name, text) in [
        ("crane.txt", "The crane in the old harbour is called Berta."),
        ("ferry.txt", "The boat to the island departs at nine in the morning."),
    ] {
        admin.upload(name, text.as_bytes(), &[("addToWorkspaces", "alpha")]).await?.ok()?;
    }
    assert!(ada.get("/search").await?.says("Try a question"));
    let found = ada.get("/search?q=crane+timetable").await?;
    let ways: Vec<_> = found.text.split("<section class=\"way\"").skip(1).collect();
    assert_eq!(ways.len(), 4);
    let heading = |way: &str| Some(way.split("</h2>").next()?.rsplit('>').next()?.to_owned());
    let headings: Option<Vec<_>> = ways.iter().map(|way| heading(way)).collect();
    assert_eq!(
        headings.context("no heading")?,
        ["By meaning", "By words", "Hybrid", "Hybrid + reranking"]
    );
    // Word search only finds the passage with a word of the question, and shows how.
    assert!(ways[1].contains("Berta") && !ways[1].contains("The boat"), "{}", ways[1]);
    assert!(ways[1].contains("Rank 1 by words") && !ways[1].contains("by meaning"), "{}", ways[1]);
    assert!(ways[0].contains("by meaning") && !ways[0].contains("by words"), "{}", ways[0]);
    assert!(ways[2].contains("Rank 1 by words") && ways[2].contains("by meaning"), "{}", ways[2]);
    assert!(
        ways[2].contains("Used by this workspace") && !ways[3].contains("Used by this workspace")
    );
    assert!(ways[3].contains("Similarity"), "{}", ways[3]);
    // Marked passages would be the sources of an answer.
    assert!(ways[2].contains("hit-used"), "{}", ways[2]);
    for query in ["%00", "%F0%9F%9A%A2", &"x".repeat(4000), "---", "%22%20OR%20%22"] {
        assert_eq!(ada.get(&format!("/search?q={query}")).await?.status, 200, "{query}");
    }
    Ok(())
}

#[tokio::test]
async fn search_modes_are_side_by_side_and_stacked_on_a_phone() -> Result<()> {
    let (server, _model, link) = fresh().await?;
    let mut browser = Browser::start(1600, 900).await?;
    set_up(&mut browser, &link).await?;
    browser.follow("form[action='/welcome/sample'] button").await?;
    let rows = "new Set([...document.querySelectorAll('.way')].map((way) => \
        Math.round(way.getBoundingClientRect().top))).size";
    for (width, is_phone, wanted) in [(1600, false, 1), (1100, false, 2), (390, true, 4)] {
        browser.resize(width, 900, is_phone).await?;
        browser.open(&format!("{}/search?q=Which+lamp+is+on+the+railing", base(&server))).await?;
        assert_eq!(browser.run(rows).await?, wanted, "{width}");
        let found = violations(&mut browser).await?;
        ensure!(found.is_empty(), "{width}: {found:?}");
        let wide = "document.documentElement.scrollWidth > document.documentElement.clientWidth";
        assert_eq!(browser.run(wide).await?, false, "{width}");
    }
    well_behaved(&browser, &server);
    Ok(())
}
