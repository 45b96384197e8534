//! What is given foreign bytes, and which rules hold whatever they are.
use std::io::Write;
use std::path::{Component, Path};
use std::sync::LazyLock;

use carrel_documents::{Limits, extract_file, file_types, read_page};
use carrel_domain::chat::{Chat, Conversation};
use carrel_domain::chat_log::{ChatWorkspace, LoggedChat};
use carrel_domain::export::{FormatChoice, Formatters, Layout};
use carrel_domain::link::FetchedPage;
use carrel_domain::{ChatId, DocumentPath, Error, Slug, WorkspaceId};
use carrel_export::ExportFormats;
use carrel_providers::sse::EventParser;
use carrel_services::settings::check::format_violation;
use carrel_services::settings::dotenv;
use carrel_services::settings::dump::quote;
use carrel_services::settings::registry::Registry;
use chrono::DateTime;

pub struct Target {
    pub name: &'static str,
    /// Panics when a rule is broken.
    pub run: fn(&[u8]),
}

pub const TARGETS: [Target; 7] = [
    Target { name: "document_path", run: document_path },
    Target { name: "documents", run: documents },
    Target { name: "sse", run: sse },
    Target { name: "csv", run: csv },
    Target { name: "env_dump", run: env_dump },
    Target { name: "settings", run: settings },
    Target { name: "slug", run: slug },
];

/// A path that parses stays beneath the root and is written as it was read.
fn document_path(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let Ok(path) = DocumentPath::parse(&text) else { return };
    assert_eq!(path.to_string(), text);
    let parts: Vec<_> = Path::new(&*text).components().collect();
    assert!(parts.len() == 2 && parts.iter().all(|part| matches!(part, Component::Normal(_))));
    assert!(!text.contains(['\\', '\0']) && path.name().ends_with(".json"));
}

const FILE: Limits = Limits { file: 1 << 20, text: 1 << 20, inflated: 1 << 24 };

/// A file of any type, or a page that was fetched, becomes text within the limit or is refused; it is
/// never our failure.
fn documents(bytes: &[u8]) {
    let (Some(first), Ok(mut file)) = (bytes.first(), tempfile::NamedTempFile::new()) else {
        return;
    };
    let extensions: Vec<_> =
        file_types(true, true).flat_map(|kind| kind.extensions.iter()).collect();
    let chosen = usize::from(*first) % (extensions.len() + 1);
    let Some(extension) = extensions.get(chosen) else { return page(&bytes[1..]) };
    if file.write_all(&bytes[1..]).is_err() {
        return;
    }
    match extract_file(&format!("file{extension}"), file.path(), FILE) {
        Ok(parts) => {
            let length: usize = parts.iter().map(|part| part.text.len()).sum();
            assert!(length as u64 <= FILE.text, "{length} bytes of text of a {extension}");
        }
        Err(Error::Internal(cause)) => panic!("a {extension} is our failure: {cause}"),
        Err(_) => {}
    }
}

/// What a page may hold here, so little that some do not.
const LARGEST_PAGE: u64 = 16 << 10;

/// However its host declares it: a short title, and text that is not many times the page.
fn page(bytes: &[u8]) {
    for media_type in ["text/html", "", "text/plain"] {
        let (url, media_type) = (String::new(), media_type.to_owned());
        let fetched = FetchedPage { url, media_type, charset: None, content: bytes.to_vec() };
        match read_page(fetched, LARGEST_PAGE) {
            Ok(page) => {
                let (length, title) = (page.text.len(), page.title.unwrap_or_default());
                assert!(length as u64 <= LARGEST_PAGE && length <= 8 * bytes.len(), "{length}");
                assert!(title.chars().count() <= 1_000, "{title}");
            }
            Err(Error::TooLarge { .. }) => {}
            Err(error) => panic!("a page is our failure: {error}"),
        }
    }
}

