//! A user's own conversations: search, branches, exports, shared links, deletion and restoration.
use anyhow::{Context, Result, ensure};
use e2e::browser::Browser;
use e2e::visitor::Visitor;
use e2e::{Backend, TestServer, on_both_databases};
use serde_json::json;

use crate::browser_journey::{PASSWORD, base, fresh_with, furnish, violations, well_behaved};

on_both_databases!(
    what_is_deleted_comes_back_and_is_found_by_its_owner_only,
    a_link_shows_a_conversation_until_it_is_revoked,
);

/// Ada, who administers, and bob, both in the workspace `alpha`; with answers that quote.
async fn two(backend: Backend) -> Result<(TestServer, Visitor, Visitor)> {
    let server = TestServer::start(backend).await?;
    let admin = server.admin();
    let first = json!({ "username": "ada", "password": PASSWORD });
    admin.post("/v1/admin/enable-multi-user", first).await?.ok()?;
    let second = json!({ "username": "bob", "password": PASSWORD, "role": "default" });
    admin.post("/v1/admin/users/new", second).await?.ok()?;
    admin.post("/v1/workspace/new", json!({ "name": "Alpha" })).await?.ok()?;
    let text =
        "The crane in the old harbour is called Berta. 予備の灯は八秒で点きます。".as_bytes();
    admin.upload("crane.txt", text, &[("addToWorkspaces", "alpha")]).await?.ok()?;
    let mut visitors = Vec::new();
    for name in ["ada", "bob"] {
        let mut visitor = Visitor::new(admin)?;
        visitor.post("/sign-in", &[("username", name), ("password", PASSWORD)]).await?;
        visitors.push(visitor);
    }
    let [mut ada, bob] = <[Visitor; 2]>::try_from(visitors).ok().context("two")?;
    ada.post("/w/alpha/members", &[("user", "2")]).await?;
    Ok((server, ada, bob))
}

/// The number by which a deletion is taken back, from where its form leads.
fn undo(address: &str) -> Result<String> {
    let at = address.split("undo=").nth(1).context("nothing to take back")?;
    Ok(at.chars().take_while(char::is_ascii_digit).collect())
}

async fn what_is_deleted_comes_back_and_is_found_by_its_owner_only(backend: Backend) -> Result<()> {
    let (server, mut ada, mut bob) = two(backend).await?;
    let question = "What is the crane in the harbour called?";
    let thread = bob.post("/w/alpha/threads", &[]).await?.leads_to().to_owned();
    for base in ["/w/alpha", thread.as_str()] {
        assert_eq!(bob.post(&format!("{base}/ask"), &[("message", question)]).await?.status, 303);
    }
    // Found by words, by their beginnings, in the answer, in writing without spaces; by nobody else.
    for query in ["crane harbour", "CRAN", "berta", "点きます"] {
        let page = bob.get(&format!("/find?q={}", segment(query))).await?;
        ensure!(page.says("#turn-1\"") && page.says("#turn-2\""), "{query}: {}", page.text);
        ensure!(page.says("<mark>"), "{query}: {}", page.text);
        let page = ada.get(&format!("/find?q={}", segment(query))).await?;
        ensure!(!page.says("#turn-"), "{query}: {}", page.text);
    }
    for query in ["crane nowhere", "\"", "' OR 1=1 --", "*", "zq:b & !", "%"] {
        let page = bob.get(&format!("/find?q={}", segment(query))).await?;
        ensure!(page.status == 200 && !page.says("#turn-1\""), "{query}: {}", page.text);
    }
    // An exchange.
    let gone = bob.post("/w/alpha/chats/1/delete", &[("base", "/w/alpha")]).await?;
    let id = undo(gone.leads_to())?;
    ensure!(bob.get(gone.leads_to()).await?.says(&format!("/bin/{id}/restore")));
    ensure!(!bob.get("/w/alpha").await?.says("turn-1\""));
    ensure!(!bob.get("/find?q=berta").await?.says("#turn-1\""));
    assert_eq!(ada.post(&format!("/bin/{id}/restore"), &[]).await?.status, 404);
    ensure!(bob.get("/account/bin").await?.says(question));
    ensure!(!ada.get("/account/bin").await?.says(question));
    let back = bob.post(&format!("/bin/{id}/restore"), &[]).await?;
    assert_eq!(back.leads_to(), "/w/alpha?done=restored");
    ensure!(bob.get("/w/alpha").await?.says("id=\"turn-1\""));
    assert_eq!(bob.post(&format!("/bin/{id}/restore"), &[]).await?.status, 404);
    // A whole conversation, and a thread.
    let gone = bob.post("/w/alpha/reset", &[]).await?;
    ensure!(!bob.get("/w/alpha").await?.says("Berta"));
    bob.post(&format!("/bin/{}/restore", undo(gone.leads_to())?), &[]).await?;
    ensure!(bob.get("/w/alpha").await?.says("id=\"turn-1\""));
    let gone = bob.post(&format!("{thread}/delete"), &[]).await?;
    assert_eq!(bob.get(&thread).await?.status, 404);
    let threads = server.admin().get("/v1/workspace/alpha").await?.ok()?.to_string();
    ensure!(!threads.contains(thread.rsplit('/').next().unwrap_or_default()), "{threads}");
    let back = bob.post(&format!("/bin/{}/restore", undo(gone.leads_to())?), &[]).await?;
    ensure!(back.leads_to().starts_with(&thread), "{}", back.leads_to());
    ensure!(bob.get(&thread).await?.says("Berta"));
    // A branch begins with what was said up to there; the other goes on as it was.
    bob.post(&format!("{thread}/ask"), &[("message", "And what is old?")]).await?;
    assert_eq!(ada.post("/w/alpha/chats/2/branch", &[]).await?.status, 404);
    let branch = bob.post("/w/alpha/chats/2/branch", &[]).await?;
    let branched = bob.get(branch.leads_to()).await?;
    ensure!(branched.says("Berta") && !branched.says("And what is old?"), "{}", branched.text);
    ensure!(bob.get(&thread).await?.says("And what is old?"));
    // As files.
    let markdown = bob.get(&format!("{thread}/export?format=md")).await?;
    ensure!(
        markdown.says("> What is the crane") && markdown.says("1. crane.txt"),
        "{}",
        markdown.text
    );
    ensure!(markdown.header("content-disposition").contains(".md\""));
    let text = bob.get("/w/alpha/export?format=json").await?.text;
    let value: serde_json::Value = serde_json::from_str(&text)?;
    assert_eq!(value["exchanges"][0]["question"], question);
    assert_eq!(bob.get("/w/alpha/export?format=exe").await?.status, 400);
    assert_eq!(ada.get(&format!("{thread}/export?format=md")).await?.status, 404);
    Ok(())
}

