//! Builds again when a migration changes: they are embedded, and cargo does not see them.
fn main() {
    println!("cargo::rerun-if-changed=../../migrations");
}
