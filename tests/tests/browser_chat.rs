//! Conversations in a real browser: files beside questions, failed questions, and actions on
//! answers by mouse and keyboard.
use std::path::Path;

use anyhow::{Result, ensure};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use e2e::TestServer;
use e2e::browser::Browser;
use serde_json::json;

use crate::browser_journey::{PASSWORD, base, fresh_with, set_up, violations, well_behaved};

/// A picture of one pixel.
pub const DOT: &str = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

/// Sets the server up and opens an empty workspace `harbour`.
async fn in_a_workspace(server: &TestServer, link: &str) -> Result<Browser> {
    let mut browser = Browser::start(1280, 900).await?;
    set_up(&mut browser, link).await?;
    server.admin().post("/v1/workspace/new", json!({ "name": "Harbour" })).await?.ok()?;
    browser.open(&format!("{}/w/harbour", base(server))).await?;
    Ok(browser)
}

async fn use_model(server: &TestServer, model: &str) -> Result<()> {
    let change = json!({ "chatProvider": "generic-openai", "chatModel": model });
    server.admin().post("/v1/workspace/harbour/update", change).await?.ok()?;
    Ok(())
}

async fn ask(browser: &mut Browser, text: &str) -> Result<()> {
    browser.fill("#message", text).await?;
    browser.run("document.querySelector('#message').focus()").await?;
    browser.press("Enter").await?;
    browser.wait("document.querySelector('#message').value === ''").await
}

async fn answered(browser: &mut Browser, turns: usize) -> Result<()> {
    let there = format!(
        "!document.querySelector('[data-answer]') && \
         document.querySelectorAll('.turn[id^=turn-]').length === {turns}"
    );
    browser.wait(&there).await
}

/// Ignores messages of the console about expected error responses.
fn forgive_refusals(browser: &mut Browser) {
    browser.complaints.retain(|complaint| {
        !complaint.contains("Failed to load resource")
            && !complaint.contains("Response Status Error")
    });
}

#[tokio::test]
async fn files_are_selected_dropped_and_pasted_and_shown_before_and_after() -> Result<()> {
    let (server, model, link) = fresh_with("echo").await?;
    let mut browser = in_a_workspace(&server, &link).await?;
    let directory = tempfile::tempdir()?;
    let (dot, notes) = (directory.path().join("dot.png"), directory.path().join("notes.md"));
    std::fs::write(&dot, STANDARD.decode(DOT)?)?;
    std::fs::write(&notes, "The ferry leaves at nine.")?;
    let files: [&Path; 2] = [&dot, &notes];
    browser.choose_files("#attach", &files).await?;
    browser.wait("document.querySelectorAll('#chips .chip').length === 2").await?;
    browser.wait("!!document.querySelector('#chips img')").await?;
    // Dropped, pasted, too large, and removed again.
    browser
        .run(
            "(() => { const held = (name, size) => { const held = new DataTransfer(); \
             held.items.add(new File([new Uint8Array(size).fill(65)], name)); return held; }; \
             document.dispatchEvent(new DragEvent('drop', { dataTransfer: held('drop.txt', 9), \
             bubbles: true, cancelable: true })); \
             document.querySelector('#message').dispatchEvent(new ClipboardEvent('paste', \
             { clipboardData: held('paste.txt', 9), bubbles: true, cancelable: true })); \
             document.dispatchEvent(new DragEvent('drop', { dataTransfer: held('huge.bin', 17e6), \
             bubbles: true, cancelable: true })); })()",
        )
        .await?;
    browser.wait("document.querySelectorAll('#chips .chip').length === 5").await?;
    browser.wait_for("huge.bin is larger than the").await?;
    let found = violations(&mut browser).await?;
    ensure!(found.is_empty(), "{found:?}");
    for name in ["drop.txt", "paste.txt"] {
        let out = format!(
            "[...document.querySelectorAll('#chips .chip')].find((chip) => \
             chip.innerText.includes('{name}')).querySelector('button').click()"
        );
        browser.run(&out).await?;
    }
    assert_eq!(browser.run("document.querySelector('#attach').files.length").await?, 2);
    ask(&mut browser, "When does the ferry leave?").await?;
    answered(&mut browser, 1).await?;
    assert_eq!(browser.run("document.querySelectorAll('#chips .chip').length").await?, 0);
    assert_eq!(browser.run("document.querySelector('#attach').files.length").await?, 0);
    let sent = model.requests().last().map(ToString::to_string).unwrap_or_default();
    assert!(sent.contains("image_url") && sent.contains("The ferry leaves at nine."), "{sent}");
    let shown = "document.querySelector('.turn .attached').innerText.includes('notes.md')";
    assert_eq!(browser.run(shown).await?, true);

    browser.open(&format!("{}/w/harbour", base(&server))).await?;
    assert_eq!(browser.run(shown).await?, true);
    browser.wait("document.querySelector('.attached img').naturalWidth === 1").await?;
    // Asking again needs the document again, which was not kept; the picture is sent automatically.
    let before = browser.run("document.querySelector('.turn[id^=turn-]').id").await?;
    browser.click("[data-again] button").await?;
    browser.wait_for("(notes.md) were not kept. Attach them again").await?;
    browser.wait("document.querySelector('#message').value.startsWith('When does')").await?;
    browser.choose_files("#attach", &[&notes]).await?;
    browser.click("button.send").await?;
    browser.wait(&format!("!document.getElementById({before})")).await?;
    answered(&mut browser, 1).await?;
    let sent = model.requests().last().map(ToString::to_string).unwrap_or_default();
    assert!(sent.contains("image_url") && sent.matches("When does").count() == 1, "{sent}");
    assert!(sent.contains("The ferry leaves at nine."), "{sent}");

    // A file that is not a picture is refused, and the question is kept.
    let fake = directory.path().join("fake.png");
    std::fs::write(&fake, "words")?;
    browser.choose_files("#attach", &[&fake]).await?;
    browser.fill("#message", "And this?").await?;
    browser.click("button.send").await?;
    browser.wait_for("fake.png must be a PNG").await?;
    assert_eq!(browser.run("document.querySelector('#message').value").await?, "And this?");
    forgive_refusals(&mut browser);
    well_behaved(&browser, &server);
    Ok(())
}

