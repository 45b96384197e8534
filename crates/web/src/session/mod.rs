//! Authentication of browsers: the session cookie, the user or owner it identifies, and the guard
//! that checks them again while a response is being sent.
pub mod current_user;
pub mod session_cookie;
pub mod session_guard;
