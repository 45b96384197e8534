//! Pictures that depend on the prompt: squares of its bytes as grey.
use std::io::Write;
use std::time::Duration;

use actix_web::HttpResponse;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::write::ZlibEncoder;
use flate2::{Compression, Crc};
use serde_json::{Map, Value, json};

use super::error;

/// The largest side, in pixels.
const LARGEST: u32 = 2048;

pub(super) async fn respond(body: &Value) -> HttpResponse {
    let prompt = body["prompt"].as_str().unwrap_or_default();
    let model = body["model"].as_str().unwrap_or_default();
    let status = model.strip_prefix("fail-").and_then(|status| status.parse().ok());
    if let Some(status @ 400..=599) = status {
        return error(status, "the model was asked to fail");
    }
    if model == "slow" {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let size = body["size"].as_str().unwrap_or("64x64").split_once('x');
    let side = |text: &str| text.parse().ok().filter(|side| (1..=LARGEST).contains(side));
    let Some((width, height)) = size.and_then(|(w, h)| Some((side(w)?, side(h)?))) else {
        return error(400, "size: a width and a height up to 2048 are needed");
    };
    let item = match model {
        "silent" => std::future::pending().await,
        "html" => return HttpResponse::Ok().content_type("text/html").body("<h1>Welcome</h1>"),
        "empty" => return HttpResponse::Ok().json(json!({ "data": [] })),
        "scribble" => json!({ "b64_json": STANDARD.encode("<svg onload=alert(1)></svg>") }),
        "linked" => json!({ "url": "http://127.0.0.1:9/picture.png" }),
        _ => json!({ "b64_json": STANDARD.encode(png(prompt, width, height)) }),
    };
    HttpResponse::Ok().json(json!({ "created": 1_704_067_200, "data": [item] }))
}

/// Returns the texts of a form and its number of files.
pub(super) fn form(body: &[u8]) -> Value {
    let body = String::from_utf8_lossy(body);
    let (mut fields, mut files) = (Map::new(), 0);
    for part in body.split("form-data; name=\"").skip(1) {
        let (Some((name, head)), Some((_, rest))) =
            (part.split_once('"'), part.split_once("\r\n\r\n"))
        else {
            continue;
        };
        match head.starts_with("; filename=") {
            true => files += 1,
            false => {
                let text = rest.split("\r\n--").next().unwrap_or_default();
                fields.insert(name.to_owned(), json!(text));
            }
        }
    }
    fields.insert("files".into(), json!(files));
    Value::Object(fields)
}

/// Returns the first file of a form; empty if it has none.
pub(super) fn file(body: &[u8]) -> &[u8] {
    let find = |text: &[u8], pattern: &[u8]| {
        text.windows(pattern.len()).position(|window| window == pattern)
    };
    let Some(head) = find(body, b"; filename=") else { return &[] };
    let Some(begin) = find(&body[head..], b"\r\n\r\n") else { return &[] };
    let content = &body[head + begin + 4..];
    &content[..find(content, b"\r\n--").unwrap_or(content.len())]
}

/// Returns an 8-bit grey PNG.
pub fn png(prompt: &str, width: u32, height: u32) -> Vec<u8> {
    let mut file = b"\x89PNG\r\n\x1a\n".to_vec();
    let head = [&width.to_be_bytes()[..], &height.to_be_bytes(), &[8, 0, 0, 0, 0]].concat();
    chunk(&mut file, b"IHDR", &head);
    let grey = |x: u32, y: u32| {
        let at = (x / 8 + y / 8 * 7) as usize % prompt.len().max(1);
        prompt.as_bytes().get(at).copied().unwrap_or_default()
    };
    let mut packed = ZlibEncoder::new(Vec::new(), Compression::fast());
    for y in 0..height {
        let row: Vec<_> = std::iter::once(0).chain((0..width).map(|x| grey(x, y))).collect();
        // Writing to memory does not fail.
        let _ = packed.write_all(&row);
    }
    chunk(&mut file, b"IDAT", &packed.finish().unwrap_or_default());
    chunk(&mut file, b"IEND", &[]);
    file
}

fn chunk(file: &mut Vec<u8>, kind: &[u8; 4], content: &[u8]) {
    file.extend((content.len() as u32).to_be_bytes());
    let mut sum = Crc::new();
    for part in [&kind[..], content] {
        sum.update(part);
        file.extend(part);
    }
    file.extend(sum.sum().to_be_bytes());
}
