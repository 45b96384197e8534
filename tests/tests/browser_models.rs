//! The gallery of providers, and the choices beside a question, in a real browser.
use anyhow::{Result, ensure};
use e2e::browser::Browser;
use e2e::visitor::{PASSWORD, Visitor};
use serde_json::json;

use crate::browser_journey::{base, fresh, fresh_with, set_up, violations, well_behaved};

#[tokio::test]
async fn a_provider_is_chosen_in_a_gallery_with_its_models_and_state() -> Result<()> {
    let (server, model, link) = fresh().await?;
    let base = base(&server);
    let mut ada = Browser::start(1280, 900).await?;
    set_up(&mut ada, &link).await?;
    // The environment fixes the language model here; the embedder is free.
    ada.open(&format!("{base}/admin/models/embedding")).await?;
    let groups = "[...document.querySelectorAll('#provider h3')].map((it) => it.innerText).join()";
    assert_eq!(ada.run(groups).await?, "Built in,On your own machines,Cloud services");
    let current = "document.querySelector('.provider:has(.tag)').innerText";
    ensure!(ada.run(current).await?.to_string().contains("Inside this server"));
    ada.wait("!!document.querySelector('.status-good')").await?;
    assert_eq!(violations(&mut ada).await?, [""; 0]);

    ada.follow(".provider[href$='provider=generic-openai']").await?;
    // No variable names are shown, and the provider's fields are in the order of use.
    let labels = "[...document.querySelectorAll('form[data-guard] > .field > label')].map((it) => it.innerText).join()";
    assert_eq!(ada.run(labels).await?, "Server address,API key,Model");
    let shown = ada.run("document.querySelector('main').innerText").await?.to_string();
    for name in ["EmbeddingModelPref", "EMBEDDING_", "BasePath"] {
        ensure!(!shown.contains(name), "{name}: {shown}");
    }
    assert_eq!(ada.run("!!document.querySelector('#model-choice')").await?, false);
    ada.fill("[name=EmbeddingBasePath]", &model.base_url()).await?;
    ada.fill("[name=GenericOpenAiEmbeddingApiKey]", "a-key-not-saved-yet").await?;
    ada.run("document.querySelector('[name=GenericOpenAiEmbeddingApiKey]').dispatchEvent(new Event('change', { bubbles: true }))").await?;
    ada.wait("document.querySelectorAll('#model-choice option').length > 10").await?;
    let started = std::time::Instant::now();
    while model.received().iter().all(|seen| {
        seen.path != "/v1/models"
            || seen.authorization.as_deref() != Some("Bearer a-key-not-saved-yet")
    }) {
        ensure!(started.elapsed().as_secs() < 20, "the list is not asked for with the new key");
        ada.run("1").await?;
    }
    ada.wait("!document.querySelector('.model-list.htmx-request')").await?;
    let echo = "[...document.querySelectorAll('#model-choice option')].find((it) => it.value === 'echo').innerText";
    assert_eq!(
        ada.run(echo).await?,
        "echo · 8\u{202f}192 tokens · $2.50 in, $10.00 out per million tokens"
    );
    assert_eq!(violations(&mut ada).await?, [""; 0]);
    ada.fill("#model-choice", "echo").await?;
    ada.wait("document.querySelector('[name=EmbeddingModelPref], [name=AzureOpenAiEmbeddingModelPref]').value === 'echo'").await?;
    ada.follow("form[data-guard] .button-main").await?;
    ada.wait_for("Saved.").await?;
    ada.wait("document.querySelector('.status-good')?.innerText.includes('echo answered')").await?;
    ensure!(ada.run(current).await?.to_string().contains("OpenAI-compatible"));

    // A lost server is reported without a request by the user.
    server
        .admin()
        .post(
            "/v1/system/update-env",
            json!({ "EmbeddingBasePath": "http://127.0.0.1:9/v1",
                "GenericOpenAiEmbeddingApiKey": "a-key-for-another-server" }),
        )
        .await?
        .ok()?;
    ada.open(&format!("{base}/admin/models/embedding")).await?;
    ada.wait("!!document.querySelector('.status-bad')").await?;
    well_behaved(&ada, &server);
    Ok(())
}

