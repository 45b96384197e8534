//! Image generation, at both mounts.
use anyhow::{Context, Result};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use e2e::{Answer, Backend, Client, KEY, Options, TestServer, model_server, send};
use reqwest::Method;
use reqwest::multipart::{Form, Part};
use serde_json::{Value, json};

const PATHS: [&str; 2] = ["/v1/openai/images/generations", "/api/v1/openai/images/generations"];
const PNG: &[u8] = b"\x89PNG\r\n\x1a\nto go by";

/// Starts a server with the model server as image provider.
async fn server(provider: &str, address: &str, model: &str) -> Result<TestServer> {
    TestServer::start(painted(provider, address, model)).await
}

fn painted(provider: &str, address: &str, model: &str) -> Options {
    let base = match provider {
        "lemonade" => "IMAGE_GEN_LEMONADE_BASE_PATH",
        _ => "IMAGE_GEN_OLLAMA_BASE_PATH",
    };
    Options::from(Backend::Sqlite)
        .with("IMAGE_GEN_PROVIDER", provider)
        .with("IMAGE_GEN_MODEL_PREF", model)
        .with(base, address.trim_end_matches("/v1"))
}

async fn order(client: &Client, path: &str, form: Form) -> Result<Answer> {
    send(client.request(Method::POST, path).multipart(form)).await
}

fn reference(content: &[u8]) -> Part {
    Part::bytes(content.to_vec()).file_name("one.png")
}

#[tokio::test]
async fn a_picture_is_generated_from_a_prompt_and_stored() -> Result<()> {
    let model = model_server::start().await?;
    let server = server("ollama", &model.base_url(), "painter").await?;
    let admin = server.admin();
    for path in PATHS {
        let body = json!({ "prompt": "a cat", "size": "32x16", "n": 4, "quality": "high" });
        let made = admin.post(path, body).await?.ok()?;
        assert_eq!(made["created"].is_number(), path.starts_with("/v1"));
        assert!(made.get("notice").is_none(), "{made}");
        let data = made["data"].as_array().context("no list")?;
        assert_eq!(data.len(), 1);
        let picture = STANDARD.decode(data[0]["b64_json"].as_str().unwrap_or_default())?;
        assert!(picture.starts_with(b"\x89PNG") && picture[16..24] == [0, 0, 0, 32, 0, 0, 0, 16]);
        let request = model.requests().pop().context("nothing was asked")?;
        let expected = json!({ "model": "painter", "prompt": "a cat", "size": "32x16",
            "response_format": "b64_json", "n": 1 });
        assert_eq!(request, expected);
        let name = data[0]["filename"].as_str().context("no name")?;
        assert_eq!(std::fs::read(server.storage().join("generated-images").join(name))?, picture);

        let there = path.replace("openai/images/generations", "document/generated-files");
        let there = format!("{there}/{name}");
        let response = admin.request(Method::GET, &there).send().await?;
        assert_eq!(response.headers()["content-type"], "image/png");
        assert_eq!(response.bytes().await?, picture);
        assert_eq!(admin.anonymous().get(&there).await?.status, 403);

        let body = json!({ "prompt": "a cat", "response_format": "blob" });
        let response = admin.request(Method::POST, path).json(&body).send().await?;
        assert_eq!(
            (response.status().as_u16(), &response.headers()["content-type"]),
            (200, &"image/png".parse()?)
        );
        let disposition = response.headers()["content-disposition"].to_str()?.to_owned();
        assert!(disposition.starts_with("inline; filename=\"img-"), "{disposition}");
        assert!(response.bytes().await?.starts_with(b"\x89PNG"));
        // The default size in the settings is 512 by 512.
        assert_eq!(model.requests().pop().unwrap_or_default()["size"], "512x512");
    }
    assert_eq!(std::fs::read_dir(server.storage().join("generated-images"))?.count(), 4);
    assert_eq!(std::fs::read_dir(server.storage().join("tmp"))?.count(), 0);
    Ok(())
}

#[tokio::test]
async fn a_picture_is_generated_from_other_pictures() -> Result<()> {
    let model = model_server::start().await?;
    let server = server("lemonade", &model.base_url(), "painter").await?;
    let admin = server.admin();
    for path in PATHS {
        let form = Form::new().text("prompt", "as a painting").text("response_format", "blob");
        let form = form.part("image_references", reference(PNG));
        let form = form.part("image_references", reference(b"\xff\xd8\xff\xe0 jpeg"));
        let response = admin.request(Method::POST, path).multipart(form).send().await?;
        assert_eq!(response.status().as_u16(), 200);
        assert!(response.bytes().await?.starts_with(b"\x89PNG"));
        let request = model.received().pop().context("nothing was asked")?;
        assert_eq!(request.path, "/api/v1/images/edits");
        assert_eq!(
            (&request.body["prompt"], &request.body["files"]),
            (&json!("as a painting"), &json!(2))
        );
    }
    for path in PATHS {
        // A form without pictures equals JSON.
        order(admin, path, Form::new().text("prompt", "a cat")).await?.ok()?;
        assert_eq!(
            model.received().pop().map(|received| received.path).as_deref(),
            Some("/api/v1/images/generations")
        );
    }
    assert_eq!(std::fs::read_dir(server.storage().join("tmp"))?.count(), 0);
    Ok(())
}

