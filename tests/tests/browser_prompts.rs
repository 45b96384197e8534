//! Suggested messages, slash commands and previous instructions in a real browser.
use anyhow::{Result, ensure};
use e2e::browser::Browser;
use serde_json::json;

use crate::browser_journey::{base, fresh_with, set_up, violations, well_behaved};

#[tokio::test]
async fn a_conversation_starts_with_a_suggestion_and_continues_with_commands() -> Result<()> {
    let (server, model, link) = fresh_with("echo").await?;
    let base = base(&server);
    let mut ada = Browser::start(1280, 900).await?;
    set_up(&mut ada, &link).await?;
    server.admin().post("/v1/workspace/new", json!({ "name": "Harbour" })).await?.ok()?;

    ada.open(&format!("{base}/w/harbour/settings")).await?;
    ada.fill("#heading-1", "When do").await?;
    ada.fill("#message-1", "you <open>?").await?;
    ada.fill("#message-2", "Who is Berta?").await?;
    ada.follow("form[action$='/suggestions'] button").await?;
    ada.wait("document.querySelector('#message-2')?.value === 'Who is Berta?'").await?;
    ada.wait("document.querySelectorAll('input[name=heading]').length === 4").await?;

    for (name, prompt, description) in
        [("/short", "In one sentence.", "One sentence"), ("/sum-up", "Sum up.", "")]
    {
        ada.open(&format!("{base}/account/commands")).await?;
        ada.fill("#command", name).await?;
        ada.fill("#prompt", prompt).await?;
        ada.fill("#description", description).await?;
        ada.follow("form[action='/account/commands'] button").await?;
    }
    ada.wait_for("/sum-up").await?;

    ada.open(&format!("{base}/w/harbour")).await?;
    ada.wait("document.querySelector('.example').innerText === 'When do you <open>?'").await?;
    ada.click(".example").await?;
    ada.wait("!!document.querySelector('.turn[id^=turn-] .turn-actions')").await?;
    let asked = |model: &e2e::model_server::ModelServer| {
        let last = model.requests().pop().unwrap_or_default();
        let messages = last["messages"].as_array().cloned().unwrap_or_default();
        messages.last().and_then(|message| message["content"].as_str()).map(str::to_owned)
    };
    assert_eq!(asked(&model).as_deref(), Some("When do you <open>?"));

    // The menu opens at a slash that starts a word, and Enter inserts the selection instead of
    // sending.
    let shown = "[...document.querySelectorAll('#commands li')].filter((it) => it.checkVisibility()).map((it) => it.dataset.command).join()";
    ada.fill("#message", "Who is Berta? /s").await?;
    assert_eq!(ada.run(shown).await?, "/short,/sum-up");
    assert_eq!(violations(&mut ada).await?, [""; 0]);
    ada.press("ArrowDown").await?;
    let chosen = "document.querySelector('#commands [aria-selected]').id === document.querySelector('#message').getAttribute('aria-activedescendant')";
    assert_eq!(ada.run(chosen).await?, true);
    ada.press("Enter").await?;
    let value = "document.querySelector('#message').value";
    assert_eq!(ada.run(value).await?, "Who is Berta? /sum-up ");
    assert_eq!(ada.run(shown).await?, "");
    ada.fill("#message", "Who is Berta? /sum-up /sh").await?;
    assert_eq!(ada.run(shown).await?, "/short");
    ada.press("Escape").await?;
    assert_eq!(ada.run(shown).await?, "");
    ada.fill("#message", "a/s").await?;
    assert_eq!(ada.run(shown).await?, "");
    ada.fill("#message", "Who is Berta? /sum-up /short").await?;
    ada.press("Escape").await?;
    ada.press("Enter").await?;
    ada.wait("document.querySelectorAll('.turn[id^=turn-] .turn-actions').length === 2").await?;
    assert_eq!(asked(&model).as_deref(), Some("Who is Berta? Sum up. In one sentence."));
    // The page shows the question as sent.
    ada.open(&format!("{base}/w/harbour")).await?;
    ada.wait_for("Who is Berta? Sum up. In one sentence.").await?;
    well_behaved(&ada, &server);
    Ok(())
}

#[tokio::test]
async fn instructions_are_restored_from_their_page() -> Result<()> {
    let (server, _model, link) = fresh_with("echo").await?;
    let base = base(&server);
    let mut ada = Browser::start(1280, 900).await?;
    set_up(&mut ada, &link).await?;
    server.admin().post("/v1/workspace/new", json!({ "name": "Harbour" })).await?.ok()?;
    for prompt in ["Be brief & <kind>.", "Be formal."] {
        let update = json!({ "openAiPrompt": prompt });
        server.admin().post("/v1/workspace/harbour/update", update).await?.ok()?;
    }
    ada.open(&format!("{base}/w/harbour/settings")).await?;
    ada.follow("a[href='/w/harbour/prompts']").await?;
    ada.wait_for("Be brief & <kind>.").await?;
    assert_eq!(violations(&mut ada).await?, [""; 0]);
    ada.follow("form[action$='/restore'] button").await?;
    ada.wait("document.querySelector('#prompt')?.value === 'Be brief & <kind>.'").await?;

    ada.open(&format!("{base}/admin/variables")).await?;
    ada.fill("#key", "{ship}").await?;
    ada.fill("#value", "Alma").await?;
    ada.follow("form[action='/admin/variables'] button").await?;
    ada.wait_for("{ship}").await?;
    assert_eq!(violations(&mut ada).await?, [""; 0]);
    let listed = server.admin().get("/v1/system/prompt-variables").await?.ok()?;
    ensure!(listed["variables"][0]["value"] == "Alma", "{listed}");
    ada.open(&format!("{base}/w/harbour/settings")).await?;
    ada.wait("document.querySelector('#prompt-hint').innerText.includes('{ship}')").await?;
    well_behaved(&ada, &server);
    Ok(())
}
