//! Which language model, embedder and vector database are used; and whether they answer.
use actix_web::web::Path;
use askama::Template;
use carrel_domain::Error;
use carrel_services::probe;
use carrel_services::settings::Leniency;
use carrel_services::settings::registry::Setting;
use serde_json::{Map, Value};

use crate::filters;
use crate::form::{Fields, Form};
use crate::frame::Frame;
use crate::refusal::Refusal;
use crate::reply::{self, Answer};
use crate::texts::t;
use crate::visit::{Admin, Visit};

/// One choice to make: its name in addresses, the kind of its values, the setting that holds it.
struct Kind {
    name: &'static str,
    values: &'static str,
    variable: &'static str,
    title: &'static str,
    words: &'static str,
}

const KINDS: [Kind; 3] = [
    Kind {
        name: "language",
        values: "llm",
        variable: "LLM_PROVIDER",
        title: "models.language",
        words: "models.language-words",
    },
    Kind {
        name: "embedding",
        values: "embedding",
        variable: "EMBEDDING_ENGINE",
        title: "models.embedding",
        words: "models.embedding-words",
    },
    Kind {
        name: "vectors",
        values: "vectors",
        variable: "VECTOR_DB",
        title: "models.vectors",
        words: "models.vectors-words",
    },
];

/// A setting that the chosen provider needs.
struct Field {
    /// As the API calls it.
    name: &'static str,
    value: String,
    is_secret: bool,
    is_set: bool,
    is_fixed: bool,
}

#[derive(Template)]
#[template(path = "admin/models.html")]
struct Models {
    frame: Frame,
    kind: &'static str,
    words: &'static str,
    selector: &'static str,
    chosen: String,
    is_current: bool,
    is_fixed: bool,
    choices: Vec<(&'static str, bool)>,
    fields: Vec<Field>,
    problem: Option<String>,
}

fn kind(name: &str) -> Result<&'static Kind, Refusal> {
    let found = KINDS.iter().find(|kind| kind.name == name);
    found.ok_or_else(|| Refusal::missing("kind of model", name))
}

pub async fn show(visit: Visit<Admin>, name: Path<String>) -> Answer {
    let kind = kind(&name)?;
    let store = &visit.ports().settings_store;
    let registry = store.registry();
    let selector = registry.by_variable(kind.variable);
    let selector = selector.ok_or_else(|| Error::internal("a setting is not in the table"))?;
    let current = store.lookup(kind.variable).unwrap_or_default();
    let asked = Fields::of_query(&visit.request).given("provider");
    let chosen = asked.unwrap_or_else(|| current.clone());
    let known = registry.choices.find(kind.values, &chosen);
    let needs = known.map(|choice| choice.needs.clone()).unwrap_or_default();
    let fixed = store.fixed();
    let field = |setting: &Setting| {
        let value = store.lookup(setting.variable).filter(|value| !value.is_empty());
        Field {
            name: setting.name,
            is_set: value.is_some(),
            value: value.filter(|_| !setting.secret).unwrap_or_default(),
            is_secret: setting.secret,
            is_fixed: fixed.contains(&setting.name),
        }
    };
    let fields = needs.iter().filter_map(|variable| registry.by_variable(variable)).map(field);
    let page = Models {
        frame: visit.admin_frame(t(kind.title)).await?,
        kind: kind.name,
        words: t(kind.words),
        selector: selector.name,
        is_current: chosen == current,
        is_fixed: fixed.contains(&selector.name),
        choices: registry
            .choices
            .of(kind.values)
            .map(|of| (of.value, of.value == chosen))
            .collect(),
        fields: fields.collect(),
        problem: store.unavailable(kind.variable),
        chosen,
    };
    reply::page(&visit.request, &page)
}

/// Everything that is filled in is set, or nothing.
pub async fn save(visit: Visit<Admin>, name: Path<String>, form: Form) -> Answer {
    let kind = kind(&name)?;
    let form = form.read().await?;
    let changes: Map<String, Value> = form
        .pairs()
        .filter(|(_, value)| !value.trim().is_empty())
        .map(|(name, value)| (name.to_owned(), Value::from(value.trim())))
        .collect();
    let store = &visit.ports().settings_store;
    store.update(&changes, Leniency::Strict, &visit.by()).await?;
    Ok(reply::done(&format!("/admin/models/{}", kind.name), "saved"))
}

#[derive(Template)]
#[template(path = "part/probe.html")]
struct Probe {
    words: String,
    is_good: bool,
}

/// Says in words whether it answers. For scripts: there is nothing to see without.
pub async fn test(visit: Visit<Admin>, name: Path<String>) -> Answer {
    let kind = kind(&name)?;
    let ports = visit.ports();
    let answered = match kind.name {
        "language" => probe::language_model(&*ports.models).await,
        "embedding" => probe::embedder(&*ports.models).await,
        _ => {
            let count = ports.index.held().await;
            let said = |count: u64| t("models.counted").replace("{count}", &count.to_string());
            let is_good = count.is_ok();
            let words = count.map_or_else(|error| error.to_string(), said);
            return reply::page(&visit.request, &Probe { words, is_good });
        }
    };
    let probe = match answered {
        Ok(answered) => {
            let key = match answered.dimensions {
                Some(_) => t("models.embedded"),
                None => t("models.answered"),
            };
            let dimensions = answered.dimensions.unwrap_or_default().to_string();
            let seconds = format!("{:.2}", answered.seconds);
            let words = key.replace("{model}", &answered.by).replace("{seconds}", &seconds);
            Probe { words: words.replace("{dimensions}", &dimensions), is_good: true }
        }
        Err(error) => Probe { words: error.to_string(), is_good: false },
    };
    reply::page(&visit.request, &probe)
}
