//! Which of the two mounts a request came in by.
use actix_web::HttpRequest;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mount {
    /// `/v1`: the native contract.
    Native,
    /// `/api/v1`: the wire format of AnythingLLM's developer API.
    Compat,
}

impl Mount {
    pub fn of(request: &HttpRequest) -> Self {
        if request.path().starts_with("/api/") { Self::Compat } else { Self::Native }
    }
}
