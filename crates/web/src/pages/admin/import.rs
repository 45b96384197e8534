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
/// Maximum number of displayed lines per list of the report.
const MAX_LINES: usize = 200;

struct TableRow {
    name: String,
    source_rows: u64,
    imported_rows: u64,
    kept_rows: u64,
    target: String,
}

/// Lines of one kind, such as omitted items.
struct Remarks {
    title: &'static str,
    lines: Vec<String>,
    /// Number of further lines.
    more_lines: usize,
}

struct ReportView {
    is_dry_run: bool,
    origin: String,
    tables: Vec<TableRow>,
    remarks: Vec<Remarks>,
}

#[derive(Template)]
#[template(path = "admin/import.html")]
struct ImportPage {
    layout: PageLayout,
    /// The directory for the copy of the other server's storage.
    directory: String,
    folders: Vec<String>,
    is_in_use: bool,
    /// `Some(true)` while a check runs, `Some(false)` while an import runs.
    active_dry_run: Option<bool>,
    progress: u64,
    total: u64,
    failure: Option<String>,
    report: Option<ReportView>,
}

pub async fn show(current_user: CurrentUser<role::Admin>) -> PageResult {
    let imports = &current_user.ports().imports;
    let state = imports.state().await?;
    let (progress, total) = imports.progress();
    let directory = current_user.site.options.storage_dir.join("import").join("anythingllm");
    let page = ImportPage {
        layout: current_user.admin_layout(t("import.title")).await?,
        directory: directory.display().to_string(),
        folders: imports.folders().await?,
        is_in_use: !imports.contents().await?.is_empty(),
        active_dry_run: match state {
            ImportState::Running { dry_run } => Some(dry_run),
            _ => None,
        },
        progress,
        total,
        failure: match &state {
            ImportState::Failed { reason, .. } => Some(PageError::sentence(reason)),
            _ => None,
        },
        report: report(&state).map(|report| report_view(&report)),
    };
    response::page(&current_user.request, &page)
}

fn report(state: &ImportState) -> Option<Value> {
    match state {
        ImportState::Finished { report, .. } => serde_json::from_str(report).ok(),
        _ => None,
    }
}

/// Returns the report as the page displays it. An earlier version may have written it, so missing
/// fields count as empty.
fn report_view(report: &Value) -> ReportView {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let count = |value: &Value| value.as_u64().unwrap_or_default();
    let tables = report["tables"].as_object().into_iter().flatten();
    let row = |(name, table): (&String, &Value)| TableRow {
        name: name.clone(),
        source_rows: count(&table["found"]),
        imported_rows: count(&table["imported"]),
        kept_rows: count(&table["kept"]),
        target: text(&table["becomes"]),
    };
    let remarks = |name: &str, title| {
        let lines = report[name].as_array().map(Vec::as_slice).unwrap_or_default();
        let visible_lines = lines.iter().take(MAX_LINES).map(text).collect();
        Remarks { title, lines: visible_lines, more_lines: lines.len().saturating_sub(MAX_LINES) }
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
    Ok(response::redirect_to(PATH))
}

/// Serves the complete report as a file.
pub async fn download(current_user: CurrentUser<role::Admin>) -> PageResult {
    let state = current_user.ports().imports.state().await?;
    let report = report(&state).ok_or_else(|| PageError::not_found("report", "import"))?;
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
        let view = report_view(&report);
        assert!(view.is_dry_run);
        assert_eq!((view.tables[0].source_rows, view.tables[0].imported_rows), (3, 2));
        assert_eq!(view.remarks.len(), 1);
        assert_eq!((view.remarks[0].lines.len(), view.remarks[0].more_lines), (200, 50));
        assert!(report_view(&Value::Null).tables.is_empty());
    }
}
