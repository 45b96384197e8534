//! All settings by name, for those without a page of their own.
use askama::Template;
use carrel_services::settings::{Facts, Leniency, visible_settings};
use serde_json::{Map, Value};

use crate::http::form::{Fields, PageForm};
use crate::http::response::{self, PageResult};
use crate::session::current_user::{CurrentUser, role};
use crate::view::filters;
use crate::view::layout::PageLayout;
use crate::view::texts::t;

struct Row {
    name: &'static str,
    variable: &'static str,
    value: String,
    is_secret: bool,
    is_set: bool,
    is_fixed: bool,
}

#[derive(Template)]
#[template(path = "admin/settings.html")]
struct Settings {
    layout: PageLayout,
    query: String,
    rows: Vec<Row>,
    names: Vec<&'static str>,
}

pub async fn list(current_user: CurrentUser<role::Admin>) -> PageResult {
    let query = Fields::of_query(&current_user.request).text("q").to_owned();
    let sought = query.to_lowercase();
    let store = &current_user.ports().settings_store;
    let (visible, fixed) =
        (visible_settings(store, &Facts::default(), Leniency::Strict), store.fixed());
    let known = store.registry().settings();
    let found = known.iter().filter(|setting| {
        setting.name.to_lowercase().contains(&sought)
            || setting.variable.to_lowercase().contains(&sought)
    });
    let rows = found.map(|setting| {
        let value = visible.get(setting.name);
        let shown = match value {
            Some(Value::String(text)) => text.clone(),
            Some(Value::Null) | None => String::new(),
            Some(other) => other.to_string(),
        };
        Row {
            name: setting.name,
            variable: setting.variable,
            is_set: value.is_some_and(|value| *value == Value::Bool(true)),
            value: if setting.secret { String::new() } else { shown },
            is_secret: setting.secret,
            is_fixed: fixed.contains(&setting.name),
        }
    });
    let rows = rows.collect();
    let settable = known.iter().filter(|setting| !setting.is_read_only());
    let names = settable.map(|setting| setting.name).collect();
    let layout = current_user.admin_layout(t("all-settings.title")).await?;
    response::page(&current_user.request, &Settings { layout, query, rows, names })
}

pub async fn save(current_user: CurrentUser<role::Admin>, form: PageForm) -> PageResult {
    let form = form.read().await?;
    let mut change = Map::new();
    change.insert(form.text("name").to_owned(), Value::from(form.text("value")));
    current_user
        .ports()
        .settings_store
        .update(&change, Leniency::Strict, &current_user.by())
        .await?;
    Ok(response::done("/admin/settings", "saved"))
}
