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

struct SettingRow {
    name: &'static str,
    variable: &'static str,
    value: String,
    is_secret: bool,
    is_set: bool,
    is_fixed: bool,
}

#[derive(Template)]
#[template(path = "admin/settings.html")]
struct SettingsPage {
    layout: PageLayout,
    query: String,
    rows: Vec<SettingRow>,
    names: Vec<&'static str>,
}

pub async fn list(current_user: CurrentUser<role::Admin>) -> PageResult {
    let query = Fields::of_query(&current_user.request).text("q").to_owned();
    let search_text = query.to_lowercase();
    let store = &current_user.ports().settings_store;
    let (visible_values, fixed_names) =
        (visible_settings(store, &Facts::default(), Leniency::Strict), store.fixed());
    let settings = store.registry().settings();
    let found = settings.iter().filter(|setting| {
        setting.name.to_lowercase().contains(&search_text)
            || setting.variable.to_lowercase().contains(&search_text)
    });
    let rows = found.map(|setting| {
        let value = visible_values.get(setting.name);
        let text = match value {
            Some(Value::String(text)) => text.clone(),
            Some(Value::Null) | None => String::new(),
            Some(other) => other.to_string(),
        };
        SettingRow {
            name: setting.name,
            variable: setting.variable,
            is_set: value.is_some_and(|value| *value == Value::Bool(true)),
            value: if setting.secret { String::new() } else { text },
            is_secret: setting.secret,
            is_fixed: fixed_names.contains(&setting.name),
        }
    });
    let rows = rows.collect();
    let writable_settings = settings.iter().filter(|setting| !setting.is_read_only());
    let names = writable_settings.map(|setting| setting.name).collect();
    let layout = current_user.admin_layout(t("all-settings.title")).await?;
    response::page(&current_user.request, &SettingsPage { layout, query, rows, names })
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
    Ok(response::redirect_with_notice("/admin/settings", "saved"))
}
