//! Administration: connections are tested before they are saved, and the appearance of the
//! installation.
use anyhow::{Result, ensure};
use e2e::browser::Browser;
use e2e::visitor::Visitor;
use e2e::{Backend, Mode, TestServer, in_both_modes, model_server};

use crate::browser_journey::{base, fresh, set_up, violations, well_behaved};

in_both_modes!(
    a_connection_is_tested_before_it_is_saved,
    a_provider_is_shown_with_its_required_and_optional_settings,
    an_installation_has_its_own_icon_and_links,
);

async fn a_connection_is_tested_before_it_is_saved(backend: Backend, mode: Mode) -> Result<()> {
    let model = model_server::start().await?;
    let server = TestServer::start(backend).await?;
    let mut ada = Visitor::first(&server, mode).await?;
    let address = model.base_url();
    let with = |address: &str, name: &str, key: &str| {
        [
            ("LLMProvider", "generic-openai".to_owned()),
            ("GenericOpenAiBasePath", address.to_owned()),
            ("GenericOpenAiModelPref", name.to_owned()),
            ("GenericOpenAiTokenLimit", "4096".to_owned()),
            ("GenericOpenAiKey", key.to_owned()),
        ]
    };
    let path = "/admin/models/language";
    let test = format!("{path}/test");
    let closed = "http://127.0.0.1:9/v1";
    for (address, name, key, words) in [
        (address.as_str(), "echo", "first-key", "echo answered in"),
        (address.as_str(), "fail-401", "first-key", "401"),
        (address.as_str(), "empty", "first-key", "no choices"),
        (address.as_str(), "html", "first-key", "unavailable"),
        (closed, "echo", "first-key", "unavailable"),
        ("nonsense", "echo", "first-key", "cannot be reached"),
        (address.as_str(), "", "first-key", "needs"),
    ] {
        let fields = with(address, name, key);
        let fields: Vec<_> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let tried = ada.post(&test, &fields).await?;
        let probe = tried.text.split("id=\"probe\"").nth(1).unwrap_or_default();
        ensure!(tried.status == 200 && probe.contains(words), "{name} {words}: {probe}");
        // The input is kept, except for the secret.
        assert!(!tried.says("first-key"), "{}", tried.text);
    }
    let keys = |model: &model_server::ModelServer| {
        model.received().last().and_then(|last| last.authorization.clone())
    };
    assert!(ada.get("/admin/system").await?.says("extractive"));
    let fields = with(&address, "echo", "first-key");
    let fields: Vec<_> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
    assert_eq!(ada.post(path, &fields).await?.status, 303);
    // Asterisks or an empty field stand for the stored key.
    for key in ["******", ""] {
        let fields = with(&address, "reasoning", key);
        let fields: Vec<_> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let tried = ada.post(&test, &fields).await?;
        assert!(tried.says("reasoning answered in"), "{}", tried.text);
        assert_eq!(keys(&model).as_deref(), Some("Bearer first-key"));
    }
    let embedder = [
        ("EmbeddingEngine", "generic-openai"),
        ("EmbeddingBasePath", address.as_str()),
        ("EmbeddingModelPref", "echo"),
    ];
    let tried = ada.post("/admin/models/embedding/test", &embedder).await?;
    assert!(tried.says("dimensions"), "{}", tried.text);
    let tried = ada.post("/admin/models/embedding/test", &[]).await?;
    assert!(tried.says("384 dimensions"), "{}", tried.text);
    let tried = ada.post("/admin/models/vectors/test", &[("VectorDB", "nope")]).await?;
    assert!(tried.says("callout-bad"), "{}", tried.text);
    assert!(ada.post("/admin/models/vectors/test", &[]).await?.says("Connected."));
    let chroma = [("VectorDB", "chroma"), ("ChromaEndpoint", "http://127.0.0.1:9")];
    let tried = ada.post("/admin/models/vectors/test", &chroma).await?;
    assert!(tried.says("cannot be reached"), "{}", tried.text);
    assert!(ada.post("/admin/models/vectors/test", &[]).await?.says("Connected."));
    let tried = ada.post("/admin/models/images/test", &[]).await?;
    assert!(tried.says("choose one in ImageGenerationProvider"), "{}", tried.text);
    let pictures = [
        ("ImageGenerationProvider", "ollama"),
        ("ImageGenerationModelPref", "painter"),
        ("ImageGenerationOllamaBasePath", address.trim_end_matches("/v1")),
    ];
    let tried = ada.post("/admin/models/images/test", &pictures).await?;
    assert!(tried.says("painter answered in"), "{}", tried.text);
    Ok(())
}

