//! Serves the chat widget's script and styles to pages of other sites.
use std::sync::LazyLock;

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{
    ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL, CONTENT_ENCODING, ETAG, EntityTag, HeaderName,
    HeaderValue, IfNoneMatch, VARY,
};
use actix_web::middleware::{Next, from_fn};
use actix_web::web::{Data, ServiceConfig, get, resource};
use actix_web::{Error, HttpRequest, HttpResponse};
use carrel_http::request_log::RequestLog;
use flate2::Compression;
use serde_json::json;
use tracing::Instrument;

use crate::http::assets;
use crate::site::Site;

/// Addresses of the script: its own name, and that of AnythingLLM's widget, which pages of imported
/// installations use.
const SCRIPTS: [&str; 2] = ["/embed/carrel-widget.js", "/embed/anythingllm-chat-widget.min.js"];
const STYLES: [&str; 2] = ["/embed/carrel-widget.css", "/embed/anythingllm-chat-widget.min.css"];

/// The name does not change with the content, so browsers check for a new version after an hour.
const CACHE_POLICY: &str = "public, max-age=3600";

const STYLE_TEXT: &str = include_str!("../assets/widget/widget.css");

/// The parts of the script, in order of their dependencies.
const PARTS: [&str; 8] = [
    include_str!("../assets/widget/texts.js"),
    include_str!("../assets/widget/options.js"),
    include_str!("../assets/widget/markdown.js"),
    include_str!("../assets/widget/blocks.js"),
    include_str!("../assets/widget/talk.js"),
    include_str!("../assets/widget/window.js"),
    include_str!("../assets/widget/conversation.js"),
    include_str!("../assets/widget/start.js"),
];

struct File {
    media_type: &'static str,
    content: Vec<u8>,
    compressed: Vec<u8>,
    tag: EntityTag,
}

impl File {
    fn new(media_type: &'static str, text: String) -> Self {
        let content = text.into_bytes();
        let compressed = assets::compress(&content, Compression::best());
        // Weak, because the compressed bytes differ.
        let tag = EntityTag::new_weak(assets::digest(&content));
        Self { media_type, content, compressed, tag }
    }
}

static SCRIPT: LazyLock<File> = LazyLock::new(|| {
    // The styles are part of the script: a page whose policy blocks style sheets of other hosts
    // still lets its scripts adopt one.
    let styles = json!(STYLE_TEXT);
    let parts = PARTS.concat();
    let text = format!("(() => {{\n\"use strict\";\nconst STYLES = {styles};\n{parts}}})();\n");
    File::new("text/javascript; charset=utf-8", text)
});

static STYLE: LazyLock<File> =
    LazyLock::new(|| File::new("text/css; charset=utf-8", STYLE_TEXT.to_owned()));

pub fn configure(config: &mut ServiceConfig, site: &Data<Site>) {
    let widget_resource =
        |paths: [&str; 2]| resource(paths).app_data(site.clone()).wrap(from_fn(handle));
    config
        .service(widget_resource(SCRIPTS).route(get().to(async |request| serve(&request, &SCRIPT))))
        .service(widget_resource(STYLES).route(get().to(async |request| serve(&request, &STYLE))));
}

fn serve(request: &HttpRequest, file: &'static File) -> HttpResponse {
    let mut response = HttpResponse::Ok();
    response
        .content_type(file.media_type)
        .insert_header((CACHE_CONTROL, CACHE_POLICY))
        .insert_header((ETAG, file.tag.to_string()))
        .insert_header((VARY, "accept-encoding"));
    if is_cached(request, &file.tag) {
        return response.status(actix_web::http::StatusCode::NOT_MODIFIED).finish();
    }
    match assets::accepts_gzip(request) {
        true => response.insert_header((CONTENT_ENCODING, "gzip")).body(file.compressed.as_slice()),
        false => response.body(file.content.as_slice()),
    }
}

/// True if the browser has cached this content.
fn is_cached(request: &HttpRequest, tag: &EntityTag) -> bool {
    match actix_web::http::header::Header::parse(request) {
        Ok(IfNoneMatch::Any) => true,
        Ok(IfNoneMatch::Items(tags)) => tags.iter().any(|cached| cached.weak_eq(tag)),
        Err(_) => false,
    }
}

/// Adds a request id, a log record, and headers that let pages of every site load these files.
async fn handle(
    mut request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let log = RequestLog::start(&mut request);
    let site = request.app_data::<Data<Site>>().cloned();
    let span = log.span.clone();
    async move {
        let mut response = next.call(request).await?.map_into_boxed_body();
        for (name, value) in [
            (ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
            (HeaderName::from_static("cross-origin-resource-policy"), "cross-origin"),
        ] {
            response.headers_mut().insert(name, HeaderValue::from_static(value));
        }
        Ok(log.finish(response, site.as_ref().map(|site| &*site.ports.meter)))
    }
    .instrument(span)
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_script_is_small_and_loads_nothing_else() {
        assert!(SCRIPT.compressed.len() < 20_000, "{} bytes", SCRIPT.compressed.len());
        let text = String::from_utf8(SCRIPT.content.clone()).unwrap();
        for construct in ["import ", "https://", "url("] {
            let count = text.replace("https?://", "").matches(construct).count();
            assert_eq!(count, 0, "{construct}");
        }
    }

    #[test]
    fn the_script_neither_parses_html_nor_runs_text() {
        for part in PARTS {
            for sink in ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval("]
            {
                assert!(!part.contains(sink), "{sink}");
            }
        }
    }
}
