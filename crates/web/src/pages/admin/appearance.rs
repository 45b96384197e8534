//! What the installation calls itself, and what holds where a workspace says nothing.
use askama::Template;
use carrel_domain::settings::names;
use carrel_services::preferences::SYSTEM_PROMPT;
use carrel_services::settings::{Leniency, preferences};
use serde_json::{Map, Value};

use crate::filters;
use crate::form::Form;
use crate::frame::Frame;
use crate::reply::{self, Answer};
use crate::texts::t;
use crate::visit::{Admin, Visit};

#[derive(Template)]
#[template(path = "admin/appearance.html")]
struct Appearance {
    frame: Frame,
    name: String,
    support: String,
    prompt: String,
    usual_prompt: &'static str,
    chunk_size: String,
    chunk_overlap: String,
}

/// The preferences of the form, by the names under which they are stored.
const FIELDS: [&str; 5] = [
    "custom_app_name",
    "support_email",
    names::SYSTEM_PROMPT,
    names::CHUNK_SIZE,
    names::CHUNK_OVERLAP,
];

pub async fn show(visit: Visit<Admin>) -> Answer {
    let stored = visit.ports().settings.all().await?;
    let value = |name: &str| stored.get(name).cloned().unwrap_or_default();
    let page = Appearance {
        frame: visit.admin_frame(t("appearance.title")).await?,
        name: value("custom_app_name"),
        support: value("support_email"),
        prompt: value(names::SYSTEM_PROMPT),
        usual_prompt: SYSTEM_PROMPT,
        chunk_size: value(names::CHUNK_SIZE),
        chunk_overlap: value(names::CHUNK_OVERLAP),
    };
    reply::page(&visit.request, &page)
}

pub async fn save(visit: Visit<Admin>, form: Form) -> Answer {
    let form = form.read().await?;
    let given = FIELDS.iter().filter(|name| form.has(name));
    let body: Map<String, Value> =
        given.map(|name| ((*name).to_owned(), Value::from(form.text(name)))).collect();
    let settings = &*visit.ports().settings;
    preferences::change(settings, &body, Leniency::Strict, &visit.by()).await?;
    Ok(reply::done("/admin/appearance", "saved"))
}
