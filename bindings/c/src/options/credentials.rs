//! Credentials. They are the certificate of the CA (`ca.crt`), the client's certificate followed by the intermediate
//! certificates up to the CA (`sdk.crt`), and the private key (`sdk.key`; PKCS#8 or SEC1, not encrypted). All are
//! PEM. If no function of this section is called, the three files are searched in `$AMOP_CREDENTIALS`, `.`, `conf`,
//! `sdk`, `nodes/127.0.0.1/sdk` and `amop-devnet/sdk`. The files are found when the client
//! connects. The same files are read again for each reconnect, whatever the current folder is then.
//!
//! - Threads: any thread, including callbacks, but only one at a time.
//! - Errors: AMOP_ERROR_INVALID_ARGUMENT. The credentials themselves are checked by amop_client_connect.

use std::ffi::{c_char, c_void};

use super::{Credentials, amop_options};
use crate::boundary::guard;
use crate::macros::{borrow_mut, payload, text};
use crate::status::amop_status;

/// Sets the folder that contains `ca.crt`, `sdk.crt` and `sdk.key`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_options_set_credentials(
    options: *mut amop_options,
    folder: *const c_char,
) -> amop_status {
    guard!({
        borrow_mut!(options)?.credentials = Credentials::Folder(text!(folder)?.to_owned());
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
        let files = [text!(ca)?, text!(cert)?, text!(key)?];
        options.credentials = Credentials::Files(files.map(str::to_owned));
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
        let files = [payload!(ca, ca_len)?, payload!(cert, cert_len)?, payload!(key, key_len)?];
        options.credentials = Credentials::Pem(files.map(Vec::from));
        Ok(())
    })
}
