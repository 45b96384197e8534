//! Imports extension keys.
use std::collections::BTreeSet;

use carrel_domain::UserId;
use carrel_domain::extension_key::NewExtensionKey;
use carrel_services::extension_keys::{PREFIX, prefix};
use carrel_services::token::digest;
use chrono::{DateTime, Utc};

use crate::plan::Known;
use crate::report::Report;
use crate::row::Row;

/// Converts the rows of extension keys. Each key belongs to a user, unless the source has no users.
pub fn extension_keys(
    rows: Vec<Row>,
    known: &Known,
    now: DateTime<Utc>,
    report: &mut Report,
) -> Vec<NewExtensionKey> {
    let (mut keys, mut used) = (Vec::new(), BTreeSet::new());
    for row in rows {
        let id = row.id().unwrap_or(0);
        let mut leave_out =
            |why: &str| report.leave_out(format!("browser_extension_api_keys {id}: {why}"));
        let secret = row.filled("key").filter(|key| key.starts_with(PREFIX));
        let Some(secret) = secret else {
            leave_out("it is not a key of an extension");
            continue;
        };
        if !used.insert(secret.clone()) {
            leave_out("the same key exists twice");
            continue;
        }
        let user = row.int("user_id");
        if user.is_some() == known.users.is_empty()
            || user.is_some_and(|user| !known.users.contains_key(&user))
        {
            leave_out("its user no longer exists");
            continue;
        }
        keys.push(NewExtensionKey {
            digest: digest(&secret),
            prefix: prefix(&secret),
            user: user.map(UserId),
            created_at: row.time("createdAt").unwrap_or(now),
        });
    }
    keys
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn rows(rows: Value) -> Vec<Row> {
        let rows = rows.as_array().cloned().unwrap_or_default();
        rows.into_iter().filter_map(|row| row.as_object().cloned().map(Row)).collect()
    }

    #[test]
    fn keys_keep_their_users_and_omitted_ones_are_reported() {
        let (mut report, mut known) = (Report::default(), Known::default());
        known.users.insert(1, false);
        let source = json!([
            { "id": 1, "key": "brx-0Y85V02-VZGMWDR-KTFSZXV-JGQW8Q1", "user_id": 1 },
            { "id": 2, "key": "brx-0Y85V02-VZGMWDR-KTFSZXV-JGQW8Q1", "user_id": 1 },
            { "id": 3, "key": "brx-GD79JN3", "user_id": 9 },
            { "id": 4, "key": "brx-GD79JN4", "user_id": null },
            { "id": 5, "key": "other", "user_id": 1 },
        ]);
        let keys = extension_keys(rows(source), &known, DateTime::UNIX_EPOCH, &mut report);
        assert_eq!(keys.len(), 1);
        assert_eq!((keys[0].prefix.as_str(), keys[0].user), ("brx-0Y85V02", Some(UserId(1))));
        assert_eq!(report.left_out.len(), 4, "{:?}", report.left_out);
        // Without users, keys belong to the owner.
        let one_row = json!([{ "id": 1, "key": "brx-GD79JN3", "user_id": null }]);
        let known = Known::default();
        let keys = extension_keys(rows(one_row), &known, DateTime::UNIX_EPOCH, &mut report);
        assert_eq!(keys.first().map(|key| key.user), Some(None));
    }
}
