//! Creates certificates for servers that exist only while the tests run.
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{OpenOptionsExt, chown};
use std::path::Path;

use anyhow::Result;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};

/// The certificate of the authority that signed the server's.
pub const AUTHORITY: &str = "authority.crt";
/// The certificate of the server `localhost`.
pub const CERTIFICATE: &str = "server.crt";
pub const KEY: &str = "server.key";

/// Writes an authority's certificate and a server certificate signed by it into `directory`, for a
/// server that runs as `owner`.
pub fn write(directory: &Path, owner: Option<(u32, u32)>) -> Result<()> {
    let mut authority = CertificateParams::new(Vec::new())?;
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate()?)?;
    let key = KeyPair::generate()?;
    let certificate =
        CertificateParams::new(["localhost".to_owned()])?.signed_by(&key, &authority)?;
    fs::write(directory.join(AUTHORITY), authority.pem())?;
    fs::write(directory.join(CERTIFICATE), certificate.pem())?;
    // PostgreSQL refuses a key that other users can read.
    let path = directory.join(KEY);
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
    file.write_all(key.serialize_pem().as_bytes())?;
    if let Some((user, group)) = owner {
        for name in [AUTHORITY, CERTIFICATE, KEY] {
            chown(directory.join(name), Some(user), Some(group))?;
        }
    }
    Ok(())
}
