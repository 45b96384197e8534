//! Serves users' files in their original form, without letting them run anything under this
//! server's origin.
use std::fs::File;

use actix_files::NamedFile;
use actix_web::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, Charset, ContentDisposition, DispositionParam,
    DispositionType, ExtendedValue,
};
use actix_web::mime::{self, Mime};
use actix_web::{HttpRequest, HttpResponse};
use carrel_domain::document::FileType;
use carrel_domain::{Error, Result};

/// Policy of documents that browsers display: they fetch nothing, run nothing, and have an opaque
/// origin.
const SANDBOX: &str = "sandbox; default-src 'none'; img-src data:; style-src 'unsafe-inline'";

/// Policy of PDF files. Browsers do not display them in a sandbox, and their own viewer runs no
/// scripts of this server.
const PDF: &str = "default-src 'none'; img-src data:; object-src 'self'; style-src 'unsafe-inline'; \
                   frame-ancestors 'none'";

/// Types that browsers display themselves. They download all others.
const SHOWN: &[&str] = &[
    "application/pdf",
    "application/xhtml+xml",
    "image/gif",
    "image/jpeg",
    "image/png",
    "image/webp",
    "text/html",
    "text/plain",
];

/// Responds with a file that was uploaded as `name`. Supports `Range` requests.
///
/// # Errors
/// The errors of reading the file.
pub fn respond(
    request: &HttpRequest,
    file: File,
    name: &str,
    types: &[FileType],
) -> Result<HttpResponse> {
    let kind = kind(name, types);
    let is_shown = SHOWN.contains(&kind.essence_str());
    let disposition = if is_shown { DispositionType::Inline } else { DispositionType::Attachment };
    let policy = if kind.essence_str() == "application/pdf" { PDF } else { SANDBOX };
    let named = NamedFile::from_file(file, "original").map_err(Error::of_file)?;
    let mut response = named
        .set_content_type(kind)
        .prefer_utf8(false)
        .set_content_disposition(content_disposition(disposition, name))
        .into_response(request);
    let headers = response.headers_mut();
    let fixed = [(CONTENT_SECURITY_POLICY, policy), (CACHE_CONTROL, "private, no-cache")];
    for (name, value) in fixed {
        headers.insert(name, value.parse().map_err(Error::internal)?);
    }
    Ok(response)
}

/// Returns the media type by the file name. The browser detects the encoding of text.
fn kind(name: &str, types: &[FileType]) -> Mime {
    let extension = name.rsplit_once('.').map(|(_, extension)| format!(".{extension}"));
    let extension = extension.unwrap_or_default().to_lowercase();
    let known = types.iter().find(|known| {
        known.extensions.iter().chain(known.aliases).any(|known| *known == extension)
    });
    let kind = known.and_then(|known| known.mime.parse().ok());
    kind.unwrap_or(mime::APPLICATION_OCTET_STREAM)
}

/// Adds the name in ASCII for old clients, and in full.
fn content_disposition(disposition: DispositionType, name: &str) -> ContentDisposition {
    let is_plain =
        |c: char| c.is_ascii_graphic() && !matches!(c, '"' | '\\' | '/' | '%') || c == ' ';
    let plain: String = name.chars().map(|c| if is_plain(c) { c } else { '_' }).collect();
    let mut parameters = vec![DispositionParam::Filename(plain.clone())];
    if plain != name {
        parameters.push(DispositionParam::FilenameExt(ExtendedValue {
            charset: Charset::Ext("UTF-8".to_owned()),
            language_tag: None,
            value: name.as_bytes().to_vec(),
        }));
    }
    ContentDisposition { disposition, parameters }
}

#[cfg(test)]
mod tests {
    use std::io::{Seek, Write};

    use actix_web::body::to_bytes;
    use actix_web::http::StatusCode;
    use actix_web::test::TestRequest;

    use super::*;

    const TYPES: &[FileType] = &[
        FileType { mime: "text/html", extensions: &[".html"], aliases: &[".htm"], is_read: true },
        FileType { mime: "application/pdf", extensions: &[".pdf"], aliases: &[], is_read: true },
        FileType { mime: "application/rtf", extensions: &[".rtf"], aliases: &[], is_read: true },
    ];

    fn answered(name: &str, range: Option<&str>) -> HttpResponse {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(b"0123456789").unwrap();
        file.rewind().unwrap();
        let request = TestRequest::get().uri("/original");
        let request = match range {
            Some(range) => request.insert_header(("range", range)),
            None => request,
        };
        respond(&request.to_http_request(), file, name, TYPES).unwrap()
    }

    fn header(response: &HttpResponse, name: &str) -> String {
        response.headers().get(name).map_or("", |value| value.to_str().unwrap()).to_owned()
    }

    #[actix_web::test]
    async fn pages_are_sandboxed_and_other_files_are_downloaded() {
        for (name, kind, disposition, policy) in [
            ("a.HTM", "text/html", "inline; filename=\"a.HTM\"", SANDBOX),
            ("a.pdf", "application/pdf", "inline; filename=\"a.pdf\"", PDF),
            ("a.rtf", "application/rtf", "attachment; filename=\"a.rtf\"", SANDBOX),
            ("a.svg", "application/octet-stream", "attachment; filename=\"a.svg\"", SANDBOX),
            ("a", "application/octet-stream", "attachment; filename=\"a\"", SANDBOX),
        ] {
            let response = answered(name, None);
            assert_eq!(header(&response, "content-type"), kind);
            assert_eq!(header(&response, "content-disposition"), disposition);
            assert_eq!(header(&response, "content-security-policy"), policy);
            assert_eq!(header(&response, "cache-control"), "private, no-cache");
            assert_eq!(to_bytes(response.into_body()).await.unwrap(), "0123456789");
        }
    }

    #[actix_web::test]
    async fn range_requests_get_a_part_of_the_file() {
        let response = answered("a.pdf", Some("bytes=2-4"));
        assert_eq!(response.status(), StatusCode::PARTIAL_CONTENT);
        assert_eq!(header(&response, "content-range"), "bytes 2-4/10");
        assert_eq!(to_bytes(response.into_body()).await.unwrap(), "234");
        let out_of_range = answered("a.pdf", Some("bytes=20-"));
        assert_eq!(out_of_range.status(), StatusCode::RANGE_NOT_SATISFIABLE);
    }

    #[actix_web::test]
    async fn file_names_are_sent_in_ascii_and_in_full_without_breaking_the_header() {
        let response = answered("Grün\"; x=\r\n日.pdf", None);
        let disposition = header(&response, "content-disposition");
        assert!(
            disposition.starts_with("inline; filename=\"Gr_n__ x=___.pdf\"")
                || disposition.starts_with("inline; filename=\"Gr_n_; x=___.pdf\""),
            "{disposition}"
        );
        assert!(disposition.contains("filename*=UTF-8''Gr%C3%BCn"), "{disposition}");
    }
}
