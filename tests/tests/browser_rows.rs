//! Obstacles for newcomers, one by one, in a real browser: forms, wording, positions, phones.
use anyhow::{Result, ensure};
use e2e::browser::Browser;
use e2e::visitor::Visitor;
use serde_json::json;

use crate::browser_documents::forget_refusals;
use crate::browser_journey::{
    PASSWORD, base, fresh_with, furnish, set_up, violations, well_behaved,
};

/// Asks a question and waits for the answer.
pub async fn ask(browser: &mut Browser, text: &str) -> Result<()> {
    let turns = browser.run("document.querySelectorAll('.turn[id^=turn-]').length").await?;
    browser.fill("#message", text).await?;
    browser.click("button.send").await?;
    let there = format!(
        "!document.querySelector('[data-answer]') && \
         document.querySelectorAll('.turn[id^=turn-]').length > {turns}"
    );
    browser.wait(&there).await
}

fn forgive(browser: &mut Browser) {
    forget_refusals(browser);
    browser.complaints.retain(|said| !said.contains("Response Status Error"));
}

#[tokio::test]
async fn mistakes_are_reported_next_to_their_field() -> Result<()> {
    let (server, _model, link) = fresh_with("echo").await?;
    let base = base(&server);
    let mut ada = Browser::start(390, 844).await?;
    // Without scripts, a refused form is shown again with its input.
    ada.run_no_scripts(true).await?;
    ada.open(&link).await?;
    ada.fill("#username", "Ada Lovelace").await?;
    ada.fill("#password", "123").await?;
    ada.leave_by("document.querySelector('form').submit()").await?;
    let faults =
        "[...document.querySelectorAll('.field-error')].map((it) => it.innerText).join('|')";
    let said = ada.run(faults).await?.to_string();
    ensure!(said.contains("Username must") && said.contains("|Password should"), "{said}");
    assert_eq!(ada.run("document.querySelector('#username').value").await?, "Ada Lovelace");
    ada.run_no_scripts(false).await?;
    set_up(&mut ada, &link).await?;
    // The heading says that a link was used.
    ada.open(&link).await?;
    assert_eq!(
        ada.run("document.querySelector('h1').innerText").await?,
        "This link no longer works"
    );
    let mut invited = Browser::start(1280, 900).await?;
    let invite = json!({ "workspaceIds": [] });
    let invite = server.admin().post("/v1/admin/invite/new", invite).await?.ok()?;
    let code = invite["invite"]["code"].as_str().unwrap_or_default().to_owned();
    invited.open(&format!("{base}/invite/{code}")).await?;
    invited.fill("#username", "B").await?;
    invited.fill("#password", "123").await?;
    invited.click("form button").await?;
    invited.wait("document.querySelectorAll('.field-error').length === 2").await?;
    assert_eq!(invited.run("document.activeElement.id").await?, "username");
    invited.open(&format!("{base}/sign-in")).await?;
    invited.fill("#username", "ada").await?;
    invited.fill("#password", "wrong password").await?;
    invited.click("form button").await?;
    invited.wait("!!document.querySelector('.field-error')").await?;
    let near = "Math.abs(document.querySelector('.field-error').getBoundingClientRect().top - \
                document.querySelector('#password').getBoundingClientRect().bottom) < 40";
    assert_eq!(invited.run(near).await?, true);
    assert_eq!(invited.run("!document.querySelector('#notices .notice')").await?, true);
    forgive(&mut invited);
    forgive(&mut ada);
    well_behaved(&invited, &server);
    // A success message disappears after a while.
    ada.open(&format!("{base}/account?done=saved")).await?;
    ada.wait("!!document.querySelector('[data-passing]')").await?;
    ada.wait("!document.querySelector('[data-passing]')").await?;
    well_behaved(&ada, &server);
    Ok(())
}

