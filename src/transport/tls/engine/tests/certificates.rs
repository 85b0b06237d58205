//! Certificates that the client must refuse, and how it picks the one for encryption.

use std::sync::Arc;
use std::time::Duration;

use pki_types::{CertificateDer, UnixTime};
use x509_cert::Certificate;
use x509_cert::der::{Decode, Encode};

use super::super::connection::Connection;
use super::super::fault::{Cause, Fault};
use super::super::identity::{EngineIdentity, sm2_key};
use super::super::mode::EngineMode;
use super::super::peer::{JudgePeer, PeerKeys, PeerRole};
use super::super::server::ServerConfig;
use super::super::sm2::sign;
use super::fixture::*;
use crate::transport::tls::chain::Reason;

/// Returns the fault of a client for which a server is not good enough.
fn refused_by_client(mode: EngineMode, server: ServerConfig) -> Fault {
    let mut client = Connection::client(Arc::new(client_config(mode))).unwrap();
    let mut server = Connection::server(Arc::new(server));
    pass(&mut client, &mut server);
    server.advance().unwrap();
    pass(&mut server, &mut client);
    let fault = client.advance().unwrap_err();
    assert!(!client.has_accepted_peer());
    assert_is_dead(&mut client, &fault);
    fault
}

fn reason(fault: &Fault) -> Reason {
    match &fault.cause {
        Cause::Refused(refusal) => refusal.reason,
        other => panic!("{other:?}"),
    }
}

fn showing(mode: EngineMode, certificates: Vec<CertificateDer<'static>>) -> ServerConfig {
    let mut server = server_config(mode);
    server.identity.certificates = Arc::new(certificates);
    server
}

fn shown(mode: EngineMode) -> Vec<CertificateDer<'static>> {
    identity(mode, Owner::Node).certificates.to_vec()
}

#[test]
fn node_of_another_chain_is_refused() {
    for (mode, of) in [(EngineMode::GmTls12, EngineMode::Tlcp), (EngineMode::Tlcp, EngineMode::GmTls12)] {
        let mut server = server_config(mode);
        server.identity = identity(of, Owner::Node);
        let fault = refused_by_client(mode, server);
        assert_eq!((reason(&fault), fault.alert.unwrap().0), (Reason::UnknownIssuer, 48));
    }
}

#[test]
fn node_with_keys_of_another_kind_is_refused() {
    let judge = judge(EngineMode::StaticRsa, PeerRole::Node);
    assert!(judge.judge(&shown(EngineMode::GmTls12)).is_err());
    let mut mixed = super::fixture::judge(EngineMode::GmTls12, PeerRole::Node);
    mixed.is_rsa = true;
    let refusal = mixed.judge(&shown(EngineMode::GmTls12)).err().unwrap();
    assert!(refusal.text.contains("no RSA key"), "{}", refusal.text);
    let mut mixed = super::fixture::judge(EngineMode::StaticRsa, PeerRole::Node);
    mixed.is_rsa = false;
    assert!(mixed.judge(&shown(EngineMode::StaticRsa)).is_err());
}

#[test]
fn node_without_certificates_or_with_too_many_is_refused() {
    for mode in [EngineMode::StaticRsa, EngineMode::GmTls12, EngineMode::Tlcp] {
        assert_eq!(judge(mode, PeerRole::Node).judge(&[]).err().unwrap().reason, Reason::Invalid);
        let many = vec![shown(mode)[0].clone(); 17];
        assert_eq!(refused_by_client(mode, showing(mode, many)).alert.unwrap().0, 42);
        let damaged = vec![CertificateDer::from(vec![0x30, 0x03, 1, 2, 3]); 2];
        assert_eq!(reason(&refused_by_client(mode, showing(mode, damaged))), Reason::Invalid);
        let empty = vec![CertificateDer::from(Vec::new())];
        refused_by_client(mode, showing(mode, empty));
    }
}

#[test]
fn certificates_are_judged_by_the_clock() {
    for mode in [EngineMode::StaticRsa, EngineMode::GmTls12, EngineMode::Tlcp] {
        let in_2001: fn() -> UnixTime = || UnixTime::since_unix_epoch(Duration::from_secs(1_000_000_000));
        let in_2170: fn() -> UnixTime = || UnixTime::since_unix_epoch(Duration::from_secs(6_311_000_000));
        for (now, expected) in [(in_2001, Reason::NotValidYet), (in_2170, Reason::Expired)] {
            let mut judge = judge(mode, PeerRole::Node);
            judge.now = now;
            let refusal = judge.judge(&shown(mode)).err().unwrap();
            assert_eq!(refusal.reason, expected, "{mode:?}");
        }
    }
}

/// Returns an element of DER.
fn element(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len();
    let header = match length {
        0..0x80 => vec![tag, length as u8],
        0x80..0x100 => vec![tag, 0x81, length as u8],
        _ => [&[tag, 0x82][..], &(length as u16).to_be_bytes()].concat(),
    };
    [&header[..], content].concat()
}

const BIT_STRING: u8 = 0x03;
const UTC_TIME: u8 = 0x17;
const SEQUENCE: u8 = 0x30;