async fn a_provider_is_shown_with_its_required_and_optional_settings(
    backend: Backend,
    mode: Mode,
) -> Result<()> {
    let server = TestServer::start(backend).await?;
    let mut ada = Visitor::first(&server, mode).await?;
    for (path, needed, optional) in [
        ("vectors?provider=chroma", "ChromaApiKey", &["ChromaApiHeader"][..]),
        ("vectors?provider=lancedb", "", &[]),
        ("vectors?provider=pinecone", "PineConeIndex", &[]),
        ("vectors?provider=weaviate", "WeaviateApiKey", &[]),
        ("vectors?provider=milvus", "MilvusPassword", &["MilvusUsername"]),
        ("embedding?provider=openai", "OpenAiKey", &["EmbeddingOutputDimensions"]),
        ("language?provider=bedrock", "AwsBedrockLLMRegion", &["AwsBedrockLLMTokenLimit"]),
        (
            "images?provider=openai",
            "ImageGenerationOpenAiKey",
            &["ImageGenerationModelPref", "ImageGenerationDimensions"],
        ),
        ("images", "", &[]),
    ] {
        let page = ada.get(&format!("/admin/models/{path}")).await?;
        let (first, fold) =
            page.text.split_once("<details class=\"fold\"").unwrap_or((&page.text, ""));
        assert!(needed.is_empty() || first.contains(&format!("id=\"{needed}\"")), "{path}");
        assert_eq!(fold.is_empty(), optional.is_empty(), "{path}");
        for name in optional {
            assert!(fold.contains(&format!("id=\"{name}\"")), "{path} {name}");
        }
        assert!(!page.says("ChromaCloud"), "{path}");
    }
    Ok(())
}

async fn an_installation_has_its_own_icon_and_links(backend: Backend, mode: Mode) -> Result<()> {
    let server = TestServer::start(backend).await?;
    let mut ada = Visitor::first(&server, mode).await?;
    let links = "https://help.example.org/start\r\nmailto:desk@example.org";
    let fields = [
        ("meta_page_favicon", "/own.png"),
        ("footer_data", links),
        ("support_email", "help@example.org"),
    ];
    assert_eq!(ada.post("/admin/appearance", &fields).await?.status, 303);
    let home = ada.get("/").await?;
    assert!(home.says("<link rel=\"icon\" href=\"/own.png\">"), "{}", home.text);
    assert!(home.says(">help.example.org</a>") && home.says(">desk@example.org</a>"));
    assert!(home.says("mailto:help@example.org"));
    let form = ada.get("/admin/appearance").await?;
    assert!(form.says("https://help.example.org/start\nmailto:desk@example.org</textarea>"));
    for (name, value, words) in [
        (
            "footer_data",
            "https://fine.example\njavascript:alert(1)",
            "is not an https, http or mailto",
        ),
        ("footer_data", &"https://fine.example\n".repeat(21), "there are 21 links"),
        ("meta_page_favicon", "javascript:alert(1)", "must be an http or https address"),
        ("support_email", "nobody", "must be an e-mail address"),
    ] {
        let refused = ada.post("/admin/appearance", &[(name, value)]).await?;
        assert!(refused.status == 400 && refused.says(words), "{name}: {}", refused.text);
    }
    // An external icon is only for other programs; pages make no external requests.
    let elsewhere = [("meta_page_favicon", "https://cdn.example/i.png"), ("footer_data", "")];
    assert_eq!(ada.post("/admin/appearance", &elsewhere).await?.status, 303);
    let home = ada.get("/").await?;
    assert!(!home.says("cdn.example") && !home.says("help.example.org/start"), "{}", home.text);
    // This also applies to an address that only browsers read as external.
    let elsewhere = [("meta_page_favicon", "/\\cdn.example/i.png")];
    ada.post("/admin/appearance", &elsewhere).await?;
    assert!(!ada.get("/").await?.says("cdn.example"));
    assert!(ada.get("/admin/audit?before=1").await?.says("No entries"));
    Ok(())
}

#[tokio::test]
async fn unsaved_settings_are_tested_in_the_page() -> Result<()> {
    let (server, model, link) = fresh().await?;
    let mut browser = Browser::start(1280, 900).await?;
    set_up(&mut browser, &link).await?;
    // The environment fixes the language model here; the embedder is free.
    let page = format!("{}/admin/models/embedding?provider=generic-openai", base(&server));
    browser.open(&page).await?;
    browser.fill("[name=EmbeddingBasePath]", &model.base_url()).await?;
    browser.fill("[name=EmbeddingModelPref]", "echo").await?;
    browser.run("document.querySelector('[formaction$=test]').focus()").await?;
    browser.press("Enter").await?;
    browser.wait("document.querySelector('#probe').innerText.includes('dimensions')").await?;
    let found = violations(&mut browser).await?;
    ensure!(found.is_empty(), "{found:?}");
    browser.fill("[name=EmbeddingBasePath]", "http://127.0.0.1:9/v1").await?;
    browser.click("[formaction$=test]").await?;
    browser.wait("!!document.querySelector('#probe .callout-bad')").await?;
    assert_eq!(browser.run("location.href").await?, page.as_str());
    browser.open(&format!("{}/admin/system", base(&server))).await?;
    browser.wait_for("all-MiniLM-L6-v2").await?;
    well_behaved(&browser, &server);
    Ok(())
}
