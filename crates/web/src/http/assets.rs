//! Styles, fonts, scripts and images. They are compiled into the program and have names that change
//! with their content, so browsers may cache them forever.
use std::collections::HashMap;
use std::io::Write;
use std::sync::LazyLock;

use actix_web::http::header::{ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, VARY};
use actix_web::{HttpRequest, HttpResponse};
use flate2::Compression;
use flate2::write::GzEncoder;
use sha2::{Digest, Sha256};

use crate::http::fonts;

/// Path of the assets.
const ROOT: &str = "/assets/";

/// Name, media type and source files of each asset.
const SOURCES: &[(&str, &str, &[&str])] = &[
    (
        "app.css",
        "text/css; charset=utf-8",
        &[
            include_str!("../../assets/css/fonts.css"),
            include_str!("../../assets/css/tokens.css"),
            include_str!("../../assets/css/base.css"),
            include_str!("../../assets/css/layout.css"),
            include_str!("../../assets/css/controls.css"),
            include_str!("../../assets/css/tables.css"),
            include_str!("../../assets/css/chat.css"),
            include_str!("../../assets/css/prose.css"),
            include_str!("../../assets/css/documents.css"),
            include_str!("../../assets/css/search.css"),
            include_str!("../../assets/css/shell.css"),
            include_str!("../../assets/css/print.css"),
        ],
    ),
    ("theme.js", "text/javascript; charset=utf-8", &[include_str!("../../assets/js/theme.js")]),
    (
        "app.js",
        "text/javascript; charset=utf-8",
        &[
            include_str!("../../assets/vendor/htmx.min.js"),
            ";\n",
            include_str!("../../assets/vendor/sse.min.js"),
            ";\n",
            include_str!("../../assets/js/forms.js"),
            include_str!("../../assets/js/page.js"),
            include_str!("../../assets/js/chat.js"),
            include_str!("../../assets/js/live.js"),
            include_str!("../../assets/js/cards.js"),
            include_str!("../../assets/js/reader.js"),
            include_str!("../../assets/js/commands.js"),
            include_str!("../../assets/js/picker.js"),
            include_str!("../../assets/js/palette.js"),
            include_str!("../../assets/js/attach.js"),
            include_str!("../../assets/js/voice.js"),
            include_str!("../../assets/js/upload.js"),
            include_str!("../../assets/js/jobs.js"),
            include_str!("../../assets/js/choose.js"),
        ],
    ),
    ("mark.svg", "image/svg+xml", &[include_str!("../../assets/mark.svg")]),
];

/// The icons of the installed application. PNG files are compressed already.
const IMAGES: [(&str, &[u8]); 3] = [
    ("icon-192.png", include_bytes!("../../assets/icons/icon-192.png")),
    ("icon-512.png", include_bytes!("../../assets/icons/icon-512.png")),
    ("maskable-512.png", include_bytes!("../../assets/icons/maskable-512.png")),
];

/// The sprite with the icons. Pages contain the icons inline, so that they need no request.
const ICONS: &str = include_str!("../../assets/icons.svg");

struct Asset {
    media_type: &'static str,
    content: Vec<u8>,
    /// The content compressed with gzip; empty if that would not be smaller.
    compressed: Vec<u8>,
}

struct Assets {
    /// Assets by address, without [`ROOT`].
    by_address: HashMap<String, Asset>,
    addresses: HashMap<&'static str, String>,
}

static ASSETS: LazyLock<Assets> = LazyLock::new(|| {
    let mut assets = Assets { by_address: HashMap::new(), addresses: HashMap::new() };
    let images = IMAGES.iter().map(|(name, content)| (*name, "image/png", *content));
    let fonts = fonts::FILES.iter().map(|(name, content)| (*name, fonts::MEDIA_TYPE, *content));
    for (name, media_type, content) in images.chain(fonts) {
        assets.add(name, Asset { media_type, compressed: Vec::new(), content: content.to_vec() });
    }
    for (name, media_type, parts) in SOURCES {
        let content = assets.with_addresses(without_comments(&parts.concat())).into_bytes();
        let compressed = compress(&content, Compression::best());
        assets.add(name, Asset { media_type, compressed, content });
    }
    assets
});

impl Assets {
    fn add(&mut self, name: &'static str, asset: Asset) {
        let file_name = format!("{}.{name}", digest(&asset.content));
        self.addresses.insert(name, format!("{ROOT}{file_name}"));
        self.by_address.insert(file_name, asset);
    }

    /// Replaces the names of files in a style sheet by their addresses.
    fn with_addresses(&self, style: String) -> String {
        self.addresses.iter().fold(style, |style, (name, address)| {
            style.replace(&format!("url({name})"), &format!("url({address})"))
        })
    }
}

/// Drops indentation and lines that are comments. No text in the sources goes over several lines.
fn without_comments(source: &str) -> String {
    let is_comment =
        |line: &str| line.starts_with("//") || (line.starts_with("/*") && line.ends_with("*/"));
    let lines = source.lines().map(str::trim).filter(|line| !line.is_empty() && !is_comment(line));
    lines.collect::<Vec<_>>().join("\n")
}

/// Returns the beginning of a digest, which identifies a content.
pub fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().take(6).map(|byte| format!("{byte:02x}")).collect()
}

/// Returns the address of an asset by its plain name.
pub fn address(name: &str) -> String {
    ASSETS.addresses.get(name).cloned().unwrap_or_else(|| format!("{ROOT}{name}"))
}

