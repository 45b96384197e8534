//! What people ask with, on the native API: suggested messages, slash commands, variables and earlier
//! instructions. Each file has its operations with their bodies and answers.
mod history;
mod slash_commands;
mod suggested_messages;
mod variables;

use crate::routes::register::Register;

pub fn operations(config: &mut impl Register) {
    config
        .service(suggested_messages::list_suggested_messages)
        .service(suggested_messages::replace_suggested_messages)
        .service(history::list_earlier_prompts)
        .service(history::restore_earlier_prompt)
        .service(history::delete_earlier_prompt)
        .service(history::clear_earlier_prompts)
        .service(slash_commands::list_available_commands)
        .service(slash_commands::list_slash_commands)
        .service(slash_commands::create_slash_command)
        .service(slash_commands::update_slash_command)
        .service(slash_commands::delete_slash_command)
        .service(variables::list_prompt_variables)
        .service(variables::set_prompt_variable)
        .service(variables::delete_prompt_variable);
}
