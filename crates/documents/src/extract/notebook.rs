//! Reads notebooks (`.ipynb`): their texts, code and output.
use carrel_domain::document::Extracted;
use serde_json::Value;

use super::extract_error::ExtractError;
use super::text::document;
use super::{Input, html};

pub fn read(input: &Input<'_>) -> Result<Vec<Extracted>, ExtractError> {
    let bytes = input.bytes()?;
    let notebook: Value =
        serde_json::from_slice(&bytes).map_err(|_| ExtractError::damaged("a notebook (.ipynb)"))?;
    let language = ["/metadata/language_info/name", "/metadata/kernelspec/language"]
        .iter()
        .find_map(|at| notebook.pointer(at)?.as_str())
        .unwrap_or_default();
    // Old notebooks store cells in worksheets.
    let sheets = notebook["worksheets"].as_array().into_iter().flatten();
    let cells = notebook["cells"].as_array().into_iter().flatten();
    let cells =
        cells.chain(sheets.flat_map(|sheet| sheet["cells"].as_array().into_iter().flatten()));
    let mut blocks = Vec::new();
    for cell in cells {
        let source =
            joined(if cell["source"].is_null() { &cell["input"] } else { &cell["source"] });
        if cell["cell_type"] != "code" {
            blocks.push(source);
            continue;
        }
        if !source.trim().is_empty() {
            blocks.push(format!("```{language}\n{source}\n```"));
        }
        for output in cell["outputs"].as_array().into_iter().flatten() {
            blocks.push(printed(output, input.limits.text)?);
        }
    }
    blocks.retain(|block| !block.trim().is_empty());
    Ok(vec![document(blocks.join("\n\n"), None)])
}

/// Returns the text of an output, without pictures.
fn printed(output: &Value, limit: u64) -> Result<String, ExtractError> {
    let data = if output["data"].is_object() { &output["data"] } else { output };
    let texts = [&data["text/markdown"], &data["text/plain"], &output["text"]];
    let page = joined(&data["text/html"]);
    if page.contains("<table") {
        return Ok(html::readable(&page, limit)?.0);
    }
    if output["output_type"] == "error" || output["output_type"] == "pyerr" {
        return Ok(format!("{}: {}", joined(&output["ename"]), joined(&output["evalue"])));
    }
    let text = texts.into_iter().map(joined).find(|text| !text.trim().is_empty());
    Ok(text.unwrap_or_default().trim_end().to_owned())
}

/// Joins a text, which is stored whole or line by line.
fn joined(text: &Value) -> String {
    match text {
        Value::String(text) => text.clone(),
        Value::Array(lines) => lines.iter().filter_map(Value::as_str).collect(),
        _ => String::new(),
    }
}
