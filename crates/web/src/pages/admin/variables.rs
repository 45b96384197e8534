//! Variables of one's own in instructions for models.
use actix_web::web::Path;
use askama::Template;
use carrel_domain::Error;
use carrel_domain::prompt_variable::{PromptVariable, VariableName};
use carrel_services::{prompt, prompt_variables};

use crate::filters;
use crate::form::Form;
use crate::frame::Frame;
use crate::reply::{self, Answer};
use crate::texts::t;
use crate::visit::{Admin, Visit};

#[derive(Template)]
#[template(path = "admin/variables.html")]
struct Variables {
    frame: Frame,
    built_in: Vec<String>,
    rows: Vec<PromptVariable>,
}

/// Those with a dot, which belong to a workspace or a user.
const OF_SOMETHING: [&str; 5] =
    ["workspace.name", "workspace.id", "user.name", "user.bio", "user.id"];

/// Every variable that is built in, in braces.
pub fn built_in() -> Vec<String> {
    let names = prompt::BUILT_IN.iter().chain(&OF_SOMETHING);
    names.map(|name| format!("{{{name}}}")).collect()
}

pub async fn list(visit: Visit<Admin>) -> Answer {
    let page = Variables {
        built_in: built_in(),
        rows: visit.ports().prompt_variables.list().await?,
        frame: visit.admin_frame(t("variables.title")).await?,
    };
    reply::page(&visit.request, &page)
}

pub async fn save(visit: Visit<Admin>, form: Form) -> Answer {
    let form = form.read().await?;
    let name = VariableName::parse(form.text("key"))?;
    let value = form.text("value").replace("\r\n", "\n");
    let description = form.text("description").to_owned();
    let port = &*visit.ports().prompt_variables;
    prompt_variables::set(port, name, value, description, &visit.by()).await?;
    Ok(reply::done("/admin/variables", "saved"))
}

pub async fn delete(visit: Visit<Admin>, key: Path<String>) -> Answer {
    let name = VariableName::parse(&key).map_err(|_| Error::not_found("variable", &key))?;
    prompt_variables::delete(&*visit.ports().prompt_variables, &name, &visit.by()).await?;
    Ok(reply::done("/admin/variables", "deleted"))
}