#[tokio::test]
async fn invalid_requests_are_refused_before_the_provider_is_called() -> Result<()> {
    let model = model_server::start().await?;
    let server = server("lemonade", &model.base_url(), "painter").await?;
    let admin = server.admin();
    let [native, compat] = PATHS;
    for (body, field) in [
        (json!({}), "prompt"),
        (json!({ "prompt": "  " }), "prompt"),
        (json!({ "prompt": 5 }), "prompt"),
        (json!({ "prompt": "x".repeat(32_001) }), "prompt"),
        (json!({ "prompt": "x", "size": "huge" }), "size"),
        (json!({ "prompt": "x", "size": "1x1" }), "size"),
        (json!({ "prompt": "x", "size": 512 }), "size"),
    ] {
        let refused = admin.post(native, body.clone()).await?;
        assert_eq!(
            (refused.status, &refused.body["error"]["param"]),
            (400, &json!(field)),
            "{body}"
        );
        let refused = admin.post(compat, body.clone()).await?;
        assert_eq!(refused.status, 400, "{body}");
        assert!(refused.body["error"].is_string(), "{body}");
    }
    let empty = admin.post(compat, json!({})).await?;
    assert_eq!(empty.body, json!({ "error": "A prompt is required." }));

    let many = || {
        (0..11).fold(Form::new().text("prompt", "x"), |form, _| {
            form.part("image_references", reference(PNG))
        })
    };
    let large = || reference(&[PNG, &vec![0; 25 << 20]].concat());
    let with = |field: &'static str, part: Part| Form::new().text("prompt", "x").part(field, part);
    let refs = "image_references";
    for (form, again, status, words) in [
        (with(refs, reference(b"<svg/>")), with(refs, reference(b"<svg/>")), 400, "Only PNG"),
        (with(refs, reference(b"")), with(refs, reference(b"")), 400, "Only PNG"),
        (with("picture", reference(PNG)), with("picture", reference(PNG)), 400, "Unexpected field"),
        (with(refs, large()), with(refs, large()), 413, "larger than"),
        (many(), many(), 400, "At most 10"),
    ] {
        let refused = order(admin, native, form).await?;
        let message = refused.body["error"]["message"].as_str().unwrap_or_default();
        assert!(refused.status == status && message.contains(words), "{refused:?}");
        let refused = order(admin, compat, again).await?;
        let message_to_compat = refused.body["error"].as_str().unwrap_or_default();
        assert_eq!((refused.status, &refused.body["success"]), (500, &json!(false)), "{refused:?}");
        assert!(
            message_to_compat.starts_with("Invalid image upload. ")
                && message_to_compat.contains(words),
            "{message_to_compat}"
        );
    }
    let promptless = order(admin, native, Form::new().part(refs, reference(PNG))).await?;
    assert_eq!((promptless.status, &promptless.body["error"]["param"]), (400, &json!("prompt")));
    assert_eq!(model.requests(), [Value::Null; 0]);
    assert!(!server.storage().join("generated-images").exists());
    assert_eq!(std::fs::read_dir(server.storage().join("tmp"))?.count(), 0);
    Ok(())
}

#[tokio::test]
async fn any_other_response_format_is_base64_to_existing_clients() -> Result<()> {
    let model = model_server::start().await?;
    let server = server("ollama", &model.base_url(), "painter").await?;
    let [native, compat] = PATHS;
    for format in [json!("url"), json!("png"), json!(""), json!(5), json!(["blob"])] {
        let body = json!({ "prompt": "a cat", "size": "16x16", "response_format": format });
        let refused = server.admin().post(native, body.clone()).await?;
        assert_eq!(
            (refused.status, &refused.body["error"]["param"]),
            (400, &json!("response_format"))
        );
        let made = server.admin().post(compat, body).await?.ok()?;
        let picture = STANDARD.decode(made["data"][0]["b64_json"].as_str().unwrap_or_default())?;
        assert!(
            picture.starts_with(b"\x89PNG") && made["data"][0].get("url").is_none(),
            "{format}"
        );
    }
    Ok(())
}

#[tokio::test]
async fn a_form_is_refused_without_an_image_provider() -> Result<()> {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let server = TestServer::start(Backend::Sqlite).await?;
    for (path, status) in PATHS.into_iter().zip(["503", "500"]) {
        let mut socket = tokio::net::TcpStream::connect(server.admin().address()).await?;
        // The form is never sent, so only a server that does not wait for it can respond.
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {KEY}\r\n\
             Content-Type: multipart/form-data; boundary=x\r\nContent-Length: 9999\r\n\r\n"
        );
        socket.write_all(head.as_bytes()).await?;
        let mut answer = [0; 12];
        socket.read_exact(&mut answer).await?;
        assert_eq!(answer, format!("HTTP/1.1 {status}").as_bytes());
    }
    Ok(())
}