/// Returns a certificate with other dates, signed again with the key of its issuer.
fn reissued(certificate: &CertificateDer<'_>, from: &str, to: &str, issuer: &str) -> CertificateDer<'static> {
    let parsed = Certificate::from_der(certificate).unwrap();
    let tbs = parsed.tbs_certificate();
    let old = tbs.validity().to_der().unwrap();
    let dates = [element(UTC_TIME, from.as_bytes()), element(UTC_TIME, to.as_bytes())].concat();
    let whole = tbs.to_der().unwrap();
    // Certificates of this size have a header of four bytes.
    let content = &whole[4..];
    let at = content.windows(old.len()).position(|window| window == old).unwrap();
    let content = [&content[..at], &element(SEQUENCE, &dates), &content[at + old.len()..]].concat();
    let tbs = element(SEQUENCE, &content);
    let signature = sign(&sm2_key(key(issuer).secret_der()).unwrap(), &tbs).unwrap();
    let signature = element(BIT_STRING, &[&[0][..], &signature].concat());
    let algorithm = parsed.signature_algorithm().to_der().unwrap();
    CertificateDer::from(element(SEQUENCE, &[tbs, algorithm, signature].concat()))
}

#[test]
fn both_certificates_must_be_in_date() {
    for (mode, issuer) in
        [(EngineMode::GmTls12, "keys/gm2/agency/gmagency.key"), (EngineMode::Tlcp, "keys/gm3/sm_ca.key")]
    {
        let all = shown(mode);
        let last = all.len() - 1;
        for at in [0, last] {
            for (from, to, expected) in [
                ("251129000000Z", "261229000000Z", Reason::Expired),
                ("400101000000Z", "491229000000Z", Reason::NotValidYet),
            ] {
                let mut certificates = all.clone();
                certificates[at] = reissued(&all[at], from, to, issuer);
                let fault = refused_by_client(mode, showing(mode, certificates));
                assert_eq!((reason(&fault), fault.alert.unwrap().0), (expected, 45), "{mode:?} {at}");
            }
            // The helper makes certificates that are right.
            let mut certificates = all.clone();
            certificates[at] = reissued(&all[at], "251129000000Z", "491229000000Z", issuer);
            open(client_config(mode), showing(mode, certificates));
        }
    }
}

#[test]
fn certificate_for_encryption_is_required_and_judged() {
    for (mode, other) in [(EngineMode::GmTls12, EngineMode::Tlcp), (EngineMode::Tlcp, EngineMode::GmTls12)] {
        let all = shown(mode);
        let (encryption, others) = all.split_last().unwrap();
        let missing = refused_by_client(mode, showing(mode, others.to_vec()));
        assert_eq!(reason(&missing), Reason::Invalid);

        // It is another CA's.
        let foreign = shown(other).pop().unwrap();
        let mut certificates = others.to_vec();
        certificates.push(foreign);
        assert_eq!(reason(&refused_by_client(mode, showing(mode, certificates))), Reason::UnknownIssuer);

        // Both have changed places.
        let mut certificates = all.clone();
        let last = all.len() - 1;
        certificates.swap(0, last);
        assert_eq!(reason(&refused_by_client(mode, showing(mode, certificates))), Reason::Invalid);

        // A certificate for signatures doesn't serve twice.
        let mut certificates = others.to_vec();
        certificates.push(others[0].clone());
        assert_eq!(reason(&refused_by_client(mode, showing(mode, certificates))), Reason::Invalid);

        // It may stand in any place after the first.
        for at in 1..all.len() {
            let mut certificates = others.to_vec();
            certificates.insert(at, encryption.clone());
            let PeerKeys::Sm2(keys) = judge(mode, PeerRole::Node).judge(&certificates).ok().unwrap() else {
                panic!("{mode:?}");
            };
            assert!(keys.encryption.unwrap().certificate == *encryption, "{mode:?} {at}");
        }
    }
}

#[test]
fn client_may_be_required_to_have_the_issuer_of_the_node() {
    for mode in [EngineMode::StaticRsa, EngineMode::GmTls12, EngineMode::Tlcp] {
        let client: Vec<_> = identity(mode, Owner::Sdk).certificates.to_vec();
        let parsed = crate::transport::certificate::ParsedCertificate::parse(&client[0]).unwrap();
        let mut judge = judge(mode, PeerRole::Client);
        judge.issuer = Some(parsed.issuer.clone());
        assert!(judge.judge(&client).is_ok());
        judge.issuer = Some(parsed.subject.clone());
        assert_eq!(judge.judge(&client).err().unwrap().reason, Reason::UnknownIssuer);
    }
}

#[test]
fn identity_needs_both_pairs_and_puts_encryption_last() {
    let files = |name: &str| (certificates(&format!("{name}.crt")), key(&format!("{name}.key")));
    let (sign, sign_key) = files("keys/gm2/sdk/gmsdk");
    let (encryption, encryption_key) = files("keys/gm2/sdk/gmensdk");
    let make = |sign: &[_], encryption: &[_], key: &[u8]| {
        EngineIdentity::sm2(sign, sign_key.secret_der(), encryption, key)
    };
    let identity = make(&sign, &encryption, encryption_key.secret_der()).unwrap();
    assert_eq!(identity.certificates.last(), encryption.first());
    assert_eq!(identity.certificates.len(), sign.len() + 1);
    assert!(make(&[], &encryption, encryption_key.secret_der()).is_err());
    assert!(make(&sign, &[], encryption_key.secret_der()).is_err());
    assert!(make(&sign, &encryption, key("keys/rsa/sdk.key").secret_der()).is_err());
    // The issuers of the certificate for encryption are sent once.
    let with_issuers = [&encryption[..1], &sign[1..]].concat();
    let identity = make(&sign, &with_issuers, encryption_key.secret_der()).unwrap();
    assert_eq!(identity.certificates.len(), sign.len() + 1);
}
