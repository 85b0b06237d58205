//! TLS sessions, which real nodes issue and refuse to resume.

use std::sync::Arc;

use amop::transport::{Credentials, KeyExchange, TakenClients, certified_key, server_config};
use amop_devnet::Devnet;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use tokio_rustls::rustls::sign::SingleCertAndKey;
use tokio_rustls::rustls::{self, ClientConfig, DigitallySignedStruct, SignatureScheme};

use crate::fixture::{connect, guarded};

/// Accepts any node, because these tests test the node.
#[derive(Debug)]
struct AcceptAnyNode;

impl ServerCertVerifier for AcceptAnyNode {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ECDSA_NISTP256_SHA256]
    }
}

/// Returns a client that resumes sessions if it can, the default of rustls, with or without a certificate.
fn client(devnet: &Devnet, certificate: bool) -> TlsConnector {
    let credentials = Credentials::load(&devnet.credentials()).unwrap();
    // The provider with secp256k1 is only available inside a configuration.
    let provider = server_config(&credentials, &[KeyExchange::Secp256k1], TakenClients::OfTheChain)
        .unwrap()
        .crypto_provider()
        .clone();
    let config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS12])
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(AcceptAnyNode));
    let config = match certificate {
        true => config.with_client_cert_resolver(Arc::new(SingleCertAndKey::from(
            certified_key(&credentials).unwrap(),
        ))),
        false => config.with_no_client_auth(),
    };
    TlsConnector::from(Arc::new(config))
}

#[tokio::test]
async fn client_that_offers_a_session_is_disconnected_without_alert() {
    guarded(async {
        let devnet = Devnet::builder().nodes(1).refuse_resumption(true).start().await.unwrap();
        let connector = client(&devnet, true);
        let name = || ServerName::try_from("node").unwrap();
        let tcp = TcpStream::connect(devnet.node(0).address()).await.unwrap();
        let first = connector.connect(name(), tcp).await.unwrap();
        drop(first);
        let tcp = TcpStream::connect(devnet.node(0).address()).await.unwrap();
        let dropped = connector.connect(name(), tcp).await.unwrap_err();
        assert!(
            matches!(dropped.kind(), std::io::ErrorKind::UnexpectedEof | std::io::ErrorKind::ConnectionReset),
            "no alert: {dropped}"
        );
        for _ in 0..2 {
            connect(&devnet, &devnet.node(0).endpoint()).await.unwrap();
        }
        devnet.stop().await;
    })
    .await;
}

#[tokio::test]
async fn no_session_is_issued_by_default() {
    guarded(async {
        let devnet = Devnet::builder().nodes(1).start().await.unwrap();
        let connector = client(&devnet, true);
        for _ in 0..3 {
            let tcp = TcpStream::connect(devnet.node(0).address()).await.unwrap();
            let name = ServerName::try_from("node").unwrap();
            let stream = connector.connect(name, tcp).await.unwrap();
            assert_eq!(stream.get_ref().1.handshake_kind(), Some(rustls::HandshakeKind::Full));
        }
        devnet.stop().await;
    })
    .await;
}

#[tokio::test]
async fn client_without_a_certificate_is_refused() {
    guarded(async {
        let devnet = Devnet::builder().nodes(1).start().await.unwrap();
        let tcp = TcpStream::connect(devnet.node(0).address()).await.unwrap();
        let name = ServerName::try_from("node").unwrap();
        match client(&devnet, false).connect(name, tcp).await {
            Ok(mut stream) => {
                assert!(stream.read(&mut [0; 8]).await.is_err(), "the client receives an alert")
            }
            Err(error) => assert!(error.to_string().contains("alert"), "{error}"),
        }
        devnet.stop().await;
    })
    .await;
}
