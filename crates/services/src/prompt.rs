//! Variables in system prompts, such as `{datetime}` and `{workspace.name}`.
use carrel_domain::prompt_variable::PromptVariable;
use carrel_domain::user::User;
use carrel_domain::workspace::Workspace;
use chrono::{DateTime, Utc};

/// The built-in variables without a dot.
pub const BUILT_IN: [&str; 5] = ["time", "time_24", "date", "datetime", "datetime_24"];

/// The values of variables.
pub struct Values<'a> {
    /// The workspace whose instructions are expanded.
    pub workspace: &'a Workspace,
    /// The user who asks, if any.
    pub user: Option<&'a User>,
    /// The variables defined by the operator.
    pub variables: &'a [PromptVariable],
    /// The current time, for the date and time variables.
    pub now: DateTime<Utc>,
}

/// Replaces known variables. Unknown ones stay as they are, except that a `user.` or `workspace.`
/// variable without a value is replaced by its name in brackets. Values are not expanded.
pub fn expand(prompt: &str, values: &Values<'_>) -> String {
    let mut expanded = String::with_capacity(prompt.len());
    let mut rest = prompt;
    while let Some(start) = rest.find('{') {
        let (before, placeholder) = rest.split_at(start);
        expanded.push_str(before);
        let value =
            placeholder.find('}').and_then(|end| Some((value(&placeholder[1..end], values)?, end)));
        match value {
            Some((value, end)) => {
                expanded.push_str(&value);
                rest = &placeholder[end + 1..];
            }
            None => {
                expanded.push('{');
                rest = &placeholder[1..];
            }
        }
    }
    expanded.push_str(rest);
    expanded
}

fn value(name: &str, values: &Values<'_>) -> Option<String> {
    let Values { workspace, user, variables, now } = values;
    Some(match name {
        "time" => now.format("%-I:%M:%S %p").to_string(),
        "time_24" => now.format("%H:%M:%S").to_string(),
        "date" => now.format("%B %-d, %Y").to_string(),
        "datetime" => now.format("%A, %B %-d, %Y at %-I:%M:%S %p").to_string(),
        "datetime_24" => now.format("%Y-%m-%d %H:%M:%S").to_string(),
        "workspace.id" => workspace.id.to_string(),
        "workspace.name" => workspace.settings.name.clone(),
        _ => {
            if let Some(variable) = variables.iter().find(|variable| variable.name.as_str() == name)
            {
                return Some(variable.value.clone());
            }
            if let Some(value) = user.and_then(|user| user_variable(name, user)) {
                return Some(value);
            }
            let (subject, part) = name.split_once('.')?;
            let subject = match subject {
                "user" => "User",
                "workspace" => "Workspace",
                _ => return None,
            };
            format!("[{subject} {part}]")
        }
    })
}

fn user_variable(name: &str, user: &User) -> Option<String> {
    Some(match name {
        "user.id" => user.id.to_string(),
        "user.name" => user.username.clone(),
        "user.bio" => user.bio.clone(),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use chrono::TimeZone;

    use super::*;
    use crate::fakes::workspace;

    #[test]
    fn known_variables_are_replaced_and_others_stay() {
        let now = Utc.with_ymd_and_hms(2026, 2, 3, 15, 4, 5).unwrap();
        let mut workspace = workspace("Ops {date}");
        workspace.id = carrel_domain::WorkspaceId(7);
        for (prompt, expected) in [
            ("{time} {time_24}", "3:04:05 PM 15:04:05"),
            ("{date}", "February 3, 2026"),
            ("{datetime}", "Tuesday, February 3, 2026 at 3:04:05 PM"),
            ("{datetime_24}", "2026-02-03 15:04:05"),
            ("{workspace.id}: {workspace.name}", "7: Ops {date}"),
            ("{user.name} {workspace.x}", "[User name] [Workspace x]"),
            ("{{7*7}} ${HOME} {nope} {", "{{7*7}} ${HOME} {nope} {"),
            ("é{é{date}", "é{éFebruary 3, 2026"),
        ] {
            let values = Values { workspace: &workspace, user: None, variables: &[], now };
            assert_eq!(expand(prompt, &values), expected, "{prompt}");
        }
    }

    #[test]
    fn custom_variables_supplement_the_built_in_ones() {
        use carrel_domain::prompt_variable::VariableName;
        let (workspace, now) = (workspace("Ops"), DateTime::UNIX_EPOCH);
        let variable = |name: &str, value: &str| PromptVariable {
            name: VariableName::parse(name).unwrap(),
            value: value.into(),
            description: String::new(),
            updated_at: now,
        };
        let variables = [variable("ship", "Alma {date}"), variable("date", "never")];
        let values = Values { workspace: &workspace, user: None, variables: &variables, now };
        let expanded = expand("{ship}, {date}, {Ship}", &values);
        assert_eq!(expanded, "Alma {date}, January 1, 1970, {Ship}");
    }

    #[test]
    fn a_users_bio_is_not_expanded() {
        let mut user = crate::fakes::user(7, carrel_domain::user::Role::Default, None);
        user.bio = "$& {date} $1".into();
        let workspace = workspace("Ops");
        let now = DateTime::UNIX_EPOCH;
        let values = Values { workspace: &workspace, user: Some(&user), variables: &[], now };
        assert_eq!(
            expand("{user.name} {user.id} {user.bio} {user.x}", &values),
            "user-7 7 $& {date} $1 [User x]"
        );
    }
}