#[tokio::test]
async fn providers_have_names_and_input_is_completed_or_refused_in_its_field() -> Result<()> {
    let (server, model, link) = fresh_with("echo").await?;
    let base = base(&server);
    let mut ada = Browser::start(1280, 900).await?;
    set_up(&mut ada, &link).await?;
    ada.wait_for("Connect a language model").await?;
    server.admin().post("/v1/workspace/new", json!({ "name": "Harbour" })).await?.ok()?;
    ada.open(&format!("{base}/admin/models/vectors")).await?;
    let offered = ada.run("document.querySelector('#provider').innerText").await?.to_string();
    for name in
        ["Inside this server", "Qdrant", "Pinecone", "Weaviate", "Milvus", "Zilliz", "Astra DB"]
    {
        ensure!(offered.contains(name), "{offered}");
    }
    ada.open(&format!("{base}/admin/models/embedding?provider=generic-openai")).await?;
    let labels = "[...document.querySelectorAll('main label')].map((it) => it.innerText).join('|')";
    let labels = ada.run(labels).await?.to_string();
    ensure!(labels.contains("Server address|API key|Model"), "{labels}");
    ensure!(!labels.contains("EmbeddingModelPref"), "{labels}");
    // An address without http:// is completed with it.
    let bare = model.base_url().replace("http://", "");
    ada.fill("#EmbeddingBasePath", &bare).await?;
    ada.fill("#EmbeddingModelPref, #AzureOpenAiEmbeddingModelPref", "echo").await?;
    ada.click("[formaction]").await?;
    ada.wait("document.querySelector('#probe').innerText.includes('dimensions')").await?;
    // Leaving unsaved input asks for confirmation.
    let leaves = "(() => { const event = new Event('beforeunload', { cancelable: true }); \
                  dispatchEvent(event); return !event.defaultPrevented; })()";
    assert_eq!(ada.run(leaves).await?, false);
    ada.open("about:blank").await.ok();
    ada.open(&format!("{base}/w/harbour/settings")).await?;
    assert_eq!(ada.run(leaves).await?, true);
    ada.fill("#provider", "openai").await?;
    ada.click("main form button").await?;
    ada.wait("document.querySelector('#provider-fault')?.innerText.length > 10").await?;
    let alpha = server.admin().get("/v1/workspace/harbour").await?.ok()?.to_string();
    ensure!(!alpha.contains("\"openai\""), "{alpha}");
    for mount in ["/v1", "/api/v1"] {
        let unknown = json!({ "chatProvider": "nope" });
        let path = format!("{mount}/workspace/harbour/update");
        let refused = server.admin().post(&path, unknown).await?;
        let said = server.admin().get("/v1/workspace/harbour").await?.ok()?.to_string();
        ensure!(!said.contains("nope"), "{mount}: {} {said}", refused.body);
    }
    // A member does not see advice for operators.
    let bob = json!({ "username": "bob", "password": PASSWORD, "role": "default" });
    server.admin().post("/v1/admin/users/new", bob).await?.ok()?;
    let change = json!({ "chatProvider": "generic-openai", "chatModel": "fail-500" });
    server.admin().post("/v1/workspace/harbour/update", change).await?.ok()?;
    let (mut member, mut admin) = (Visitor::new(server.admin())?, Visitor::new(server.admin())?);
    admin.post("/sign-in", &[("username", "ada"), ("password", PASSWORD)]).await?;
    member.post("/sign-in", &[("username", "bob"), ("password", PASSWORD)]).await?;
    admin.post("/w/harbour/members", &[("user", "2")]).await?;
    for (visitor, is_told) in [(&mut admin, true), (&mut member, false)] {
        let page = visitor.post("/w/harbour/ask", &[("message", "Hello?")]).await?;
        ensure!(page.says("asked to fail") == is_told, "{}", page.text);
    }
    // Names in any script become a readable address.
    for (name, address) in [("日本語", "/w/ri-ben-yu"), ("<b>Bold</b>", "/w/b-bold-b")] {
        assert_eq!(admin.post("/workspaces/new", &[("name", name)]).await?.leads_to(), address);
    }
    forgive(&mut ada);
    Ok(())
}

