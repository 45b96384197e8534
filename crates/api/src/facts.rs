//! The state of the server that is listed with the settings but cannot be set.
use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};
use carrel_domain::Result;
use carrel_services::ownership::SetupState;
use carrel_services::settings::Facts;

use crate::state;

/// Setting that enables sign-in by token, whatever its value.
pub const SIMPLE_SSO: &str = "SIMPLE_SSO_ENABLED";

/// Facts that are read on demand.
pub struct InstanceFacts {
    request: HttpRequest,
}

impl FromRequest for InstanceFacts {
    type Error = actix_web::Error;
    type Future = Ready<actix_web::Result<Self>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Ok(Self { request: request.clone() }))
    }
}

impl InstanceFacts {
    pub async fn gather(self) -> Result<Facts> {
        let (ports, options) = (state::ports(&self.request)?, state::options(&self.request)?);
        let state = ports.ownership.setup_state().await?;
        let has_vectors = ports.index.count(None).await? > 0;
        Ok(Facts {
            storage_dir: options.storage_dir.display().to_string(),
            requires_auth: state == SetupState::Owned,
            multi_user_mode: state == SetupState::Shared,
            has_existing_embeddings: has_vectors,
            // Passages keep their vectors, so vectors exist if anything is indexed.
            has_cached_embeddings: has_vectors,
            simple_sso: ports.settings_store.lookup(SIMPLE_SSO).is_some(),
            ..Facts::default()
        })
    }
}
