//! Rebuilds the crate when a migration changes. Migrations are embedded by a macro, which cargo
//! does not track.
fn main() {
    println!("cargo::rerun-if-changed=../../migrations");
}