/// Events are the same however the bytes are cut, and what is written is what is read.
fn sse(bytes: &[u8]) {
    fn read<'a>(mut pieces: impl Iterator<Item = &'a [u8]>) -> (bool, Vec<Vec<u8>>) {
        let mut events = EventParser::default();
        let fed = pieces.all(|piece| events.feed(piece).is_ok());
        events.finish();
        (fed, std::iter::from_fn(|| events.next_event()).map(|event| event.data).collect())
    }
    let whole = read(std::iter::once(bytes));
    assert_eq!(whole, read(bytes.chunks(1)));
    assert_eq!(whole, read(bytes.chunks(7)));
    // As this server writes them: JSON, which holds no line break of its own.
    let json: String = String::from_utf8_lossy(bytes).escape_default().collect();
    let written = format!("data: {json}\n\ndata: {json}\n\n");
    let json = json.into_bytes();
    assert_eq!(read(std::iter::once(written.as_bytes())).1, [json.clone(), json]);
}

/// Other programs read the table with the cells that were put into it.
fn csv(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let middle = (0..=text.len() / 2).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    let (prompt, response) = text.split_at(middle);
    let chat = Chat {
        id: ChatId(1),
        conversation: Conversation {
            workspace: WorkspaceId(1),
            user: None,
            thread: None,
            session: None,
        },
        prompt: prompt.to_owned(),
        response: response.to_owned(),
        images: Vec::new(),
        include: true,
        feedback: None,
        created_at: DateTime::UNIX_EPOCH,
        updated_at: DateTime::UNIX_EPOCH,
    };
    let workspace: Option<ChatWorkspace> = None;
    let logged = LoggedChat { chat, workspace, username: Some(text.clone().into_owned()) };
    for layout in [Layout::Native, Layout::Compat] {
        let choice = FormatChoice::new("csv", layout, "");
        let Some(mut format) = ExportFormats.make(&choice) else { panic!("there is no csv") };
        let mut table = Vec::new();
        format.begin(&mut table);
        for _ in 0..2 {
            format.record(&ExportFormats.read(logged.clone()), &mut table);
        }
        format.end(&mut table);
        let mut reader = csv::ReaderBuilder::new().from_reader(&*table);
        let rows: Vec<_> = reader.records().map(|row| row.map_err(|e| e.to_string())).collect();
        assert_eq!(rows.len(), 2, "{}", String::from_utf8_lossy(&table));
        let Ok(row) = &rows[0] else { panic!("{rows:?}") };
        if layout == Layout::Native {
            let prompt = as_cell(prompt);
            assert!(row.iter().any(|cell| cell == prompt), "{row:?} lacks {prompt:?}");
        }
    }
}

/// A text as a table holds it: no NUL, and no return without a line feed, which not every reader takes.
fn as_cell(text: &str) -> String {
    let lines: Vec<_> = text.split("\r\n").map(|line| line.replace('\r', "\n")).collect();
    lines.join("\r\n").replace('\0', "\u{fffd}")
}

/// A value that may be set is read back from the file as it was, and as nothing else.
fn env_dump(bytes: &[u8]) {
    let value = String::from_utf8_lossy(bytes);
    // Whatever the file says, reading it comes to an end.
    let (entries, _) = dotenv::parse(&value);
    assert!(entries.iter().all(|entry| !entry.name.is_empty()));
    if format_violation(&value).is_some() {
        return;
    }
    let text = format!("A=1\nVALUE={}\nZ=2\n", quote(&value));
    let (entries, errors) = dotenv::parse(&text);
    let entries: Vec<_> = entries.iter().map(|entry| (&*entry.name, &*entry.value)).collect();
    assert_eq!((entries, errors.len()), (vec![("A", "1"), ("VALUE", &*value), ("Z", "2")], 0));
}

static REGISTRY: LazyLock<Registry> = LazyLock::new(|| match Registry::new() {
    Ok(registry) => registry,
    Err(error) => panic!("the table of settings is wrong: {error}"),
});

/// Every check of every setting says yes or no to any text.
fn settings(bytes: &[u8]) {
    let (text, registry) = (String::from_utf8_lossy(bytes), &*REGISTRY);
    for setting in registry.settings() {
        let violations = registry.violations(setting, &text);
        assert!(violations.iter().all(|violation| !violation.is_empty()));
    }
}

/// A slug is never empty and holds nothing that a path or a page would take for more than letters.
fn slug(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    for slug in [Slug::of(&text), Slug::numbered(&text, 7), Slug::chosen(&text)] {
        assert!(!slug.as_str().is_empty());
        let harm = |c: char| c.is_control() || c.is_whitespace() || "/\\?#%<>\"'&".contains(c);
        assert!(!slug.as_str().contains(harm), "{:?} of {text:?}", slug.as_str());
    }
}
