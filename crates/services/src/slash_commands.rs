//! Slash commands: managing them, and expanding them in messages.
use carrel_domain::audit::By;
use carrel_domain::slash_command::{
    CommandName, CommandText, SlashCommand, SlashCommands, is_of_name,
};
use carrel_domain::{Error, Result, SlashCommandId, UserId};
use serde_json::json;

/// The maximum number of commands per user, and of everybody.
pub const MAX_COMMANDS: usize = 200;
/// The maximum length of a command's text, in bytes.
pub const MAX_PROMPT_BYTES: usize = 16 << 10;
/// The maximum length of a description, in characters.
pub const MAX_DESCRIPTION_CHARS: usize = 1000;
/// The maximum number of commands expanded per message.
const MAX_PER_MESSAGE: usize = 32;

/// Creates a command. [`Error::AlreadyExists`] if its owner has one of that name.
pub async fn create(
    port: &dyn SlashCommands,
    command: CommandText,
    user: Option<UserId>,
    by: &By,
) -> Result<SlashCommand> {
    check(&command)?;
    let commands = port.available(user).await?;
    if commands.iter().filter(|command| command.user == user).count() >= MAX_COMMANDS {
        let reason = format!("There are {MAX_COMMANDS} commands already. Delete some first.");
        return Err(Error::exhausted(reason));
    }
    let event = by.event("slash_command_created", details(&command.name));
    port.create(command, user, event).await
}

/// Replaces the name, text and description of a command.
pub async fn update(
    port: &dyn SlashCommands,
    id: SlashCommandId,
    command: CommandText,
    by: &By,
) -> Result<()> {
    check(&command)?;
    let event = by.event("slash_command_updated", details(&command.name));
    port.update(id, command, event).await
}

/// Deletes a command.
pub async fn delete(port: &dyn SlashCommands, command: &SlashCommand, by: &By) -> Result<()> {
    let event = by.event("slash_command_deleted", details(&command.text.name));
    match port.delete(command.id, event).await? {
        true => Ok(()),
        false => Err(Error::not_found("slash command", command.id)),
    }
}

/// Returns the command with an id. [`Error::NotFound`] if it does not exist.
pub async fn by_id(port: &dyn SlashCommands, id: SlashCommandId) -> Result<SlashCommand> {
    port.by_id(id).await?.ok_or_else(|| Error::not_found("slash command", id))
}

fn check(command: &CommandText) -> Result<()> {
    if command.prompt.trim().is_empty() {
        return Err(Error::invalid("prompt", "must not be empty"));
    }
    if command.prompt.len() > MAX_PROMPT_BYTES {
        let reason = format!("must not be longer than {MAX_PROMPT_BYTES} bytes");
        return Err(Error::invalid("prompt", reason));
    }
    if command.description.chars().count() > MAX_DESCRIPTION_CHARS {
        let reason = format!("must not be longer than {MAX_DESCRIPTION_CHARS} characters");
        return Err(Error::invalid("description", reason));
    }
    Ok(())
}

fn details(name: &CommandName) -> String {
    json!({ "command": format!("/{}", name.as_str()) }).to_string()
}

/// Replaces the commands in a message by their texts: those of everybody and, if `user` is given,
/// of that user.
pub async fn expand(
    port: &dyn SlashCommands,
    message: String,
    user: Option<UserId>,
) -> Result<String> {
    if candidates(&message).next().is_none() {
        return Ok(message);
    }
    Ok(expand_with(&message, &port.available(user).await?))
}

/// Replaces each command by its text. A user's own command takes precedence. Inserted texts are not
/// expanded.
fn expand_with(message: &str, commands: &[SlashCommand]) -> String {
    let text = |name: &str| {
        let matches = commands.iter().filter(|command| command.text.name.as_str() == name);
        matches.max_by_key(|command| command.user.is_some()).map(|command| &command.text.prompt)
    };
    let (mut result, mut end) = (String::with_capacity(message.len()), 0);
    let matches = candidates(message).filter_map(|(at, name)| Some((at, name, text(name)?)));
    for (at, name, text) in matches.take(MAX_PER_MESSAGE) {
        result.push_str(&message[end..at]);
        result.push_str(text);
        end = at + 1 + name.len();
    }
    result.push_str(&message[end..]);
    result
}

/// Returns possible commands in a message with their positions: a slash and a name, at the start or
/// after white space, that are not part of a longer word.
fn candidates(message: &str) -> impl Iterator<Item = (usize, &str)> {
    message.match_indices('/').filter_map(|(at, _)| {
        let previous = message[..at].chars().next_back();
        let rest = &message[at + 1..];
        let end = rest.bytes().position(|byte| !is_of_name(byte)).unwrap_or(rest.len());
        let continues = rest[end..].chars().next().is_some_and(|c| c.is_alphanumeric() || c == '/');
        let is_command = end > 0 && !continues && previous.is_none_or(char::is_whitespace);
        is_command.then_some((at, &rest[..end]))
    })
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;

    fn command(name: &str, prompt: &str, user: Option<i32>) -> SlashCommand {
        let text = CommandText {
            name: CommandName::parse(name).unwrap(),
            prompt: prompt.into(),
            description: String::new(),
        };
        let at = DateTime::UNIX_EPOCH;
        let user = user.map(UserId);
        SlashCommand { id: SlashCommandId(1), text, user, created_at: at, updated_at: at }
    }

    #[test]
    fn standalone_commands_are_expanded() {
        let commands = [
            command("short", "In one sentence.", None),
            command("tea-time-", "Propose a break. /short", None),
            command("aye", "Like a sailor.", Some(1)),
            command("aye", "Like a pirate.", None),
        ];
        for (message, expected) in [
            ("/short", "In one sentence."),
            ("What is it? /short, please", "What is it? In one sentence., please"),
            ("/aye /short\n/aye", "Like a sailor. In one sentence.\nLike a sailor."),
            ("/tea-time-", "Propose a break. /short"),
            (
                "/shorter /short/x a/short /Short /none /",
                "/shorter /short/x a/short /Short /none /",
            ),
            ("/usr/bin /shortä é/short é /short", "/usr/bin /shortä é/short é In one sentence."),
            ("", ""),
        ] {
            assert_eq!(expand_with(message, &commands), expected, "{message}");
        }
        let message = "/short ".repeat(MAX_PER_MESSAGE + 1);
        assert_eq!(expand_with(&message, &commands).matches("/short").count(), 1);
    }
}
