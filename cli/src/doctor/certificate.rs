//! Descriptions of certificates.

use amop::transport::ParsedCertificate;

/// Describes the node's certificate in a line.
pub(super) fn described(certificates: &[Vec<u8>]) -> String {
    match certificates.first().map(|der| ParsedCertificate::read(der)) {
        Some(Ok(own)) => {
            format!("{}, issued by {}, {}", own.subject_text(), own.issuer_text(), own.period())
        }
        Some(Err(why)) => format!("it can't be read: {why}"),
        None => "the node shows none".to_owned(),
    }
}
