//! A user's own conversations: search, branches, exports, shared links, deletion and restoration.
use anyhow::{Context, Result, ensure};
use e2e::browser::Browser;
use e2e::visitor::Visitor;
use e2e::{Backend, TestServer, on_both_databases};
use serde_json::json;

use crate::browser_journey::{PASSWORD, base, fresh_with, furnish, violations, well_behaved};

on_both_databases!(
    a_deleted_conversation_is_restored_and_found_by_its_owner_only,
    a_link_shows_a_conversation_until_it_is_revoked,
    conversations_are_listed_and_deleted_together,
);

/// Signs in the administrator ada and bob, both in the workspace `alpha`, with answers that quote.
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

/// Returns the id that undoes a deletion, from the address its form leads to.
fn undo(address: &str) -> Result<String> {
    let at = address.split("undo=").nth(1).context("nothing to take back")?;
    Ok(at.chars().take_while(char::is_ascii_digit).collect())
}

async fn a_deleted_conversation_is_restored_and_found_by_its_owner_only(
    backend: Backend,
) -> Result<()> {
    let (server, mut ada, mut bob) = two(backend).await?;
    let question = "What is the crane in the harbour called?";
    let thread = bob.post("/w/alpha/threads", &[]).await?.leads_to().to_owned();
    for base in ["/w/alpha", thread.as_str()] {
        assert_eq!(bob.post(&format!("{base}/ask"), &[("message", question)]).await?.status, 303);
    }
    // Found by words, by prefixes, in the answer, in scripts without spaces; by nobody else.
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
    // A complete conversation, and a thread.
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
    // A branch starts with the exchanges so far; the original conversation is unchanged.
    bob.post(&format!("{thread}/ask"), &[("message", "And what is old?")]).await?;
    assert_eq!(ada.post("/w/alpha/chats/2/branch", &[]).await?.status, 404);
    let branch = bob.post("/w/alpha/chats/2/branch", &[]).await?;
    let branched = bob.get(branch.leads_to()).await?;
    ensure!(branched.says("Berta") && !branched.says("And what is old?"), "{}", branched.text);
    ensure!(bob.get(&thread).await?.says("And what is old?"));
    // Exports.
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

async fn conversations_are_listed_and_deleted_together(backend: Backend) -> Result<()> {
    let (server, mut ada, mut bob) = two(backend).await?;
    ensure!(bob.get("/w/alpha/conversations").await?.says("No conversations yet"));
    for number in 0..53 {
        let body = json!({ "name": format!("Talk {number:02}"), "slug": format!("talk-{number:02}"), "userId": 2 });
        server.admin().post("/v1/workspace/alpha/thread/new", body).await?.ok()?;
    }
    let first = bob.get("/w/alpha/conversations").await?;
    ensure!(first.says("value=\"talk-52\"") && !first.says("value=\"talk-02\""), "{}", first.text);
    let older = first.text.split("href=\"?before=").nth(1).context("no older conversations")?;
    let older: String = older.chars().take_while(char::is_ascii_digit).collect();
    let second = bob.get(&format!("/w/alpha/conversations?before={older}")).await?;
    ensure!(second.says("value=\"talk-02\"") && !second.says("value=\"talk-03\""));
    let found = bob.get("/w/alpha/conversations?q=K%2001").await?;
    ensure!(found.says("value=\"talk-01\"") && !found.says("value=\"talk-11\""));
    ensure!(bob.get("/w/alpha/conversations?q=nowhere").await?.says("No names match"));
    ensure!(ada.get("/w/alpha/conversations").await?.says("No conversations yet"));

    let delete = "/w/alpha/conversations/delete";
    assert_eq!(bob.post(delete, &[]).await?.status, 400);
    // One that is somebody else's keeps the others too.
    let both = [("thread", "talk-01"), ("thread", "talk-02")];
    assert_eq!(ada.post(delete, &both).await?.status, 404);
    assert_eq!(bob.post(delete, &[both[0], ("thread", "nope")]).await?.status, 404);
    ensure!(bob.get("/w/alpha/t/talk-01").await?.status == 200);
    let gone = bob.post(delete, &both).await?;
    ensure!(bob.get(gone.leads_to()).await?.says("Conversations deleted"));
    for slug in ["talk-01", "talk-02"] {
        assert_eq!(bob.get(&format!("/w/alpha/t/{slug}")).await?.status, 404);
    }
    // The archive: out of the side bar, and back.
    let archive = "/w/alpha/conversations/archive";
    assert_eq!(ada.post(archive, &[("thread", "talk-10")]).await?.status, 404);
    bob.post(archive, &[("thread", "talk-10"), ("thread", "talk-11")]).await?;
    let side = bob.get("/w/alpha").await?;
    ensure!(side.says("/t/talk-12\"") && !side.says("/t/talk-10\""), "{}", side.text);
    let archived = bob.get("/w/alpha/conversations?archived=1").await?;
    ensure!(archived.says("value=\"talk-10\"") && !archived.says("value=\"talk-12\""));
    ensure!(!bob.get("/w/alpha/conversations?before=20").await?.says("value=\"talk-10\""));
    ensure!(bob.get("/w/alpha/t/talk-10").await?.says("This conversation is archived"));
    let back = bob.post("/w/alpha/conversations/unarchive", &[("thread", "talk-10")]).await?;
    ensure!(back.leads_to().starts_with("/w/alpha/t/talk-10?"), "{}", back.leads_to());
    ensure!(bob.get("/w/alpha").await?.says("/t/talk-10\""));
    let bin = bob.get("/account/bin").await?;
    ensure!(bin.says("Talk 01") && bin.says("Talk 02"), "{}", bin.text);
    bob.post("/bin/1/restore", &[]).await?;
    ensure!(bob.get("/w/alpha/t/talk-01").await?.status == 200);
    Ok(())
}

fn segment(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

async fn a_link_shows_a_conversation_until_it_is_revoked(backend: Backend) -> Result<()> {
    let (server, mut ada, mut bob) = two(backend).await?;
    bob.post("/w/alpha/ask", &[("message", "What is the crane called?")]).await?;
    // Sharing is off until an administrator turns it on.
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
    // Sharing is switched off and on again; then this link is revoked.
    ada.post("/admin/appearance", &[("share_conversations", "off")]).await?;
    assert_eq!(stranger.get(&link).await?.status, 422);
    ada.post("/admin/appearance", &[("share_conversations", "on")]).await?;
    assert_eq!(stranger.get(&link).await?.status, 200);
    assert_eq!(bob.post("/account/shares/1/revoke", &[("base", "/w/alpha")]).await?.status, 303);
    assert_eq!(stranger.get(&link).await?.status, 422);
    Ok(())
}

#[tokio::test]
async fn everything_is_found_by_keyboard_and_undone_by_a_click() -> Result<()> {
    let (server, _model, link) = fresh_with("echo").await?;
    let base = base(&server);
    let mut ada = Browser::start(1280, 900).await?;
    furnish(&mut ada, &server, &link).await?;
    ada.open(&format!("{base}/")).await?;
    assert_eq!(violations(&mut ada).await?, [""; 0]);
    // A question on the home page starts a new conversation.
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
    let is_there = "!window.__left && location.pathname.startsWith('/w/') && document.readyState === 'complete'";
    ada.wait(is_there).await?;
    ada.run("document.activeElement.blur()").await?;
    ada.run("document.dispatchEvent(new KeyboardEvent('keydown', { key: '?', bubbles: true }))")
        .await?;
    ada.wait("!!document.querySelector('dialog.shortcuts[open]')").await?;
    ada.press("Escape").await?;
    // Deleting asks for confirmation and can be undone.
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
