//! Dictation and answers read aloud in a real browser, and the pages that choose the providers.
use anyhow::{Context, Result, ensure};
use e2e::browser::Browser;
use e2e::visitor::Visitor;
use e2e::{Backend, Mode, Options, TestServer, in_both_modes, model_server};
use serde_json::json;

use crate::browser_journey::{base, fresh_with, set_up, well_behaved};

in_both_modes!(
    speech_providers_are_chosen_and_tested_on_pages,
    without_scripts_an_answer_links_to_its_audio,
);

#[tokio::test]
async fn dictated_words_fill_the_box_and_answers_are_read_aloud() -> Result<()> {
    let (server, model, link) = fresh_with("echo").await?;
    let settings = json!({
        "SpeechToTextProvider": "generic-openai", "STTOpenAICompatibleEndpoint": model.base_url(),
        "STTOpenAICompatibleModel": "ear", "TextToSpeechProvider": "generic-openai",
        "TTSOpenAICompatibleEndpoint": model.base_url(), "TTSOpenAICompatibleModel": "tone",
        "TTSOpenAICompatibleVoiceModel": "ada",
    });
    let mut ada = Browser::start(1280, 900).await?;
    set_up(&mut ada, &link).await?;
    server.admin().post("/v1/system/update-env", settings).await?.ok()?;
    server.admin().post("/v1/workspace/new", json!({ "name": "Harbour" })).await?.ok()?;
    ada.open(&format!("{}/w/harbour", base(&server))).await?;

    ada.fill("#message", "Well:").await?;
    ada.wait("!document.querySelector('.hear').hidden").await?;
    assert_eq!(
        ada.run("document.querySelector('.hear').getAttribute('aria-label')").await?,
        "Dictate"
    );
    ada.click(".hear").await?;
    ada.wait("document.querySelector('.hear').getAttribute('aria-pressed') === 'true'").await?;
    assert_eq!(
        ada.run("document.querySelector('.hear [role=status]').textContent").await?,
        "Listening…"
    );
    tokio::time::sleep(std::time::Duration::from_millis(600)).await;
    ada.click(".hear").await?;
    ada.wait("document.querySelector('#message').value.startsWith('Well: Good morning. I heard')")
        .await?;
    assert_eq!(ada.run("document.activeElement.id").await?, "message");
    assert_eq!(ada.run("document.querySelectorAll('.turn').length").await?, 0, "nothing is sent");

    ada.click("button.send").await?;
    ada.wait("!!document.querySelector('.turn[id^=turn-] [data-speak]')").await?;
    ada.click("[data-speak]").await?;
    let paused = "document.querySelector('.player button')?.dataset.paused";
    ada.wait(&format!("{paused} === 'false'")).await?;
    ada.wait("document.querySelector('.player [role=status]').textContent === ''").await?;
    assert_eq!(ada.run("document.activeElement.getAttribute('aria-label')").await?, "Pause");
    ada.click(".player button:nth-of-type(2)").await?;
    ada.wait("document.querySelector('.player button:nth-of-type(2)').innerText.includes('1.25')")
        .await?;
    ada.click(".player button").await?;
    ada.wait(&format!("{paused} === 'true'")).await?;
    ada.click(".player button:nth-of-type(3)").await?;
    ada.wait(
        "!document.querySelector('.player') && document.activeElement.matches('[data-speak]')",
    )
    .await?;
    let said = model.received().into_iter().filter(|one| one.path == "/v1/audio/speech");
    let said: Vec<_> = said.map(|one| one.body["input"].to_string()).collect();
    ensure!(said.len() == 1 && said[0].contains("You asked: Well: Good morning."), "{said:?}");
    well_behaved(&ada, &server);
    Ok(())
}

async fn speech_providers_are_chosen_and_tested_on_pages(
    backend: Backend,
    mode: Mode,
) -> Result<()> {
    let model = model_server::start().await?;
    let server = TestServer::start(backend).await?;
    let mut admin = Visitor::first(&server, mode).await?;
    let page = admin.get("/admin/models/hearing?provider=generic-openai").await?;
    assert!(
        page.says("Speech to text") && page.says("STTOpenAICompatibleEndpoint"),
        "{}",
        page.text
    );
    let address = model.base_url();
    let ear = [
        ("SpeechToTextProvider", "generic-openai"),
        ("STTOpenAICompatibleEndpoint", address.as_str()),
        ("STTOpenAICompatibleModel", "ear"),
    ];
    let tried = admin.post("/admin/models/hearing/test", &ear).await?;
    assert!(tried.says("ear") && !tried.says("unavailable"), "{}", tried.text);
    let failing = [ear[0], ear[1], ("STTOpenAICompatibleModel", "fail-500")];
    let tried = admin.post("/admin/models/hearing/test", &failing).await?;
    assert!(tried.says("the ear was asked to fail"), "{}", tried.text);
    assert_eq!(admin.post("/admin/models/hearing", &ear).await?.status, 303);

    let mouth = [
        ("TextToSpeechProvider", "generic-openai"),
        ("TTSOpenAICompatibleEndpoint", address.as_str()),
        ("TTSOpenAICompatibleModel", "mouth"),
        ("TTSOpenAICompatibleVoiceModel", "bob"),
    ];
    let tried = admin.post("/admin/models/speaking/test", &mouth).await?;
    assert!(tried.says("mouth") && !tried.says("unavailable"), "{}", tried.text);
    assert_eq!(admin.post("/admin/models/speaking", &mouth).await?.status, 303);
    let models = server.admin().get("/v1/audio/models").await?.ok()?;
    assert_eq!(
        (&models["data"][0]["id"], &models["data"][1]["id"]),
        (&json!("ear"), &json!("mouth"))
    );
    let native =
        admin.post("/admin/models/speaking/test", &[("TextToSpeechProvider", "native")]).await?;
    assert!(native.says("espeak-ng") || native.says("piper"), "{}", native.text);
    Ok(())
}

async fn without_scripts_an_answer_links_to_its_audio(backend: Backend, mode: Mode) -> Result<()> {
    let model = model_server::start().await?;
    let options: Options = crate::speech::configured(backend, &model);
    let server = TestServer::start(options).await?;
    let mut visitor = Visitor::first(&server, mode).await?;
    server.admin().post("/v1/workspace/new", json!({ "name": "Alpha" })).await?.ok()?;
    let page = visitor.post("/w/alpha/ask", &[("message", "Is anybody there?")]).await?;
    let page = visitor.get(page.leads_to().split('#').next().unwrap_or_default()).await?;
    let link =
        page.text.split('"').find(|part| part.ends_with("/speech")).context("no link")?.to_owned();
    assert_eq!(page.header("permissions-policy").split(',').next(), Some("microphone=(self)"));
    let sound = visitor.get(&link).await?;
    assert_eq!((sound.status, sound.header("content-type")), (200, "audio/mpeg"));
    assert!(sound.text.starts_with("[mp3 ada]You asked: Is anybody there?"), "{}", sound.text);
    let nobody = Visitor::new(server.admin())?.get(&link).await?;
    assert!(!nobody.text.contains("[mp3"), "{}", nobody.text);
    Ok(())
}
