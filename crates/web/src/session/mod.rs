//! Who makes a request: the session cookie, the user or owner that it stands for, and the guard that looks
//! them up again while a response is still being sent.
pub mod current_user;
pub mod session_cookie;
pub mod session_guard;
