//! Styles, fonts, scripts and images. They are compiled into the program and have names that change with
//! their content, so browsers may cache them forever.
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
    media: &'static str,
    plain: Vec<u8>,
    /// The compressed content; empty if it would not be smaller.
    packed: Vec<u8>,
}

struct Assets {
    /// Assets by address, without [`ROOT`].
    found: HashMap<String, Asset>,
    addresses: HashMap<&'static str, String>,
}

static ASSETS: LazyLock<Assets> = LazyLock::new(|| {
    let mut assets = Assets { found: HashMap::new(), addresses: HashMap::new() };
    let images = IMAGES.iter().map(|(name, plain)| (*name, "image/png", *plain));
    let fonts = fonts::FILES.iter().map(|(name, plain)| (*name, fonts::MEDIA, *plain));
    for (name, media, plain) in images.chain(fonts) {
        assets.add(name, Asset { media, packed: Vec::new(), plain: plain.to_vec() });
    }
    for (name, media, parts) in SOURCES {
        let plain = assets.with_addresses(without_comments(&parts.concat())).into_bytes();
        let packed = pack(&plain, Compression::best());
        assets.add(name, Asset { media, packed, plain });
    }
    assets
});

impl Assets {
    fn add(&mut self, name: &'static str, asset: Asset) {
        let hashed = format!("{}.{name}", digest(&asset.plain));
        self.addresses.insert(name, format!("{ROOT}{hashed}"));
        self.found.insert(hashed, asset);
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
    static ALL: LazyLock<HashMap<&str, &str>> = LazyLock::new(|| {
        let symbols = ICONS.split("<symbol id=\"").skip(1);
        let symbol = |text: &'static str| {
            let (name, rest) = text.split_once('"')?;
            let (_, drawn) = rest.split_once('>')?;
            Some((name, drawn.split_once("</symbol>")?.0))
        };
        symbols.filter_map(symbol).collect()
    });
    ALL.get(name).copied().unwrap_or_default()
}

/// Returns the `Link` header with a page's assets, so that browsers request all of them early.
pub fn announced(language: &str) -> String {
    static LINKS: LazyLock<String> = LazyLock::new(|| {
        let needed = [("app.css", "style"), ("theme.js", "script"), ("app.js", "script")];
        let link =
            |(name, kind): (&str, &str)| format!("<{}>; rel=preload; as={kind}", address(name));
        needed.map(link).join(", ")
    });
    fonts::needed(language).iter().fold(LINKS.clone(), |links, name| {
        // Browsers request fonts without credentials, and use only an announced one that matches.
        format!(
            "{links}, <{}>; rel=preload; as=font; type={}; crossorigin",
            address(name),
            fonts::MEDIA
        )
    })
}

/// Compresses bytes with gzip.
pub fn pack(bytes: &[u8], how: Compression) -> Vec<u8> {
    let mut packer = GzEncoder::new(Vec::new(), how);
    // Writing to memory does not fail.
    let _ = packer.write_all(bytes);
    packer.finish().unwrap_or_default()
}

/// True if the client accepts gzip.
pub fn takes_packed(request: &HttpRequest) -> bool {
    let accepted = request.headers().get(ACCEPT_ENCODING).and_then(|value| value.to_str().ok());
    accepted.is_some_and(|accepted| accepted.contains("gzip"))
}

/// Responds with the asset of this name, if there is one.
pub fn respond(request: &HttpRequest, name: &str) -> Option<HttpResponse> {
    let asset = ASSETS.found.get(name)?;
    let mut answer = HttpResponse::Ok();
    answer
        .content_type(asset.media)
        .insert_header((CACHE_CONTROL, "public, max-age=31536000, immutable"))
        .insert_header((VARY, "accept-encoding"));
    Some(match takes_packed(request) && !asset.packed.is_empty() {
        true => answer.insert_header((CONTENT_ENCODING, "gzip")).body(asset.packed.as_slice()),
        false => answer.body(asset.plain.as_slice()),
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
        let sizes: usize = ASSETS.found.values().map(|asset| asset.packed.len()).sum();
        // The rest is for the page itself, which has about 2 kB compressed.
        assert!(sizes < 52_000, "{sizes} bytes of assets");
    }

    #[test]
    fn icons_come_from_the_sprite() {
        assert_eq!(icon("plus"), "<path d=\"M12 5v14M5 12h14\"/>");
        assert_eq!(icon("nope"), "");
    }

    #[test]
    fn styles_load_fonts_of_this_server_and_no_other_files() {
        let style = &ASSETS.found[address("app.css").trim_start_matches(ROOT)];
        let style = std::str::from_utf8(&style.plain).unwrap();
        let loaded = style.split("url(").skip(1).filter_map(|rest| rest.split(')').next());
        let loaded: BTreeSet<_> = loaded.map(str::to_owned).collect();
        assert_eq!(loaded, fonts::FILES.iter().map(|(name, _)| address(name)).collect());
        assert!(!style.contains("@import"));
    }

    #[test]
    fn fonts_are_cached_forever_and_not_compressed_again() {
        let request =
            TestRequest::default().insert_header((ACCEPT_ENCODING, "gzip")).to_http_request();
        for (name, _) in fonts::FILES {
            let answer = respond(&request, address(name).trim_start_matches(ROOT)).unwrap();
            let header = |name| answer.headers().get(name).and_then(|value| value.to_str().ok());
            assert_eq!(header(CONTENT_TYPE), Some("font/woff2"), "{name}");
            assert_eq!(header(CACHE_CONTROL), Some("public, max-age=31536000, immutable"));
            assert_eq!(header(CONTENT_ENCODING), None);
        }
    }

    #[test]
    fn a_page_announces_the_fonts_of_its_language() {
        let announced = |language| {
            let links = announced(language);
            let fonts = links
                .split(", ")
                .filter(|link| link.ends_with("as=font; type=font/woff2; crossorigin"));
            fonts
                .filter_map(|link| Some(link.split_once('.')?.1.split_once('>')?.0.to_owned()))
                .collect::<Vec<_>>()
        };
        assert_eq!(announced("de"), ["latin.woff2"]);
        assert_eq!(announced("ru"), ["latin.woff2", "cyrillic.woff2"]);
        assert_eq!(announced("ja"), [""; 0]);
    }

    #[test]
    fn assets_link_to_no_other_host() {
        for (name, _, parts) in SOURCES {
            let text = parts.concat();
            let links: Vec<_> = text
                .match_indices("//")
                .filter(|(at, _)| text[..*at].ends_with("http:") || text[..*at].ends_with("https:"))
                .map(|(at, _)| text[at..].chars().take(24).collect::<String>())
                .collect();
            let known = ["//www.w3.org/", "//htmx.org"];
            let unknown: Vec<_> = links
                .iter()
                .filter(|link| !known.iter().any(|host| link.starts_with(host)))
                .collect();
            assert!(unknown.is_empty(), "{name}: {unknown:?}");
        }
    }
}