#[tokio::test]
async fn a_failed_question_stays_with_the_reason() -> Result<()> {
    let (server, _model, link) = fresh_with("fail-500").await?;
    let mut browser = in_a_workspace(&server, &link).await?;
    let page = format!("{}/w/harbour", base(&server));
    ask(&mut browser, "Is anybody there?").await?;
    let restored = "document.querySelector('#message').value === 'Is anybody there?'";
    browser.wait(restored).await?;
    let reason = "document.querySelector('.turn .callout-warning').innerText.length > 20";
    browser.wait(reason).await?;
    browser.open(&page).await?;
    browser.wait(restored).await?;
    browser.wait("document.querySelector('[data-reason]').innerText.length > 20").await?;
    let found = violations(&mut browser).await?;
    ensure!(found.is_empty(), "{found:?}");

    // Without a connection nothing is lost either; a reload restores it.
    browser.fill("#message", "Still here?").await?;
    browser.go_offline(true).await?;
    browser.click("button.send").await?;
    browser.wait_for("What you typed is kept").await?;
    browser.go_offline(false).await?;
    forgive_refusals(&mut browser);
    browser.complaints.retain(|complaint| !complaint.contains("\"htmx:"));
    use_model(&server, "echo").await?;
    browser.click("button.send").await?;
    answered(&mut browser, 1).await?;
    browser.open(&page).await?;
    assert_eq!(browser.run("document.querySelector('#message').value").await?, "");
    assert_eq!(browser.run("!document.querySelector('[data-reason]')").await?, true);

    // A draft belongs to one conversation.
    browser.fill("#message", "To be continued").await?;
    browser.open(&format!("{}/", base(&server))).await?;
    browser.open(&page).await?;
    let draft = "document.querySelector('#message').value === 'To be continued'";
    browser.wait(draft).await?;
    browser.follow("form[action$='/threads'] button").await?;
    assert_eq!(browser.run("document.querySelector('#message').value").await?, "");
    well_behaved(&browser, &server);
    Ok(())
}

#[tokio::test]
async fn answers_have_actions_by_mouse_and_keyboard() -> Result<()> {
    let (server, model, link) = fresh_with("echo").await?;
    let mut browser = in_a_workspace(&server, &link).await?;
    ask(&mut browser, "First?").await?;
    answered(&mut browser, 1).await?;
    // By keyboard: thumbs, which keep the focus.
    browser.run("document.querySelector('[value=up]').focus()").await?;
    browser.press("Enter").await?;
    browser.wait("document.querySelector('[value=up]').ariaPressed === 'true'").await?;
    browser.wait("document.activeElement.value === 'up'").await?;
    browser.click("[value=down]").await?;
    browser.wait("document.querySelector('[value=down]').ariaPressed === 'true'").await?;
    // The up arrow recalls the last question, and the old exchange is removed once it is answered.
    browser.run("document.querySelector('#message').focus()").await?;
    browser.press("ArrowUp").await?;
    browser.wait("document.querySelector('#message').value === 'First?'").await?;
    browser.wait_for("Editing your question").await?;
    ask(&mut browser, "First, in other words?").await?;
    answered(&mut browser, 1).await?;
    browser.wait("!document.querySelector('.turns').innerText.includes('First?')").await?;
    let sent = model.requests().last().map(ToString::to_string).unwrap_or_default();
    assert!(!sent.contains("First?"), "{sent}");
    // The answer is corrected in its place.
    browser.run("document.querySelector('.turn details.menu').open = true").await?;
    browser.click(".turn .menu a").await?;
    browser.wait("document.activeElement.name === 'response'").await?;
    let found = violations(&mut browser).await?;
    ensure!(found.is_empty(), "{found:?}");
    browser.fill("[name=response]", "What I say **now**.").await?;
    browser.click(".turn form .button-main").await?;
    browser.wait("document.querySelector('.turn .prose strong')?.innerText === 'now'").await?;
    browser.click("[data-copy]").await?;
    browser.wait("document.querySelector('[data-said]').innerText === 'Copied'").await?;
    // A refusal by the browser is not reported as a success.
    browser.wait("document.querySelector('[data-said]').innerText === 'Copy'").await?;
    browser
        .run(
            "(() => { navigator.clipboard.writeText = () => Promise.reject(new Error('no')); \
             document.execCommand = () => false; })()",
        )
        .await?;
    browser.click("[data-copy]").await?;
    browser.wait("document.querySelector('[data-said]').innerText === 'Not copied'").await?;

    // Escape stops; the partial answer is kept, with all its actions.
    use_model(&server, "slow").await?;
    ask(&mut browser, "Second, with as many words as there are in this question?").await?;
    browser.wait("!!document.querySelector('[data-answer] [data-blocks] > *, [data-answer] [data-tail] > *')").await?;
    browser.press("Escape").await?;
    browser.wait_for("Stopped. The answer so far is kept.").await?;
    answered(&mut browser, 2).await?;
    browser.open(&format!("{}/w/harbour", base(&server))).await?;
    assert_eq!(browser.run("document.querySelectorAll('.turn').length").await?, 2);
    browser.run("document.querySelector('.turn details.menu').open = true").await?;
    browser.follow(".turn form[action$='/delete'] button").await?;
    assert_eq!(browser.run("document.querySelectorAll('.turn').length").await?, 1);
    well_behaved(&browser, &server);
    Ok(())
}

