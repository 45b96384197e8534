//! AUTH, ADMIN and SYSTEM as the native contract has them. The other dialect's are in `compat`.
pub mod chats;
pub mod events;
pub mod invites;
pub mod keys;
pub mod members;
pub mod usage;
pub mod users;
pub mod wire;

use crate::routes::register::Register;
use crate::v1::session;
use crate::v1::system::{backup, models, settings};

pub fn operations(config: &mut impl Register) {
    config
        .service(users::list_users)
        .service(users::create_user)
        .service(users::update_user)
        .service(users::delete_user)
        .service(invites::list_invites)
        .service(invites::create_invite)
        .service(invites::disable_invite)
        .service(members::list_members)
        .service(members::update_members)
        .service(members::manage_members)
        .service(chats::list_chats)
        .service(chats::export_chats)
        .service(settings::update_preferences)
        .service(settings::show_settings)
        .service(settings::update_settings)
        .service(settings::dump_settings)
        .service(models::list_provider_models)
        .service(session::sign_in)
        .service(session::show_session)
        .service(session::sign_out);
}

/// Those that the other dialect has alike, or not at all.
pub fn shared_operations(config: &mut impl Register) {
    config
        .service(backup::back_up)
        .service(chats::clear_chats)
        .service(usage::show_usage)
        .service(users::is_multi_user_mode)
        .service(users::enable_multi_user)
        .service(invites::find_invite)
        .service(invites::redeem_invite)
        .service(keys::list_api_keys)
        .service(keys::create_api_key)
        .service(keys::revoke_api_key)
        .service(events::list_events);
}