#[tokio::test]
async fn a_question_can_use_another_model_and_selected_documents() -> Result<()> {
    let (server, model, link) = fresh_with("reasoning").await?;
    let (base, admin) = (base(&server), server.admin());
    let mut ada = Browser::start(1280, 900).await?;
    set_up(&mut ada, &link).await?;
    admin.post("/v1/workspace/new", json!({ "name": "Harbour" })).await?.ok()?;
    for (name, text) in
        [("ferry-times.txt", "The ferry leaves at nine."), ("crane-notes.txt", "The ferry is old.")]
    {
        admin.upload(name, text.as_bytes(), &[("addToWorkspaces", "harbour")]).await?.ok()?;
    }
    ada.open(&format!("{base}/w/harbour")).await?;
    ada.click("#models summary").await?;
    ada.wait("document.querySelectorAll('.picker-list .choice').length > 10").await?;
    ada.fill("#model-filter", "echo").await?;
    ada.wait("[...document.querySelectorAll('.picker-list .choice')].filter((it) => it.checkVisibility()).length === 1").await?;
    let price = ada
        .run("document.querySelector('.picker-list [value=echo]').closest('label').innerText")
        .await?;
    ensure!(price.to_string().contains("$2.50 in"), "{price}");
    assert_eq!(violations(&mut ada).await?, [""; 0]);
    ada.click(".picker-list [value=echo]").await?;
    assert_eq!(ada.run("document.querySelector('[data-model]').innerText").await?, "echo");

    // An @ offers documents. Selected ones are shown above the box, and only they are searched.
    ada.fill("#message", "When does it leave? @ferry").await?;
    ada.wait("document.querySelectorAll('#mentions [role=option]').length === 1").await?;
    assert_eq!(violations(&mut ada).await?, [""; 0]);
    ada.press("Enter").await?;
    ada.wait("document.querySelector('#scope .chip-name')?.innerText === 'ferry-times.txt'")
        .await?;
    assert_eq!(ada.run("document.querySelector('#message').value").await?, "When does it leave? ");
    ada.click("button.send").await?;
    ada.wait("!!document.querySelector('.turn[id^=turn-] .turn-actions')").await?;
    let asked = model.requests().pop().unwrap_or_default();
    assert_eq!(asked["model"], "echo");
    let told = asked["messages"].to_string();
    ensure!(told.contains("leaves at nine") && !told.contains("is old"), "{told}");
    // The documents stay selected until they are removed.
    ada.click("#scope button").await?;
    assert_eq!(ada.run("document.querySelectorAll('[name=document]').length").await?, 0);

    ada.click("#models summary").await?;
    ada.follow("[data-make-default]").await?;
    ada.wait_for("Saved.").await?;
    let harbour = admin.get("/v1/workspace/harbour").await?.ok()?.to_string();
    ensure!(harbour.contains("\"chatModel\":\"echo\""), "{harbour}");

    // The settings of the workspace offer the same list, with what each model costs.
    ada.open(&format!("{base}/w/harbour/settings")).await?;
    ada.run("document.querySelector('#model').focus()").await?;
    ada.wait("document.querySelectorAll('#model-choice option').length > 10").await?;
    let echo = "[...document.querySelectorAll('#model-choice option')].find((it) => it.value === 'echo').innerText.includes('$2.50 in')";
    assert_eq!(ada.run(echo).await?, true);
    assert_eq!(violations(&mut ada).await?, [""; 0]);
    ada.fill("#model-choice", "slow").await?;
    assert_eq!(ada.run("document.querySelector('#model').value").await?, "slow");
    ada.follow("main form[action='/w/harbour/settings'] button").await?;
    let harbour = admin.get("/v1/workspace/harbour").await?.ok()?.to_string();
    ensure!(harbour.contains("\"chatModel\":\"slow\""), "{harbour}");

    // A user who may not choose the workspace's model may not choose one for a question either.
    let bob = json!({ "username": "bob", "password": PASSWORD, "role": "default" });
    admin.post("/v1/admin/users/new", bob).await?.ok()?;
    let mut bob = Visitor::signed_in(&server, "bob").await?;
    let mut mia = Visitor::signed_in(&server, "ada").await?;
    mia.post("/w/harbour/members", &[("user", "2")]).await?;
    assert_eq!(bob.get("/w/harbour/models").await?.status, 403);
    assert_eq!(bob.get("/w/harbour/models/names").await?.status, 403);
    assert_eq!(bob.post("/w/harbour/model", &[("model", "slow")]).await?.status, 403);
    let refused = bob.post("/w/harbour/ask", &[("message", "Hm?"), ("model", "slow")]).await?;
    assert_eq!(refused.status, 403, "{}", refused.text);
    ensure!(!bob.get("/w/harbour").await?.says("id=\"models\""));
    assert!(bob.get("/w/harbour/documents/titles?q=crane").await?.says("crane-notes.txt"));
    well_behaved(&ada, &server);
    Ok(())
}

#[tokio::test]
async fn conversations_are_grouped_by_the_day_they_started() -> Result<()> {
    let (server, _model, link) = fresh_with("echo").await?;
    let (base, admin) = (base(&server), server.admin());
    let mut ada = Browser::start(1280, 900).await?;
    ada.live_in("Pacific/Kiritimati", "en-GB").await?;
    set_up(&mut ada, &link).await?;
    admin.post("/v1/workspace/new", json!({ "name": "Harbour" })).await?.ok()?;
    ada.open(&format!("{base}/w/harbour")).await?;
    ada.follow("#threads form button").await?;
    ada.wait("document.querySelector('#threads .nav-date')?.innerText === 'Today'").await?;
    assert_eq!(ada.run("document.cookie.includes('carrel_zone=840')").await?, true);
    assert_eq!(violations(&mut ada).await?, [""; 0]);
    well_behaved(&ada, &server);
    Ok(())
}
