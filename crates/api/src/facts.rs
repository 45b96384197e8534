//! What is shown with the settings and is none: how the instance stands.
use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};
use carrel_domain::Result;
use carrel_services::settings::Facts;

use crate::state;

/// The variable that switches signing in by token on, whatever it holds.
pub const SIMPLE_SSO: &str = "SIMPLE_SSO_ENABLED";

/// Facts that have not been asked for yet.
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
        let is_on = ports.multi_user.is_on().await?;
        let has_vectors = ports.index.count(None).await? > 0;
        Ok(Facts {
            storage_dir: options.storage_dir.display().to_string(),
            multi_user_mode: is_on,
            has_existing_embeddings: has_vectors,
            // Passages keep their vectors, so whatever is embedded is kept.
            has_cached_embeddings: has_vectors,
            simple_sso: ports.settings_store.lookup(SIMPLE_SSO).is_some(),
            ..Facts::default()
        })
    }
}