/// Returns the paths of an icon, drawn on a field of 24 by 24; empty for an unknown one.
pub fn icon(name: &str) -> &'static str {
    static SYMBOLS: LazyLock<HashMap<&str, &str>> = LazyLock::new(|| {
        let symbols = ICONS.split("<symbol id=\"").skip(1);
        let symbol = |text: &'static str| {
            let (name, rest) = text.split_once('"')?;
            let (_, body) = rest.split_once('>')?;
            Some((name, body.split_once("</symbol>")?.0))
        };
        symbols.filter_map(symbol).collect()
    });
    SYMBOLS.get(name).copied().unwrap_or_default()
}

/// Returns the value of a page's `Link` header, with which browsers preload all assets.
pub fn preload_links(language: &str) -> String {
    static LINKS: LazyLock<String> = LazyLock::new(|| {
        let assets = [("app.css", "style"), ("theme.js", "script"), ("app.js", "script")];
        let link =
            |(name, kind): (&str, &str)| format!("<{}>; rel=preload; as={kind}", address(name));
        assets.map(link).join(", ")
    });
    fonts::for_language(language).iter().fold(LINKS.clone(), |links, name| {
        // Browsers request fonts without credentials, and use only a preloaded one that matches.
        format!(
            "{links}, <{}>; rel=preload; as=font; type={}; crossorigin",
            address(name),
            fonts::MEDIA_TYPE
        )
    })
}

/// Compresses bytes with gzip.
pub fn compress(bytes: &[u8], level: Compression) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), level);
    // Writing to memory does not fail.
    let _ = encoder.write_all(bytes);
    encoder.finish().unwrap_or_default()
}

/// True if the client accepts gzip.
pub fn accepts_gzip(request: &HttpRequest) -> bool {
    let encodings = request.headers().get(ACCEPT_ENCODING).and_then(|value| value.to_str().ok());
    encodings.is_some_and(|encodings| encodings.contains("gzip"))
}

/// Responds with the asset of this name, if there is one.
pub fn respond(request: &HttpRequest, name: &str) -> Option<HttpResponse> {
    let asset = ASSETS.by_address.get(name)?;
    let mut response = HttpResponse::Ok();
    response
        .content_type(asset.media_type)
        .insert_header((CACHE_CONTROL, "public, max-age=31536000, immutable"))
        .insert_header((VARY, "accept-encoding"));
    Some(match accepts_gzip(request) && !asset.compressed.is_empty() {
        true => {
            response.insert_header((CONTENT_ENCODING, "gzip")).body(asset.compressed.as_slice())
        }
        false => response.body(asset.content.as_slice()),
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use actix_web::http::header::CONTENT_TYPE;
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn the_first_page_needs_less_than_60_kilobytes_without_fonts() {
        let total_size: usize =
            ASSETS.by_address.values().map(|asset| asset.compressed.len()).sum();
        // The rest is for the page itself, which has about 2 kB compressed.
        assert!(total_size < 52_000, "{total_size} bytes of assets");
    }

    #[test]
    fn icons_come_from_the_sprite() {
        assert_eq!(icon("plus"), "<path d=\"M12 5v14M5 12h14\"/>");
        assert_eq!(icon("nope"), "");
    }

    #[test]
    fn styles_load_fonts_of_this_server_and_no_other_files() {
        let style = &ASSETS.by_address[address("app.css").trim_start_matches(ROOT)];
        let style = std::str::from_utf8(&style.content).unwrap();
        let urls = style.split("url(").skip(1).filter_map(|rest| rest.split(')').next());
        let urls: BTreeSet<_> = urls.map(str::to_owned).collect();
        assert_eq!(urls, fonts::FILES.iter().map(|(name, _)| address(name)).collect());
        assert!(!style.contains("@import"));
    }

    #[test]
    fn fonts_are_cached_forever_and_not_compressed_again() {
        let request =
            TestRequest::default().insert_header((ACCEPT_ENCODING, "gzip")).to_http_request();
        for (name, _) in fonts::FILES {
            let response = respond(&request, address(name).trim_start_matches(ROOT)).unwrap();
            let header = |name| response.headers().get(name).and_then(|value| value.to_str().ok());
            assert_eq!(header(CONTENT_TYPE), Some("font/woff2"), "{name}");
            assert_eq!(header(CACHE_CONTROL), Some("public, max-age=31536000, immutable"));
            assert_eq!(header(CONTENT_ENCODING), None);
        }
    }

    #[test]
    fn a_page_announces_the_fonts_of_its_language() {
        let preloaded_fonts = |language| {
            let links = preload_links(language);
            let fonts = links
                .split(", ")
                .filter(|link| link.ends_with("as=font; type=font/woff2; crossorigin"));
            fonts
                .filter_map(|link| Some(link.split_once('.')?.1.split_once('>')?.0.to_owned()))
                .collect::<Vec<_>>()
        };
        assert_eq!(preloaded_fonts("de"), ["latin.woff2"]);
        assert_eq!(preloaded_fonts("ru"), ["latin.woff2", "cyrillic.woff2"]);
        assert_eq!(preloaded_fonts("ja"), [""; 0]);
    }

    #[test]
    fn assets_link_to_no_other_host() {
        for (name, _, parts) in SOURCES {
            let text = parts.concat();
            let links: Vec<_> = text
                .match_indices("//")
                .filter(|(index, _)| {
                    text[..*index].ends_with("http:") || text[..*index].ends_with("https:")
                })
                .map(|(index, _)| text[index..].chars().take(24).collect::<String>())
                .collect();
            let allowed = ["//www.w3.org/", "//htmx.org"];
            let unknown: Vec<_> = links
                .iter()
                .filter(|link| !allowed.iter().any(|host| link.starts_with(host)))
                .collect();
            assert!(unknown.is_empty(), "{name}: {unknown:?}");
        }
    }
}