#[tokio::test]
async fn the_position_on_a_page_is_kept() -> Result<()> {
    let (server, _model, link) = fresh_with("echo").await?;
    let base = base(&server);
    let mut ada = Browser::start(1280, 900).await?;
    furnish(&mut ada, &server, &link).await?;
    ada.open(&format!("{base}/w/sample-library")).await?;
    ada.follow("form[action$='/threads'] button").await?;
    // An empty conversation has suggested questions.
    ada.wait("document.querySelectorAll('.example').length >= 3").await?;
    ada.run("document.querySelector('.example').click()").await?;
    ada.wait("!!document.querySelector('.turn[id^=turn-] .turn-actions')").await?;
    // The heading, the tab and the list are named without a reload.
    ada.wait("document.querySelector('.chat-head h1').innerText !== 'Thread'").await?;
    let named = "document.title.startsWith(document.querySelector('.chat-head h1').innerText) && \
                 document.querySelector('#threads [aria-current]').innerText === \
                 document.querySelector('.chat-head h1').innerText";
    ada.wait(named).await?;
    let thread = ada.run("location.pathname").await?;
    // The tabs keep their position and lead back to the thread; so does a citation.
    let top = "document.querySelector('.tabs').getBoundingClientRect().top";
    let before = ada.run(top).await?;
    ada.follow(".tabs a[href*='/documents']").await?;
    assert_eq!(ada.run(top).await?, before);
    assert_eq!(ada.run("document.querySelectorAll('#threads a[href*=\"/t/\"]').length").await?, 1);
    ada.follow(".tabs a").await?;
    assert_eq!(ada.run("location.pathname").await?, thread);
    // A card previews the target of a citation.
    ada.run("document.querySelector('.source').focus()").await?;
    ada.wait("document.querySelector('.cite-card')?.innerText.length > 20").await?;
    ada.press("Escape").await?;
    ada.wait("document.querySelector('.cite-card').hidden").await?;
    // It opens next to the answer, or on a separate page.
    ada.click("a.source").await?;
    ada.wait("document.querySelector('.reader-panel #passage')?.innerText.length > 20").await?;
    assert_eq!(ada.run("location.pathname").await?, thread);
    ada.press("Escape").await?;
    ada.wait("document.querySelector('.reader-panel').hidden").await?;
    assert_eq!(ada.run("document.activeElement.matches('a.source')").await?, true);
    let address = ada.run("document.querySelector('a.source').href").await?;
    ada.open(address.as_str().unwrap_or_default()).await?;
    ada.wait("document.querySelector('#passage').innerText.length > 20").await?;
    assert_eq!(ada.run("!!document.querySelector('.reader h2, .reader h3, .reader li, .reader table, .reader p')").await?, true);
    ada.follow(".reader-bar a").await?;
    assert_eq!(ada.run("location.pathname").await?, thread);
    ensure!(
        ada.run("location.hash").await?.as_str().is_some_and(|hash| hash.starts_with("#turn-"))
    );
    // The quotation of a deleted document is still shown.
    let source = ada.run("document.querySelector('a.source').href").await?;
    let listed = server.admin().get("/v1/workspace/sample-library").await?.ok()?;
    let paths: Vec<_> = listed["workspace"][0]["documents"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|document| document["docpath"].as_str().map(str::to_owned))
        .collect();
    server
        .admin()
        .post("/v1/workspace/sample-library/update-embeddings", json!({ "deletes": paths }))
        .await?
        .ok()?;
    ada.open(source.as_str().unwrap_or_default()).await?;
    ada.wait_for("This document was removed").await?;
    ada.wait("document.querySelector('#passage').innerText.length > 20").await?;
    // The box contains the last input, not the previous question.
    ada.open(&format!("{base}/w/sample-library")).await?;
    ask(&mut ada, "Which lamp?").await?;
    ada.run("localStorage.setItem('draft:' + document.querySelector('#message').dataset.draft, 'Typed later'); \
             localStorage.setItem('sent:' + document.querySelector('#message').dataset.draft, 'Sent before')").await?;
    ada.open(&format!("{base}/w/sample-library")).await?;
    assert_eq!(ada.run("document.querySelector('#message').value").await?, "Typed later");
    // The printout only contains the conversation.
    ada.run("1").await?;
    well_behaved(&ada, &server);
    Ok(())
}

