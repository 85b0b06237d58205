//! The modes of the engine, as tables of what distinguishes them.

use super::codec::extension::{EXTENDED_MASTER_SECRET, POINT_FORMATS, RENEGOTIATION_INFO};
use super::suite::{RSA_AES_128_GCM, RSA_AES_256_GCM, Suite};
#[cfg(feature = "sm")]
use super::suite::{SM2_AGREEMENT, SM2_ENCRYPTION};

/// What the engine speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EngineMode {
    /// TLS 1.2 with static RSA key exchange and AES-GCM: the RSA channel of 2.x nodes.
    StaticRsa,
    /// The suites of TLCP over TLS 1.2: the GM channel of 2.x nodes.
    #[cfg(feature = "sm")]
    GmTls12,
    /// TLCP (GB/T 38636): 3.x nodes of GM chains.
    #[cfg(feature = "sm")]
    Tlcp,
}

pub(super) const TLS_1_2: [u8; 2] = [3, 3];
#[cfg(feature = "sm")]
pub(super) const TLCP_1_1: [u8; 2] = [1, 1];

/// Signature schemes of TLS 1.2: the hash's number, then the algorithm's.
pub(super) mod scheme {
    pub(crate) const RSA_SHA256: u16 = 0x0401;
    pub(crate) const RSA_SHA384: u16 = 0x0501;
    pub(crate) const RSA_SHA512: u16 = 0x0601;
    /// SM3 has the number 7 here, and SM2 that of ECDSA.
    #[cfg(feature = "sm")]
    pub(crate) const SM2_SM3: u16 = 0x0703;
}

/// What distinguishes a mode.
#[derive(Debug)]
pub(super) struct Parameters {
    /// The version in hello messages, records and premaster secrets.
    pub(super) version: [u8; 2],
    /// The suites that are offered and accepted, the preferred one first.
    pub(super) suites: &'static [&'static Suite],
    /// Whether the ClientHello signals that renegotiation is not used unprotected (RFC 5746).
    pub(super) signals_renegotiation: bool,
    /// The extensions of the ClientHello as they are sent.
    pub(super) client_extensions: &'static [u8],
    /// The extensions that a ServerHello may have.
    pub(super) server_extensions: &'static [u16],
    /// The schemes of signatures, the preferred one first. Without any, messages have no field for them.
    pub(super) schemes: &'static [u16],
    /// The types in a CertificateRequest.
    pub(super) certificate_types: &'static [u8],
    /// The number that stands for the SM2 curve. Peers use several, so that it is not checked.
    #[cfg(feature = "sm")]
    pub(super) curve: u16,
    /// Whether the client's identity comes before the server's in the SM2 key agreement.
    #[cfg(feature = "sm")]
    pub(super) client_identity_first: bool,
    /// Whether the signature of a CertificateVerify includes the signer's identity (Z of GB/T 32918.2).
    #[cfg(feature = "sm")]
    pub(super) verify_with_identity: bool,
}

static STATIC_RSA: Parameters = Parameters {
    version: TLS_1_2,
    suites: &[&RSA_AES_256_GCM, &RSA_AES_128_GCM],
    signals_renegotiation: true,
    #[rustfmt::skip]
    client_extensions: &[
        // signature_algorithms: RSA_SHA256, RSA_SHA384, RSA_SHA512
        0x00, 0x0d, 0x00, 0x08, 0x00, 0x06, 0x04, 0x01, 0x05, 0x01, 0x06, 0x01,
        // extended_master_secret
        0x00, 0x17, 0x00, 0x00,
    ],
    server_extensions: &[RENEGOTIATION_INFO, EXTENDED_MASTER_SECRET],
    schemes: &[scheme::RSA_SHA256, scheme::RSA_SHA384, scheme::RSA_SHA512],
    certificate_types: &[1],
    #[cfg(feature = "sm")]
    curve: 0,
    #[cfg(feature = "sm")]
    client_identity_first: true,
    #[cfg(feature = "sm")]
    verify_with_identity: true,
};

/// As TASSL 1.0.2 has it, the TLS library of 2.x nodes.
#[cfg(feature = "sm")]
static GM_TLS_1_2: Parameters = Parameters {
    version: TLS_1_2,
    suites: &[&SM2_AGREEMENT, &SM2_ENCRYPTION],
    signals_renegotiation: true,
    #[rustfmt::skip]
    client_extensions: &[
        // signature_algorithms: SM2_SM3
        0x00, 0x0d, 0x00, 0x04, 0x00, 0x02, 0x07, 0x03,
        // supported_groups: the number of X25519, which this library uses for SM2
        0x00, 0x0a, 0x00, 0x04, 0x00, 0x02, 0x00, 0x1d,
        // ec_point_formats: uncompressed
        0x00, 0x0b, 0x00, 0x02, 0x01, 0x00,
    ],
    server_extensions: &[RENEGOTIATION_INFO, POINT_FORMATS],
    schemes: &[scheme::SM2_SM3],
    certificate_types: &[1, 64],
    curve: 0x001d,
    client_identity_first: true,
    verify_with_identity: false,
};

/// As TASSL 1.1.1 and Tongsuo have it. The server sends its half of the key agreement first, so its identity is the
/// first too.
#[cfg(feature = "sm")]
static TLCP: Parameters = Parameters {
    version: TLCP_1_1,
    suites: &[&SM2_ENCRYPTION, &SM2_AGREEMENT],
    signals_renegotiation: false,
    client_extensions: &[],
    server_extensions: &[],
    schemes: &[],
    certificate_types: &[1, 64],
    curve: 0x0029,
    client_identity_first: false,
    verify_with_identity: true,
};

impl EngineMode {
    pub(super) fn parameters(self) -> &'static Parameters {
        match self {
            EngineMode::StaticRsa => &STATIC_RSA,
            #[cfg(feature = "sm")]
            EngineMode::GmTls12 => &GM_TLS_1_2,
            #[cfg(feature = "sm")]
            EngineMode::Tlcp => &TLCP,
        }
    }
}