#[tokio::test]
async fn a_reference_picture_is_limited_like_other_uploads() -> Result<()> {
    let model = model_server::start().await?;
    let options = painted("lemonade", &model.base_url(), "painter");
    let server = TestServer::start(options.with("CARREL_UPLOAD_LIMIT", "1MiB")).await?;
    for (length, status) in [(900 << 10, 200), (1100 << 10, 413)] {
        let content = [PNG, &vec![0; length]].concat();
        let form = Form::new().text("prompt", "x").part("image_references", reference(&content));
        assert_eq!(order(server.admin(), PATHS[0], form).await?.status, status, "{length}");
    }
    assert_eq!(std::fs::read_dir(server.storage().join("tmp"))?.count(), 0);
    Ok(())
}

#[tokio::test]
async fn a_new_picture_evicts_old_ones() -> Result<()> {
    let model = model_server::start().await?;
    let mut server = server("ollama", &model.base_url(), "painter").await?;
    server.stop().await?;
    let directory = server.storage().join("generated-images");
    std::fs::create_dir_all(&directory)?;
    let old = directory.join("img-00000000-0000-4000-8000-000000000000.png");
    // The limit of 2 GiB, as a sparse file.
    let file = std::fs::File::create(&old)?;
    file.set_len(2 << 30)?;
    let yesterday = std::time::SystemTime::now() - std::time::Duration::from_secs(24 * 60 * 60);
    file.set_modified(yesterday)?;
    server.run().await?;
    let made = server.admin().post(PATHS[0], json!({ "prompt": "a cat" })).await?.ok()?;
    let name = made["data"][0]["filename"].as_str().context("no name")?;
    assert!(directory.join(name).is_file() && !old.exists());
    Ok(())
}

#[tokio::test]
async fn a_failing_provider_is_reported_and_nothing_is_stored() -> Result<()> {
    let model = model_server::start().await?;
    for (name, words) in [
        ("fail-429", "rate limit is reached"),
        ("fail-500", "the model was asked to fail"),
        ("scribble", "not a PNG, JPEG or WebP"),
        ("linked", "an address instead of a picture"),
        ("empty", "contains no picture"),
        ("html", "a web page"),
    ] {
        let server = server("ollama", &model.base_url(), name).await?;
        for (path, status) in PATHS.into_iter().zip([503, 500]) {
            let refused = server.admin().post(path, json!({ "prompt": "a cat" })).await?;
            let error = &refused.body["error"];
            let message = error["message"].as_str().or(error.as_str()).unwrap_or_default();
            assert!(refused.status == status && message.contains(words), "{name}: {refused:?}");
        }
        assert!(!server.storage().join("generated-images").exists(), "{name}");
    }
    // An unsupported request is the client's mistake.
    let server = server("ollama", &model.base_url(), "painter").await?;
    let form = Form::new().text("prompt", "x").part("image_references", reference(PNG));
    let refused = order(server.admin(), PATHS[0], form).await?;
    assert_eq!(
        (refused.status, &refused.body["error"]["param"]),
        (400, &json!("image_references"))
    );
    Ok(())
}

#[tokio::test]
async fn a_provider_is_chosen_while_the_server_runs() -> Result<()> {
    let model = model_server::start().await?;
    let server = TestServer::start(Backend::Sqlite).await?;
    let admin = server.admin();
    let words = [
        "none is set; choose one in ImageGenerationProvider",
        "No valid image generation provider was set. Got: undefined",
    ];
    for ((path, status), words) in PATHS.into_iter().zip([503, 500]).zip(words) {
        let refused = admin.post(path, json!({ "prompt": "a cat" })).await?;
        assert_eq!(refused.status, status);
        assert!(refused.body.to_string().contains(words), "{refused:?}");
    }
    let update = "/v1/system/update-env";
    let half = json!({ "ImageGenerationProvider": "ollama" });
    assert_eq!(admin.post(update, half).await?.status, 400);
    let base = model.base_url();
    let whole = json!({ "ImageGenerationProvider": "ollama", "ImageGenerationModelPref": "painter",
        "ImageGenerationOllamaBasePath": base.trim_end_matches("/v1"), "ImageGenerationDimensions": "64x64" });
    admin.post(update, whole).await?.ok()?;
    admin.post(PATHS[0], json!({ "prompt": "a cat" })).await?.ok()?;
    assert_eq!(model.requests().pop().unwrap_or_default()["size"], "64x64");
    // An invalid size is refused, because it would break every request; `auto` is allowed.
    for (size, status) in [("512", 400), ("512 by 512", 400), ("auto", 200)] {
        let change = json!({ "ImageGenerationDimensions": size });
        assert_eq!(admin.post(update, change).await?.status, status, "{size}");
        admin.post(PATHS[0], json!({ "prompt": "a cat" })).await?.ok()?;
    }
    assert!(model.requests().pop().unwrap_or_default().get("size").is_none());
    Ok(())
}
