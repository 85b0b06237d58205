//! What several test programs set up in the same way.

use std::path::Path;

use amop::Tls;
use amop::transport::CredentialSource;

/// Returns the kind of TLS that `$AMOP_TEST_TLS` sets, so that the same tests run over each: `ecdhe` (the default); of 2.x
/// nodes `static-rsa` or `gm`; of 3.x nodes `tlcp` or `off`.
///
/// # Panics
/// When it names none.
pub fn tls_of_run() -> Tls {
    std::env::var("AMOP_TEST_TLS").map_or(Tls::Ecdhe, |name| name.parse().expect("a kind of TLS"))
}

/// Writes credentials from memory as the three files of a folder, which is created if it is missing.
///
/// # Panics
/// When they are not from memory, or can't be written.
pub fn write_all(folder: &Path, source: CredentialSource) {
    let CredentialSource::Pem { ca, cert, key } = source else { panic!("{source:?}") };
    std::fs::create_dir_all(folder).expect("the folder can be created");
    for (name, content) in [("ca.crt", &ca), ("sdk.crt", &cert), ("sdk.key", &*key)] {
        std::fs::write(folder.join(name), content).expect("the file can be written");
    }
}
