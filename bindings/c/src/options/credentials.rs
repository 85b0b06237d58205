//! Credentials. They are the certificate of the CA (`ca.crt`), the client's certificate followed by the intermediate
//! certificates up to the CA (`sdk.crt`), and the private key (`sdk.key`; PKCS#8 or SEC1, not encrypted). GM chains have
//! a second certificate and key for encryption. All are PEM. If no function of this section is called, the files are
//! searched in `$AMOP_CREDENTIALS`, `.`, `conf`, `sdk`, `nodes/127.0.0.1/sdk` and `amop-devnet/sdk`. The files are found
//! when the client connects. The same files are read again for each reconnect, whatever the current folder is then.
//!
//! - Threads: any thread, including callbacks, but only one at a time.
//! - Errors: AMOP_ERROR_INVALID_ARGUMENT. The credentials themselves are checked by amop_client_connect.

use std::ffi::{c_char, c_void};
use std::path::PathBuf;

use amop::transport::CredentialSource;

use super::amop_options;
use crate::boundary::guard;
use crate::macros::{borrow_mut, payload, secret, text};
use crate::status::amop_status;

/// Sets the folder with the SDK's credentials, or one of its files. The folder contains `ca.crt`, `sdk.crt` and
/// `sdk.key`; or `gmca.crt`, `gmsdk.crt`, `gmsdk.key`, `gmensdk.crt` and `gmensdk.key` (2.x GM chains, also in `gm` below
/// it); or `sm_ca.crt`, `sm_sdk.crt`, `sm_sdk.key`, `sm_ensdk.crt` and `sm_ensdk.key` (3.x SM chains); or the folder
/// `sdk` with one of these sets. If the first set has a GM set beside it, nodes that have nothing in common with the
/// first are tried with the other; a file that is given instead of its folder excludes the other sets. A node's own key
/// (`node.key`) is used only if it is given.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_options_set_credentials(
    options: *mut amop_options,
    folder: *const c_char,
) -> amop_status {
    guard!({
        borrow_mut!(options)?.given.credentials = Some(CredentialSource::Directory(text!(folder)?.into()));
        Ok(())
    })
}

/// Sets the paths of the three files.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_options_set_credential_files(
    options: *mut amop_options,
    ca: *const c_char,
    cert: *const c_char,
    key: *const c_char,
) -> amop_status {
    guard!({
        let options = borrow_mut!(options)?;
        let [ca, cert, key] = [text!(ca)?, text!(cert)?, text!(key)?].map(PathBuf::from);
        options.given.credentials = Some(CredentialSource::Files { ca, cert, key });
        Ok(())
    })
}

/// Sets the contents of the three files.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_options_set_credential_pem(
    options: *mut amop_options,
    ca: *const c_void,
    ca_len: usize,
    cert: *const c_void,
    cert_len: usize,
    key: *const c_void,
    key_len: usize,
) -> amop_status {
    guard!({
        let options = borrow_mut!(options)?;
        let [ca, cert] = [payload!(ca, ca_len)?, payload!(cert, cert_len)?].map(Vec::from);
        let key = secret!(key, key_len)?;
        options.given.credentials = Some(CredentialSource::Pem { ca, cert, key });
        Ok(())
    })
}

/// Sets the paths of the five files of a GM chain: the CA, the client's certificate and private key for signatures, and
/// those for encryption. Names that begin with `gm` or `sm_` state whether GM over TLS 1.2 or TLCP is used; otherwise
/// both are tried.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_options_set_credential_files_gm(
    options: *mut amop_options,
    ca: *const c_char,
    cert: *const c_char,
    key: *const c_char,
    enc_cert: *const c_char,
    enc_key: *const c_char,
) -> amop_status {
    guard!({
        let options = borrow_mut!(options)?;
        let files = [text!(ca)?, text!(cert)?, text!(key)?, text!(enc_cert)?, text!(enc_key)?];
        let [ca, cert, key, enc_cert, enc_key] = files.map(PathBuf::from);
        options.given.credentials = Some(CredentialSource::GmFiles { ca, cert, key, enc_cert, enc_key });
        Ok(())
    })
}

/// Sets the contents of the five files of a GM chain. TLCP is tried first, then GM over TLS 1.2.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_options_set_credential_pem_gm(
    options: *mut amop_options,
    ca: *const c_void,
    ca_len: usize,
    cert: *const c_void,
    cert_len: usize,
    key: *const c_void,
    key_len: usize,
    enc_cert: *const c_void,
    enc_cert_len: usize,
    enc_key: *const c_void,
    enc_key_len: usize,
) -> amop_status {
    guard!({
        let options = borrow_mut!(options)?;
        let [ca, cert] = [payload!(ca, ca_len)?, payload!(cert, cert_len)?].map(Vec::from);
        let (key, enc_key) = (secret!(key, key_len)?, secret!(enc_key, enc_key_len)?);
        let enc_cert = payload!(enc_cert, enc_cert_len)?.into();
        options.given.credentials = Some(CredentialSource::GmPem { ca, cert, key, enc_cert, enc_key });
        Ok(())
    })
}
