//! Variables for instructions, defined by the operator.
use carrel_domain::audit::By;
use carrel_domain::prompt_variable::{PromptVariable, PromptVariables, VariableName};
use carrel_domain::{Error, Result};
use serde_json::json;

use crate::prompt;

/// The maximum number of variables.
pub const MAX_VARIABLES: usize = 200;
/// The maximum length of a value, in bytes.
pub const MAX_VALUE_BYTES: usize = 16 << 10;
/// The maximum length of a description, in characters.
pub const MAX_DESCRIPTION_CHARS: usize = 1000;

/// Creates or replaces a variable.
///
/// # Errors
/// [`Error::Invalid`] if the name is that of a built-in variable or a text is too long.
pub async fn set(
    port: &dyn PromptVariables,
    name: VariableName,
    value: String,
    description: String,
    by: &By,
) -> Result<()> {
    if prompt::BUILT_IN.contains(&name.as_str()) {
        return Err(Error::invalid("key", format!("{{{}}} is built in", name.as_str())));
    }
    if value.len() > MAX_VALUE_BYTES {
        let reason = format!("must not be longer than {MAX_VALUE_BYTES} bytes");
        return Err(Error::invalid("value", reason));
    }
    if description.chars().count() > MAX_DESCRIPTION_CHARS {
        let reason = format!("must not be longer than {MAX_DESCRIPTION_CHARS} characters");
        return Err(Error::invalid("description", reason));
    }
    let event = by.event("prompt_variable_saved", details(&name));
    let variable = PromptVariable { name, value, description, updated_at: by.at };
    port.set(variable, MAX_VARIABLES, event).await
}

/// Deletes a variable. [`Error::NotFound`] if it does not exist.
pub async fn delete(port: &dyn PromptVariables, name: &VariableName, by: &By) -> Result<()> {
    match port.delete(name, by.event("prompt_variable_deleted", details(name))).await? {
        true => Ok(()),
        false => Err(Error::not_found("variable", name.as_str())),
    }
}

fn details(name: &VariableName) -> String {
    json!({ "key": name.as_str() }).to_string()
}
