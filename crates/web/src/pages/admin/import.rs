//! Imports an AnythingLLM installation: a check, the progress, and the report.
use actix_web::HttpResponse;
use actix_web::http::header::CONTENT_DISPOSITION;
use askama::Template;
use carrel_services::imports::ImportState;
use serde_json::Value;

use crate::http::form::PageForm;
use crate::http::page_error::PageError;
use crate::http::response::{self, PageResult};
use crate::session::current_user::{CurrentUser, role};
use crate::view::filters;
use crate::view::layout::PageLayout;
use crate::view::texts::t;

const PATH: &str = "/admin/import";
/// Lines of each list of the report that the page shows.
const LINES: usize = 200;

struct TableRow {
    name: String,
    found: u64,
    imported: u64,
    kept: u64,
    becomes: String,
}

/// Lines of one kind, such as omitted items.
struct Remarks {
    title: &'static str,
    lines: Vec<String>,
    /// Number of further lines.
    more: usize,
}

struct ReportView {
    is_dry_run: bool,
    origin: String,
    tables: Vec<TableRow>,
    remarks: Vec<Remarks>,
}

#[derive(Template)]
#[template(path = "admin/import.html")]
struct Import {
    layout: PageLayout,
    /// The directory for the copy of the other server's storage.
    place: String,
    folders: Vec<String>,
    is_in_use: bool,
    /// `Some(true)` while a check runs, `Some(false)` while an import runs.
    running: Option<bool>,
    done: u64,
    total: u64,
    failed: Option<String>,
    report: Option<ReportView>,
}

pub async fn show(current_user: CurrentUser<role::Admin>) -> PageResult {
    let imports = &current_user.ports().imports;
    let state = imports.state().await?;
    let (done, total) = imports.progress();
    let place = current_user.site.options.storage_dir.join("import").join("anythingllm");
    let page = Import {
        layout: current_user.admin_layout(t("import.title")).await?,
        place: place.display().to_string(),
        folders: imports.folders().await?,
        is_in_use: !imports.contents().await?.is_empty(),
        running: match state {
            ImportState::Running { dry_run } => Some(dry_run),
            _ => None,
        },
        done,
        total,
        failed: match &state {
            ImportState::Failed { reason, .. } => Some(PageError::sentence(reason)),
            _ => None,
        },
        report: report(&state).map(|report| view(&report)),
    };
    response::page(&current_user.request, &page)
}

fn report(state: &ImportState) -> Option<Value> {
    match state {
        ImportState::Finished { report, .. } => serde_json::from_str(report).ok(),
        _ => None,
    }
}

/// Returns the report as the page shows it. An earlier version may have written it, so missing fields
/// count as empty.
fn view(report: &Value) -> ReportView {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let count = |value: &Value| value.as_u64().unwrap_or_default();
    let tables = report["tables"].as_object().into_iter().flatten();
    let row = |(name, table): (&String, &Value)| TableRow {
        name: name.clone(),
        found: count(&table["found"]),
        imported: count(&table["imported"]),
        kept: count(&table["kept"]),
        becomes: text(&table["becomes"]),
    };
    let remarks = |name: &str, title| {
        let lines = report[name].as_array().map(Vec::as_slice).unwrap_or_default();
        let shown = lines.iter().take(LINES).map(text).collect();
        Remarks { title, lines: shown, more: lines.len().saturating_sub(LINES) }
    };
    let remarks = [
        remarks("left_out", t("import.left-out")),
        remarks("changed", t("import.changed")),
        remarks("differs", t("import.differs")),
    ];
    ReportView {
        is_dry_run: report["dry_run"] == Value::Bool(true),
        origin: text(&report["origin"]),
        tables: tables.map(row).collect(),
        remarks: remarks.into_iter().filter(|remarks| !remarks.lines.is_empty()).collect(),
    }
}

/// Starts an import, or a check that writes nothing.
pub async fn start(current_user: CurrentUser<role::Admin>, form: PageForm) -> PageResult {
    let form = form.read().await?;
    form.check_fields(&["source", "do"], &[])?;
    let dry_run = form.text("do") != "import";
    current_user
        .ports()
        .imports
        .clone()
        .start(form.text("source"), dry_run, &current_user.by())
        .await?;
    Ok(response::see(PATH))
}

/// Serves the whole report as a file.
pub async fn download(current_user: CurrentUser<role::Admin>) -> PageResult {
    let state = current_user.ports().imports.state().await?;
    let report = report(&state).ok_or_else(|| PageError::missing("report", "import"))?;
    let text = format!("{report:#}");
    Ok(HttpResponse::Ok()
        .content_type("application/json")
        .insert_header((CONTENT_DISPOSITION, "attachment; filename=\"import-report.json\""))
        .body(text))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_long_report_shows_its_beginning_and_the_number_of_further_lines() {
        let lines: Vec<_> = (0..250).map(|line| json!(format!("users {line}"))).collect();
        let table = json!({ "found": 3, "imported": 2, "kept": 0, "becomes": "users" });
        let report = json!({ "dry_run": true, "tables": { "users": table }, "left_out": lines });
        let shown = view(&report);
        assert!(shown.is_dry_run);
        assert_eq!((shown.tables[0].found, shown.tables[0].imported), (3, 2));
        assert_eq!(shown.remarks.len(), 1);
        assert_eq!((shown.remarks[0].lines.len(), shown.remarks[0].more), (200, 50));
        assert!(view(&Value::Null).tables.is_empty());
    }
}
