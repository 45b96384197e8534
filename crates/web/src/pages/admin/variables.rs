//! The operator's own variables for instructions.
use actix_web::web::Path;
use askama::Template;
use carrel_domain::Error;
use carrel_domain::prompt_variable::{PromptVariable, VariableName};
use carrel_services::{prompt, prompt_variables};

use crate::http::form::PageForm;
use crate::http::response::{self, PageResult};
use crate::session::current_user::{CurrentUser, role};
use crate::view::filters;
use crate::view::layout::PageLayout;
use crate::view::texts::t;

#[derive(Template)]
#[template(path = "admin/variables.html")]
struct VariablesPage {
    layout: PageLayout,
    built_in: Vec<String>,
    rows: Vec<PromptVariable>,
}

/// Built-in variables with a dot, which belong to a workspace or a user.
const DOTTED_VARIABLES: [&str; 5] =
    ["workspace.name", "workspace.id", "user.name", "user.bio", "user.id"];

/// Returns all built-in variables, in braces.
pub fn built_in_variables() -> Vec<String> {
    let names = prompt::BUILT_IN.iter().chain(&DOTTED_VARIABLES);
    names.map(|name| format!("{{{name}}}")).collect()
}

pub async fn list(current_user: CurrentUser<role::Admin>) -> PageResult {
    let page = VariablesPage {
        built_in: built_in_variables(),
        rows: current_user.ports().prompt_variables.list().await?,
        layout: current_user.admin_layout(t("variables.title")).await?,
    };
    response::page(&current_user.request, &page)
}

pub async fn save(current_user: CurrentUser<role::Admin>, form: PageForm) -> PageResult {
    let form = form.read().await?;
    let name = VariableName::parse(form.text("key"))?;
    let value = form.text("value").replace("\r\n", "\n");
    let description = form.text("description").to_owned();
    let port = &*current_user.ports().prompt_variables;
    prompt_variables::set(port, name, value, description, &current_user.by()).await?;
    Ok(response::redirect_with_notice("/admin/variables", "saved"))
}

pub async fn delete(current_user: CurrentUser<role::Admin>, key: Path<String>) -> PageResult {
    let name = VariableName::parse(&key).map_err(|_| Error::not_found("variable", &key))?;
    prompt_variables::delete(&*current_user.ports().prompt_variables, &name, &current_user.by())
        .await?;
    Ok(response::redirect_with_notice("/admin/variables", "deleted"))
}
