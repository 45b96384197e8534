//! Sources of answers at `/api/v1`.
use carrel_domain::ChunkId;
use carrel_services::chat::Source;
use carrel_services::record;
use serde_json::Value;
use uuid::Uuid;

use super::names::Names;

/// Returns the sources of an answer.
pub fn sources_json(sources: &[Source]) -> Vec<Value> {
    let mut list = crate::v1::source::sources_json(sources);
    list.iter_mut().for_each(translate);
    list
}

/// Translates a stored answer, which is JSON text.
pub fn answer(response: String) -> String {
    if !response.contains("\"location\"") {
        return response;
    }
    let Ok(mut record) = serde_json::from_str::<Value>(&response) else { return response };
    let Some(list) = record.get_mut("sources").and_then(Value::as_array_mut) else {
        return response;
    };
    list.iter_mut().for_each(translate);
    record.to_string()
}

/// Returns the id of a passage.
// quirk(passage-uuid): a UUID that ends in that number; sources, histories, searches and workspace
// documents name documents as `raw-text-title`, `link-title` and `upload-directory` say
// native: the id of a passage is its number
// test: `dialects::sources_are_named_like_documents_in_each_dialect`
pub fn passage(chunk: ChunkId) -> String {
    Uuid::from_fields(0, 0, 0x8000, &variant(chunk)).to_string()
}

fn variant(chunk: ChunkId) -> [u8; 8] {
    let mut bytes = chunk.0.to_be_bytes();
    bytes[0] = bytes[0] & 0x3f | 0x80;
    bytes
}

/// Translates a stored source to this contract. Sources of an imported installation have no
/// `location` and are in this form already.
pub fn translate(source: &mut Value) {
    let text = |name: &str| source[name].as_str().map(str::to_owned);
    let (Some(location), content, id) = (text("location"), text("text"), text("id")) else {
        return;
    };
    let [title, url, chunk_source] =
        ["title", "url", "chunkSource"].map(|name| text(name).unwrap_or_default());
    let name = location.split_once('/').map_or("", |(_, name)| name);
    let is_title_given = source[record::TITLE_GIVEN] == true;
    let names = Names::of(&title, &url, name, &chunk_source, || is_title_given);
    if let Some(content) =
        content.and_then(|text| record::replace_title(&text, &title, &names.title))
    {
        source["text"] = content.into();
    }
    if let Some(id) = id.and_then(|id| id.parse().ok()) {
        source["id"] = passage(ChunkId(id)).into();
    }
    source["title"] = names.title.into();
    source["url"] = names.url.into();
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn existing_clients_know_a_document_by_its_file() {
        let text = |title: &str| {
            format!("<document_metadata>\nsourceDocument: {title}\n</document_metadata>\n\nTwo.")
        };
        let mut raw = json!({
            "id": "7", "title": "Two Lamps", "url": "http://X.test", "chunkSource": "",
            "text": text("Two Lamps"), "score": 0.5,
            "location": "custom-documents/raw-two-lamps-00000000-0000-4000-8000-000000000001.json",
        });
        translate(&mut raw);
        assert_eq!(raw["title"], "two-lamps.txt");
        assert_eq!(raw["url"], "web://http://x.test.website");
        assert_eq!(raw["text"], text("two-lamps.txt"));
        assert_eq!(raw["id"], "00000000-0000-8000-8000-000000000007");
        let page = |is_title_given| {
            let mut page = json!({
                "title": "Lamps", "url": "file://a.test.html", "chunkSource": "link://https://a.test",
                "text": "bare", "location": "f/url-a.test.json", record::TITLE_GIVEN: is_title_given,
            });
            translate(&mut page);
            (page["title"].clone(), page["text"].clone())
        };
        assert_eq!(page(true), ("Lamps".into(), "bare".into()));
        assert_eq!(page(false), ("a.test.html".into(), "bare".into()));
    }

    #[test]
    fn sources_of_an_imported_installation_do_not_change() {
        let response = r#"{"text":"x","sources":[{"id":"5","title":"A"}, 7]}"#.to_owned();
        assert_eq!(answer(response.clone()), response);
        assert_eq!(answer("\"location\"".into()), "\"location\"");
        let mixed = json!({ "sources": [7, { "location": 5 }, { "location": "x" }] }).to_string();
        answer(mixed);
    }
}