#[tokio::test]
async fn the_current_item_is_visible_on_a_phone() -> Result<()> {
    let (server, _model, link) = fresh_with("echo").await?;
    let base = base(&server);
    let mut ada = Browser::start(390, 844).await?;
    furnish(&mut ada, &server, &link).await?;
    ada.resize(390, 844, true).await?;
    for page in ["/admin/audit", "/admin/system", "/admin/chats", "/w/sample-library/members"] {
        ada.open(&format!("{base}{page}")).await?;
        let seen = "(() => { const at = [...document.querySelectorAll('main nav [aria-current]')].pop().getBoundingClientRect(); \
                    return at.left >= 0 && at.right <= innerWidth; })()";
        ada.wait(seen).await?;
    }
    // The layout does not shift while the list of documents loads.
    ada.open(&format!("{base}/documents")).await?;
    let shift = "new Promise((done) => { let sum = 0; new PerformanceObserver((list) => { \
                 for (const one of list.getEntries()) sum += one.value; }).observe({ type: 'layout-shift', buffered: true }); \
                 setTimeout(() => done(sum), 300); })";
    let shift = ada.run(shift).await?.as_f64().unwrap_or(1.0);
    ensure!(shift < 0.02, "the page moves by {shift}");
    // Without scripts the button to ask is within the window.
    ada.run_no_scripts(true).await?;
    ada.open(&format!("{base}/w/sample-library")).await?;
    let within = "(() => { const at = document.querySelector('button.send').getBoundingClientRect(); \
                  return at.left >= 0 && at.right <= document.documentElement.clientWidth; })()";
    assert_eq!(ada.run(within).await?, true);
    well_behaved(&ada, &server);
    Ok(())
}

#[tokio::test]
async fn one_menu_has_the_account_three_themes_and_the_way_out() -> Result<()> {
    let (server, _model, link) = fresh_with("echo").await?;
    let base = base(&server);
    let mut ada = Browser::start(1280, 900).await?;
    furnish(&mut ada, &server, &link).await?;
    ada.open(&format!("{base}/")).await?;
    let shown = "['a[href=\"/account\"]', '#theme', 'form[action=\"/sign-out\"] button'].map((it) => document.querySelector(it).checkVisibility())";
    assert_eq!(ada.run(shown).await?, json!([false, false, false]));
    ada.click(".side-menu summary").await?;
    assert_eq!(ada.run(shown).await?, json!([true, true, true]));
    assert_eq!(violations(&mut ada).await?, [""; 0]);
    let paper = "getComputedStyle(document.body).backgroundColor";
    let scheme = |scheme: &'static str| {
        format!("getComputedStyle(document.documentElement).colorScheme === '{scheme}'")
    };
    ada.prefer("light").await?;
    let light = ada.run(paper).await?;
    ada.fill("#theme", "dark").await?;
    ada.wait(&scheme("dark")).await?;
    // Where less motion is wanted, colours still change over a millisecond.
    ada.wait(&format!("{paper} !== {light}")).await?;
    let dark = ada.run(paper).await?;
    // It is kept, also where the system is light; and then the system is followed again.
    ada.open(&format!("{base}/documents")).await?;
    assert_eq!(ada.run(paper).await?, dark);
    assert_eq!(ada.run("document.querySelector('#theme').value").await?, "dark");
    ada.fill("#theme", "").await?;
    ada.wait(&format!("{paper} === {light}")).await?;
    ada.prefer("dark").await?;
    ada.wait(&format!("{paper} === {dark}")).await?;
    ada.open(&format!("{base}/")).await?;
    assert_eq!(
        ada.run("[document.querySelector('#theme').value, localStorage.getItem('theme')]").await?,
        json!(["", null])
    );
    // Home is a desk: where one asks, what was asked last, and what each workspace holds.
    let desk = "[!!document.querySelector('.desk-ask textarea'), document.querySelectorAll('.tile').length, document.querySelector('.tile').innerText]";
    let desk = ada.run(desk).await?;
    ensure!(desk[0] == true && desk[1] == 1 && desk[2].to_string().contains("documents"), "{desk}");
    // Administration stands in four groups.
    ada.open(&format!("{base}/admin/users")).await?;
    let groups =
        "[...document.querySelectorAll('.admin-group .nav-head')].map((it) => it.innerText).join()";
    assert_eq!(ada.run(groups).await?, "People,AI,Data,Server");
    well_behaved(&ada, &server);
    Ok(())
}
