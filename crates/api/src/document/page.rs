//! The API reference page: the OpenAPI document as plain HTML, without scripts.
use serde_json::Value;

use crate::document::{operations, value};
use crate::v1;

const STYLE: &str = "
:root { color-scheme: light dark; --line: #8884; --soft: #8882; }
body { font: 16px/1.55 system-ui, sans-serif; max-width: 56rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.6rem; } h2 { font-size: 1.2rem; margin-top: 2.5rem; }
details { border: 1px solid var(--line); border-radius: .5rem; margin: .5rem 0; padding: .6rem .9rem; }
summary { cursor: pointer; } summary span { opacity: .75; }
code, pre { font-family: ui-monospace, monospace; font-size: .9em; }
pre { background: var(--soft); border-radius: .5rem; padding: .8rem; overflow-x: auto; }
b.method { display: inline-block; min-width: 4.5rem; }
table { border-collapse: collapse; width: 100%; } td, th { border-bottom: 1px solid var(--line); padding: .3rem .6rem .3rem 0; text-align: left; vertical-align: top; }
";

/// Returns the whole page.
pub fn page() -> String {
    let document = value();
    let about = document["info"]["description"].as_str().unwrap_or_default();
    let mut page = format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width\"><title>carrel API</title>\
         <style>{STYLE}</style></head><body><h1>carrel API {}</h1><p>{}</p>\
         <p>The same as data: <a href=\"/v1/openapi.json\">openapi.json</a>.</p>\
         <pre>curl -H 'Authorization: Bearer &lt;key&gt;' http://127.0.0.1:3001/v1/auth</pre>",
        escape(env!("CARGO_PKG_VERSION")),
        code(about),
    );
    let mut subject = "";
    for (path, method, operation) in operations(&document) {
        if !path.starts_with(v1::FACE.root) {
            continue;
        }
        let tag = operation["tags"][0].as_str().unwrap_or("Other");
        if tag != subject {
            subject = tag;
            page.push_str(&format!("<h2>{}</h2>", escape(tag)));
        }
        page.push_str(&entry(&document, path, method, operation));
    }
    page.push_str("</body></html>");
    page
}

fn entry(document: &Value, path: &str, method: &str, operation: &Value) -> String {
    let text = |name: &str| code(operation[name].as_str().unwrap_or_default());
    let mut entry = format!(
        "<details><summary><b class=\"method\">{}</b> <code>{}</code> <span>{}</span></summary><p>{}</p>",
        method.to_uppercase(),
        escape(path),
        text("summary"),
        text("description"),
    );
    for (kind, body) in operation["requestBody"]["content"].as_object().into_iter().flatten() {
        entry.push_str(&format!(
            "<h3>Body <code>{}</code></h3>{}",
            escape(kind),
            fields(document, body)
        ));
    }
    let answer = &operation["responses"]["200"]["content"]["application/json"];
    entry.push_str(&format!("<h3>Answer <code>200</code></h3>{}", fields(document, answer)));
    entry.push_str("<h3>Refusals</h3><table>");
    for (status, response) in operation["responses"].as_object().into_iter().flatten() {
        if status != "200" {
            let description = response["description"].as_str().unwrap_or_default();
            entry.push_str(&format!(
                "<tr><td><code>{}</code><td>{}",
                escape(status),
                code(description)
            ));
        }
    }
    entry.push_str("</table></details>");
    entry
}

/// Renders a table of the fields of a body.
fn fields(document: &Value, body: &Value) -> String {
    let schema = resolve(document, &body["schema"]);
    let mut parts = vec![schema];
    parts.extend(
        schema["allOf"].as_array().into_iter().flatten().map(|part| resolve(document, part)),
    );
    let rows: String = parts
        .iter()
        .flat_map(|part| part["properties"].as_object().into_iter().flatten())
        .map(|(name, field)| {
            let about = field["description"].as_str().unwrap_or_default();
            format!(
                "<tr><td><code>{}</code><td>{}<td>{}",
                escape(name),
                escape(&kind(field)),
                code(about)
            )
        })
        .collect();
    format!("<table>{rows}</table>")
}

fn resolve<'a>(document: &'a Value, schema: &'a Value) -> &'a Value {
    let name = schema["$ref"].as_str().and_then(|path| path.rsplit('/').next());
    name.map_or(schema, |name| &document["components"]["schemas"][name])
}

/// Names a field's type in a word or two.
fn kind(field: &Value) -> String {
    match &field["type"] {
        Value::String(kind) => kind.clone(),
        Value::Array(kinds) => {
            kinds.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" or ")
        }
        _ => field["$ref"]
            .as_str()
            .and_then(|path| path.rsplit('/').next())
            .unwrap_or("any")
            .to_owned(),
    }
}

/// Escapes text and marks up its `code`.
fn code(text: &str) -> String {
    let mut html = String::with_capacity(text.len());
    for (number, part) in escape(text).split('`').enumerate() {
        match number % 2 {
            0 => html.push_str(part),
            _ => html.push_str(&format!("<code>{part}</code>")),
        }
    }
    html
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_lists_every_native_operation_and_escapes_markup() {
        let page = page();
        assert!(page.contains("/v1/workspace/{slug}/chat"));
        assert!(!page.contains("<script"));
        assert_eq!(code("a `<b>` c"), "a <code>&lt;b&gt;</code> c");
    }
}
