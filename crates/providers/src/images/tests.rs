//! Image generation over HTTP, against servers on real sockets.
use std::io::Write;

use base64::engine::general_purpose::STANDARD;
use carrel_domain::image::ReferenceImage;

use super::*;
use crate::refusal::Hints;
use crate::testing::{Reply, Server, response};

const PNG: &[u8] = b"\x89PNG\r\n\x1a\nof a lighthouse";

fn model(base: &str, name: &str, model: &str) -> RemoteImages {
    let http = crate::Http::new().unwrap();
    let hints = Hints { base: "THE_BASE", key: "THE_KEY" };
    let endpoint = Endpoint::new(&http, base, Some("secret-1234".into()), SERVICE, hints).unwrap();
    let row = IMAGE_PROVIDERS.iter().find(|row| row.name == name).unwrap();
    RemoteImages {
        endpoint,
        model: model.into(),
        size: ImageSize::parse("512x512").ok(),
        row: *row,
    }
}

fn lighthouse() -> ImageRequest {
    ImageRequest { prompt: "a lighthouse".into(), ..ImageRequest::default() }
}

fn json(body: &Value) -> Reply {
    response("200 OK", "application/json", &body.to_string())
}

fn picture() -> Value {
    json!({ "data": [{ "b64_json": STANDARD.encode(PNG) }] })
}

#[tokio::test]
async fn requests_follow_the_protocol_of_each_provider() {
    for (name, of, size, notice, format) in [
        ("openai", "gpt-image-1", "1024x1024", Some("gpt-image-1 makes it 1024x1024"), false),
        ("openai", "dall-e-2", "512x512", None, true),
        ("ollama", "z", "500x500", None, true),
        ("lemonade", "z", "500x500", None, true),
    ] {
        let server = Server::start(vec![json(&picture())]).await;
        let mut request = lighthouse();
        request.size = ImageSize::parse(if of == "dall-e-2" { "512x512" } else { "500x500" }).ok();
        let image = model(&server.url, name, of).generate(&request).await.unwrap();
        assert_eq!((image.kind, image.content.as_slice()), (ImageFormat::Png, PNG));
        assert_eq!(image.notice.as_deref(), notice, "{name}");
        let sent = server.requests().remove(0);
        assert!(sent.starts_with("POST /images/generations "), "{sent}");
        assert!(sent.contains(&format!(r#""size":"{size}""#)), "{sent}");
        assert_eq!(sent.contains(r#""response_format":"b64_json""#), format, "{sent}");
        assert!(sent.contains("authorization: Bearer secret-1234"), "{sent}");
    }
}

#[tokio::test]
async fn the_size_in_the_settings_is_the_default_and_causes_no_notice() {
    let server = Server::start(vec![json(&picture())]).await;
    let image = model(&server.url, "openai", "gpt-image-1").generate(&lighthouse()).await.unwrap();
    assert_eq!(image.notice, None);
    assert!(server.requests()[0].contains(r#""size":"1024x1024""#));
}

/// Returns a reference image in a file that exists as long as the first value.
fn reference() -> (tempfile::NamedTempFile, ReferenceImage) {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(PNG).unwrap();
    let (kind, length) = (ImageFormat::Png, PNG.len() as u64);
    let reference = ReferenceImage { kind, content: file.path().to_owned(), length };
    (file, reference)
}

#[tokio::test]
async fn reference_images_are_sent() {
    let (_file, reference) = reference();
    let mut request = lighthouse();
    request.references = vec![reference.clone(), reference];
    let server = Server::start(vec![json(&picture())]).await;
    model(&server.url, "lemonade", "z").generate(&request).await.unwrap();
    let sent = server.requests().remove(0);
    assert!(sent.starts_with("POST /images/edits "), "{sent}");
    assert_eq!(sent.matches("name=\"image[]\"; filename=").count(), 2, "{sent}");
    assert_eq!(sent.matches("of a lighthouse").count(), 2, "{sent}");
    assert!(sent.contains("name=\"prompt\"\r\n\r\na lighthouse\r\n"), "{sent}");

    let refused = model("http://127.0.0.1:9/", "ollama", "z").generate(&request).await;
    assert!(matches!(refused, Err(Error::Invalid { field, .. }) if field == "image_references"));
}

#[tokio::test]
async fn a_chat_may_answer_with_a_picture() {
    let (_file, reference) = reference();
    let mut request = lighthouse();
    (request.references, request.size) = (vec![reference], ImageSize::parse("64x64").ok());
    let url = format!("data:image/png;base64,{}", STANDARD.encode(PNG));
    let with_image = json!({ "choices": [{ "message": { "content": "Here.",
        "images": [{ "type": "image_url", "image_url": { "url": url } }] } }] });
    let silent = json!({ "choices": [{ "message": { "content": "I would rather not." } }] });
    let server = Server::start(vec![json(&with_image), json(&silent)]).await;
    let model = model(&server.url, "openrouter", "google/g");
    let image = model.generate(&request).await.unwrap();
    assert_eq!((image.content.as_slice(), image.notice.is_some()), (PNG, true));
    let sent = server.requests().remove(0);
    assert!(sent.starts_with("POST /chat/completions "), "{sent}");
    assert!(sent.contains(r#""modalities":["image","text"]"#) && sent.contains(&url), "{sent}");
    let refused = model.generate(&lighthouse()).await.unwrap_err().to_string();
    assert!(refused.contains("contains no picture: I would rather not."), "{refused}");
}

#[tokio::test]
async fn responses_without_an_image_are_refused_with_the_reason() {
    let of = |data: &str| json!({ "data": [{ "b64_json": data }] });
    let large = STANDARD.encode(vec![0; LARGEST_PICTURE + 1]);
    for (body, words) in [
        (of(&STANDARD.encode("<svg/>")), "not a PNG, JPEG or WebP"),
        (of("%%%"), "not base64"),
        (of(&large), "larger than 26214400 bytes"),
        (json!({ "data": [] }), "contains no picture"),
        (json!({ "data": [{}] }), "contains no picture"),
        (json!({ "data": [{ "url": "http://127.0.0.1/x.png" }] }), "an address instead of"),
        (json!({ "data": "x" }), "not the JSON expected"),
        (json!([]), "contains no picture"),
        (json!("x"), "not the JSON expected"),
    ] {
        let server = Server::start(vec![json(&body)]).await;
        let refused = model(&server.url, "ollama", "z").generate(&lighthouse()).await.unwrap_err();
        assert!(refused.to_string().contains(words), "{words}: {refused}");
    }
    let refusing = [
        (
            response("400 Bad Request", "application/json", r#"{"error":{"message":"no cats"}}"#),
            "no cats",
        ),
        (response("401 Unauthorized", "text/plain", "secret-1234 is wrong"), "[key] is wrong"),
        (response("200 OK", "text/html", "<h1>Hello</h1>"), "a web page"),
    ];
    for (reply, words) in refusing {
        let server = Server::start(vec![reply]).await;
        let refused = model(&server.url, "ollama", "z").generate(&lighthouse()).await.unwrap_err();
        assert!(refused.to_string().contains(words), "{words}: {refused}");
    }
}

#[tokio::test]
async fn endless_responses_are_aborted() {
    let head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n".to_vec();
    let server = Server::start(vec![Reply::Endless(head, vec![b' '; 1 << 20])]).await;
    let outcome = model(&server.url, "lemonade", "z").generate(&lighthouse()).await;
    assert!(outcome.unwrap_err().to_string().contains("is longer than"));
}
