//! The interface in the language of its reader.
use anyhow::{Context, Result};
use e2e::browser::Browser;
use e2e::visitor::{Page, Visitor};
use e2e::{Backend, Mode, Options, TestServer, in_both_modes, model_server};
use reqwest::Method;
use serde_json::json;

use crate::browser_journey::{PAGES, base, fresh_with, furnish, violations, well_behaved};
use crate::browser_lasting::asked;
use crate::browser_width::WIDER;

in_both_modes!(
    a_page_is_in_the_chosen_language_or_that_of_the_browser,
    progress_of_an_answer_is_in_the_language_of_the_reader,
);

/// Requests a page with a preferred language.
async fn wanting(visitor: &mut Visitor, path: &str, language: &str) -> Result<Page> {
    let request = visitor.request(Method::GET, path).header("accept-language", language);
    visitor.send(request).await
}

/// Requests a page with an additional cookie.
async fn with_cookie(visitor: &mut Visitor, path: &str, cookie: &str) -> Result<Page> {
    let session = visitor.cookie().unwrap_or_default().to_owned();
    let request = visitor.request(Method::GET, path).header("accept-language", "de");
    let mut request = request.build()?;
    request.headers_mut().insert("cookie", format!("{session}; {cookie}").parse()?);
    visitor.execute(request).await
}

async fn a_page_is_in_the_chosen_language_or_that_of_the_browser(
    backend: Backend,
    mode: Mode,
) -> Result<()> {
    let server = TestServer::start(backend).await?;
    let mut first = Visitor::first(&server, mode).await?;
    let mut stranger = Visitor::new(server.admin())?;
    for (wanted, said, direction) in [
        ("de-AT,de;q=0.9,en;q=0.8", "Anmelden", "lang=\"de\" dir=\"ltr\""),
        ("fr", "Se connecter", "lang=\"fr\" dir=\"ltr\""),
        ("ar", "", "lang=\"ar\" dir=\"rtl\""),
        ("tlh", "Sign in", "lang=\"en\" dir=\"ltr\""),
    ] {
        let page = wanting(&mut stranger, "/sign-in", wanted).await?;
        assert!(page.says(said) && page.says(direction), "{wanted}: {}", page.text);
    }
    assert!(wanting(&mut first, "/", "es").await?.says("lang=\"es\""));
    let chosen = first.request(Method::POST, "/account/language");
    let chosen = chosen.header("content-type", "application/x-www-form-urlencoded");
    let session = first.cookie().map(str::to_owned);
    let saved = first.send(chosen.body("language=ja")).await?;
    assert_eq!(saved.leads_to(), "/account?done=saved", "{}", saved.text);
    let cookie = saved.header("set-cookie").split(';').next().unwrap_or_default().to_owned();
    assert_eq!(cookie, "carrel_language=ja");
    first.set_cookie(session);
    let page = with_cookie(&mut first, "/account", &cookie).await?;
    assert!(page.says("lang=\"ja\"") && page.says("<option value=\"ja\" lang=\"ja\" selected>"));
    // Messages of the API are for programs, and in English.
    let request = server.admin().request(Method::GET, "/v1/workspace/nope");
    let refused = e2e::send(request.header("accept-language", "de")).await?;
    assert!(!refused.body.to_string().contains("nicht"), "{}", refused.body);
    Ok(())
}

async fn progress_of_an_answer_is_in_the_language_of_the_reader(
    backend: Backend,
    mode: Mode,
) -> Result<()> {
    let model = model_server::start().await?;
    let options = Options::from(backend).answered_by(model.base_url(), "echo", "4096");
    let server = TestServer::start(options).await?;
    let mut first = Visitor::first(&server, mode).await?;
    server.admin().post("/v1/workspace/new", json!({ "name": "Alpha" })).await?.ok()?;
    let answer = asked(&mut first, "/w/alpha").await?;
    let told = wanting(&mut first, &answer, "de").await?;
    let (_, end) = told.text.rsplit_once("event: end").context("it never ends")?;
    let page = wanting(&mut first, "/w/alpha", "de").await?;
    let label = page.text.split("data-copy").nth(1).and_then(|rest| rest.split('"').nth(1));
    let english = first.get("/w/alpha").await?.text;
    // Every control of the answer has the same name on the page and in the stream.
    for label in labels(end) {
        assert!(page.text.contains(&label), "{label} is not on the German page");
        assert!(!english.contains(&label), "{label} is on the English page");
    }
    assert!(!labels(end).is_empty(), "{end} {label:?}");
    Ok(())
}

/// The accessible names of controls.
fn labels(html: &str) -> Vec<String> {
    let labels = html.split("aria-label=\"").skip(1);
    labels.filter_map(|rest| Some(format!("aria-label=\"{}\"", rest.split('"').next()?))).collect()
}

#[tokio::test]
async fn every_language_fits_a_phone_and_is_accessible() -> Result<()> {
    let (server, _model, link) = fresh_with("echo").await?;
    let base = base(&server);
    let mut browser = Browser::start(1440, 900).await?;
    furnish(&mut browser, &server, &link).await?;
    browser.resize(320, 800, true).await?;
    let mut found = Vec::new();
    for language in ["de", "ru", "ar", "ja"] {
        browser.run(&format!("document.cookie = 'carrel_language={language}; path=/'")).await?;
        for page in PAGES {
            browser.open(&format!("{base}{page}")).await?;
            assert_eq!(browser.run("document.documentElement.lang").await?, language);
            let wider = browser.run(WIDER).await?;
            if wider != "" {
                found.push(format!("{page} in {language}: {wider}"));
            }
            if language == "ar" {
                let violations = violations(&mut browser).await?;
                found.extend(violations.iter().map(|one| format!("{page} in {language}: {one}")));
            }
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
    well_behaved(&browser, &server);
    Ok(())
}