#[tokio::test]
async fn an_answer_stays_until_its_regeneration_is_complete() -> Result<()> {
    let (server, _model, link) = fresh_with("echo").await?;
    let mut browser = in_a_workspace(&server, &link).await?;
    ask(&mut browser, "Which crane is it?").await?;
    answered(&mut browser, 1).await?;
    let first = browser.run("document.querySelector('.turn[id^=turn-]').id").await?;
    let first = first.as_str().unwrap_or_default();
    let again = format!("#{first} [data-again] button");
    let stays = "[...document.querySelectorAll('.turn')].pop().innerText\
                 .includes('The previous answer is kept too.')";
    // Stopped by the user, then interrupted by the provider.
    use_model(&server, "pausing").await?;
    browser.click(&again).await?;
    browser.wait("!!document.querySelector('[data-answer] [data-blocks] > *, [data-answer] [data-tail] > *')").await?;
    browser.press("Escape").await?;
    answered(&mut browser, 2).await?;
    browser.wait(stays).await?;
    use_model(&server, "cut-off").await?;
    browser.click(&again).await?;
    answered(&mut browser, 3).await?;
    browser.wait(stays).await?;
    // For an empty answer the model's reason is shown, if it has one.
    use_model(&server, "speechless").await?;
    browser.click(&again).await?;
    browser.wait_for("(reason: stop)").await?;
    answered(&mut browser, 3).await?;
    browser.open(&format!("{}/w/harbour", base(&server))).await?;
    answered(&mut browser, 3).await?;
    use_model(&server, "echo").await?;
    browser.click(&again).await?;
    browser.wait(&format!("!document.getElementById('{first}')")).await?;
    answered(&mut browser, 3).await?;
    well_behaved(&browser, &server);
    Ok(())
}

#[tokio::test]
async fn the_next_user_of_a_browser_sees_neither_drafts_nor_pictures() -> Result<()> {
    let (server, _model, link) = fresh_with("echo").await?;
    let mut browser = in_a_workspace(&server, &link).await?;
    let bob = json!({ "username": "bob", "password": PASSWORD, "role": "manager" });
    server.admin().post("/v1/admin/users/new", bob).await?.ok()?;
    let directory = tempfile::tempdir()?;
    let dot = directory.path().join("dot.png");
    std::fs::write(&dot, STANDARD.decode(DOT)?)?;
    browser.choose_files("#attach", &[&dot]).await?;
    ask(&mut browser, "What is this?").await?;
    answered(&mut browser, 1).await?;
    let page = format!("{}/w/harbour", base(&server));
    browser.open(&page).await?;
    browser.wait("document.querySelector('.attached img').naturalWidth === 1").await?;
    let picture = browser.run("document.querySelector('.attached img').src").await?;
    let shown = format!("fetch({picture}).then((answer) => answer.status)");
    assert_eq!(browser.run(&shown).await?, 200, "its owner sees it again");
    browser.fill("#message", "Between us").await?;
    for (name, draft, status) in [("bob", "", 404), ("ada", "Between us", 200)] {
        browser.follow("form[action='/sign-out'] button").await?;
        browser.fill("#username", name).await?;
        browser.fill("#password", PASSWORD).await?;
        browser.follow("form button").await?;
        browser.open(&page).await?;
        assert_eq!(browser.run("document.querySelector('#message').value").await?, draft);
        assert_eq!(browser.run(&shown).await?, status, "{name}");
    }
    forgive_refusals(&mut browser);
    well_behaved(&browser, &server);
    Ok(())
}