fn segment(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

async fn a_link_shows_a_conversation_until_it_is_revoked(backend: Backend) -> Result<()> {
    let (server, mut ada, mut bob) = two(backend).await?;
    bob.post("/w/alpha/ask", &[("message", "What is the crane called?")]).await?;
    // Off until an administrator turns it on.
    assert_eq!(bob.post("/w/alpha/share", &[("days", "7")]).await?.status, 422);
    ensure!(!bob.get("/w/alpha").await?.says("/w/alpha/share"));
    ada.post("/admin/appearance", &[("share_conversations", "on")]).await?;
    ensure!(bob.get("/w/alpha").await?.says("/w/alpha/share"));
    assert_eq!(bob.post("/w/alpha/share", &[("days", "0")]).await?.status, 400);
    let made = bob.post("/w/alpha/share", &[("days", "7")]).await?;
    let link = made.text.split(['<', '>']).find(|text| text.contains("/shared/"));
    let link = link.and_then(|link| link.find("/shared/").map(|at| link[at..].to_owned()));
    let link = link.context("no link")?;
    bob.post("/w/alpha/ask", &[("message", "A later secret?")]).await?;
    let mut stranger = Visitor::new(server.admin())?;
    let page = stranger.get(&link).await?;
    ensure!(page.status == 200 && page.says("Berta") && page.says("crane.txt"), "{}", page.text);
    for kept in ["A later secret", "/w/alpha", "/source?", "<form", "bob"] {
        ensure!(!page.says(kept), "{kept}: {}", page.text);
    }
    ensure!(page.says("noindex") && page.header("cache-control").contains("no-store"));
    assert_eq!(stranger.get("/shared/crl_nothing").await?.status, 422);
    assert_eq!(ada.post("/account/shares/1/revoke", &[("base", "/w/alpha")]).await?.status, 404);
    // Off for all, and on again; then this one is revoked.
    ada.post("/admin/appearance", &[("share_conversations", "off")]).await?;
    assert_eq!(stranger.get(&link).await?.status, 422);
    ada.post("/admin/appearance", &[("share_conversations", "on")]).await?;
    assert_eq!(stranger.get(&link).await?.status, 200);
    assert_eq!(bob.post("/account/shares/1/revoke", &[("base", "/w/alpha")]).await?.status, 303);
    assert_eq!(stranger.get(&link).await?.status, 422);
    Ok(())
}

#[tokio::test]
async fn everything_is_found_by_keys_and_taken_back_by_a_click() -> Result<()> {
    let (server, _model, link) = fresh_with("echo").await?;
    let base = base(&server);
    let mut ada = Browser::start(1280, 900).await?;
    furnish(&mut ada, &server, &link).await?;
    ada.open(&format!("{base}/")).await?;
    assert_eq!(violations(&mut ada).await?, [""; 0]);
    // A question asked from home opens a conversation of its own.
    ada.fill("#message", "How long does the reserve lamp last?").await?;
    ada.run("window.__left = true").await?;
    ada.press("Enter").await?;
    ada.wait("!window.__left && location.pathname.includes('/t/')").await?;
    ada.wait("!!document.querySelector('.turn[id^=turn-] .turn-actions')").await?;
    let thread = ada.run("location.pathname").await?;
    ada.open(&format!("{base}/account")).await?;
    let keys = "document.dispatchEvent(new KeyboardEvent('keydown', { key: 'k', ctrlKey: true, bubbles: true }))";
    ada.run(keys).await?;
    ada.wait("document.querySelectorAll('dialog[open] [role=option]').length > 3").await?;
    assert_eq!(violations(&mut ada).await?, [""; 0]);
    ada.fill("dialog input", "reserve lamp").await?;
    ada.wait(
        "[...document.querySelectorAll('dialog mark')].some((it) => /lamp/i.test(it.innerText))",
    )
    .await?;
    ada.run("document.querySelector('dialog input').focus(); window.__left = true").await?;
    ada.press("ArrowDown").await?;
    ada.press("ArrowUp").await?;
    ada.press("Enter").await?;
    ada.wait("!window.__left && location.pathname.startsWith('/w/')").await?;
    ada.run("document.activeElement.blur()").await?;
    ada.run("document.dispatchEvent(new KeyboardEvent('keydown', { key: '?', bubbles: true }))")
        .await?;
    ada.wait("!!document.querySelector('dialog.shortcuts[open]')").await?;
    ada.press("Escape").await?;
    // Deleting asks, and can be undone.
    ada.open(&format!("{base}{}", thread.as_str().unwrap_or_default())).await?;
    ada.run("document.querySelector('.chat-head details.menu').open = true").await?;
    assert_eq!(
        ada.run("document.querySelector('.chat-head form[action$=\"/delete\"]').checkVisibility()")
            .await?,
        false
    );
    ada.click(".chat-head .confirm summary").await?;
    assert_eq!(violations(&mut ada).await?, [""; 0]);
    ada.follow(".chat-head form[action$='/delete'] button").await?;
    ada.wait("location.pathname === '/w/sample-library'").await?;
    ada.follow(".notice form[action$='/restore'] button").await?;
    ada.wait_for("Restored.").await?;
    assert_eq!(ada.run("location.pathname").await?, thread);
    assert_eq!(violations(&mut ada).await?, [""; 0]);
    well_behaved(&ada, &server);
    Ok(())
}

#[tokio::test]
async fn no_single_click_loses_a_conversation_or_a_part_of_it() -> Result<()> {
    let (server, _model, link) = fresh_with("echo").await?;
    let mut ada = Browser::start(1280, 900).await?;
    furnish(&mut ada, &server, &link).await?;
    let page = format!("{}/w/sample-library", base(&server));
    for (menu, form) in
        [(".turn details.menu", "/chats/1/delete"), (".chat-head details.menu", "/reset")]
    {
        ada.open(&page).await?;
        ada.run(&format!("document.querySelector('{menu}').open = true")).await?;
        let button = format!("{menu} form[action$='{form}'] button");
        let shown = format!("document.querySelector(\"{button}\").checkVisibility()");
        assert_eq!(ada.run(&shown).await?, false, "{form} is one click away");
        ada.click(&format!("{menu} .confirm summary")).await?;
        assert_eq!(ada.run(&shown).await?, true);
        ada.follow(&button).await?;
        assert_eq!(ada.run("document.querySelectorAll('.turn').length").await?, 0);
        ada.follow(".notice form[action$='/restore'] button").await?;
        ada.wait("document.querySelectorAll('.turn').length === 1").await?;
    }
    well_behaved(&ada, &server);
    Ok(())
}
