//! Alerts of TLS by number and name.

use std::fmt;

/// An alert (RFC 5246, section 7.2), by its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Alert(pub(super) u8);

impl Alert {
    pub(super) const CLOSE_NOTIFY: Alert = Alert(0);
    pub(super) const UNEXPECTED_MESSAGE: Alert = Alert(10);
    pub(super) const BAD_RECORD_MAC: Alert = Alert(20);
    pub(super) const RECORD_OVERFLOW: Alert = Alert(22);
    pub(super) const HANDSHAKE_FAILURE: Alert = Alert(40);
    pub(super) const NO_CERTIFICATE: Alert = Alert(41);
    pub(super) const BAD_CERTIFICATE: Alert = Alert(42);
    pub(super) const UNSUPPORTED_CERTIFICATE: Alert = Alert(43);
    pub(super) const CERTIFICATE_REVOKED: Alert = Alert(44);
    pub(super) const CERTIFICATE_EXPIRED: Alert = Alert(45);
    pub(super) const CERTIFICATE_UNKNOWN: Alert = Alert(46);
    pub(super) const ILLEGAL_PARAMETER: Alert = Alert(47);
    pub(super) const UNKNOWN_CA: Alert = Alert(48);
    pub(super) const ACCESS_DENIED: Alert = Alert(49);
    pub(super) const DECODE_ERROR: Alert = Alert(50);
    pub(super) const DECRYPT_ERROR: Alert = Alert(51);
    pub(super) const PROTOCOL_VERSION: Alert = Alert(70);
    pub(super) const INSUFFICIENT_SECURITY: Alert = Alert(71);
    pub(super) const INTERNAL_ERROR: Alert = Alert(80);
    pub(super) const NO_RENEGOTIATION: Alert = Alert(100);
    pub(super) const UNSUPPORTED_EXTENSION: Alert = Alert(110);
    pub(super) const CERTIFICATE_REQUIRED: Alert = Alert(116);

    fn name(self) -> &'static str {
        match self.0 {
            0 => "CloseNotify",
            10 => "UnexpectedMessage",
            20 => "BadRecordMac",
            21 => "DecryptionFailed",
            22 => "RecordOverflow",
            30 => "DecompressionFailure",
            40 => "HandshakeFailure",
            41 => "NoCertificate",
            42 => "BadCertificate",
            43 => "UnsupportedCertificate",
            44 => "CertificateRevoked",
            45 => "CertificateExpired",
            46 => "CertificateUnknown",
            47 => "IllegalParameter",
            48 => "UnknownCA",
            49 => "AccessDenied",
            50 => "DecodeError",
            51 => "DecryptError",
            60 => "ExportRestriction",
            70 => "ProtocolVersion",
            71 => "InsufficientSecurity",
            80 => "InternalError",
            86 => "InappropriateFallback",
            90 => "UserCanceled",
            100 => "NoRenegotiation",
            109 => "MissingExtension",
            110 => "UnsupportedExtension",
            112 => "UnrecognisedName",
            115 => "UnknownPskIdentity",
            116 => "CertificateRequired",
            120 => "NoApplicationProtocol",
            _ => "unknown",
        }
    }
}

impl fmt::Display for Alert {
    /// Shows number and name, as OpenSSL and node logs do: `48 UnknownCA`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.0, self.name())
    }
}
