//! Loading credentials: every form a key comes in, and every wrong file named with what it is.

use std::sync::LazyLock;

use amop::ErrorKind;
use amop::transport::{CredentialSource, Credentials, GmProtocol, KeyClass};
use amop_devnet::chain::{
    Algorithm, Chain, ChainOptions, Identity, Issuer, LeafOptions, Period, Role, Sent, Version,
};
use proptest::prelude::*;

use crate::fixture::{Folder, assert_error};

#[test]
fn folder_files_and_memory_are_accepted_as_sources() {
    let folder = Folder::new();
    folder.load().unwrap();
    let [ca, cert, key] = ["ca.crt", "sdk.crt", "sdk.key"].map(|name| folder.file(name));
    Credentials::load(&CredentialSource::Files { ca, cert, key }).unwrap();
    let [ca, cert, key] = ["ca.crt", "sdk.crt", "sdk.key"].map(|name| folder.read(name).into_bytes());
    Credentials::load(&CredentialSource::Pem { ca, cert, key: key.into() }).unwrap();
}

#[test]
fn every_encoding_of_a_key_loads() {
    let folder = Folder::new();
    folder.openssl("ec -in sdk.key -out sec1.key");
    folder.openssl("ec -in sdk.key -conv_form compressed -out compressed.key");
    folder.openssl("ec -in sdk.key -no_public -out private-only.key");
    folder.openssl("pkcs8 -topk8 -nocrypt -in sec1.key -out pkcs8.key");
    folder.openssl("ecparam -name secp256k1 -out parameters");
    folder.write("with-parameters.key", folder.read("parameters") + &folder.read("sec1.key"));
    folder.write("windows.key", folder.read("sdk.key").replace('\n', "\r\n"));
    folder.write("commented.key", format!("the SDK's key\n\n{}\n\n", folder.read("sdk.key")));
    for name in ["sec1", "compressed", "private-only", "pkcs8", "with-parameters", "windows", "commented"] {
        std::fs::copy(folder.file(&format!("{name}.key")), folder.file("sdk.key")).unwrap();
        folder.load().unwrap_or_else(|error| panic!("{name}: {error}"));
    }
}

#[test]
fn rsa_keys_and_version_1_certificates_load() {
    let folder = Folder::new();
    for name in ["ca", "sdk"] {
        folder.openssl(&format!("genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out {name}.key"));
        folder.openssl(&format!("req -new -subj /CN={name} -key {name}.key -out {name}.csr"));
    }
    folder.openssl("x509 -req -in ca.csr -signkey ca.key -out ca.crt");
    folder.openssl("x509 -req -in sdk.csr -CA ca.crt -CAkey ca.key -CAcreateserial -out sdk.crt");
    folder.load().unwrap();
    folder.openssl("rsa -traditional -in sdk.key -out sdk.key");
    assert!(folder.read("sdk.key").contains("BEGIN RSA PRIVATE KEY"));
    folder.load().unwrap();
}

#[test]
fn encrypted_key_is_reported() {
    let folder = Folder::new();
    folder.openssl("pkcs8 -topk8 -in sdk.key -v2 aes256 -passout pass:secret -out pkcs8.key");
    folder.openssl("ec -in sdk.key -aes256 -passout pass:secret -out sec1.key");
    for name in ["pkcs8.key", "sec1.key"] {
        std::fs::copy(folder.file(name), folder.file("sdk.key")).unwrap();
        folder.assert_fails(ErrorKind::KeyEncrypted, "sdk.key", &["is encrypted", "openssl pkey"]);
    }
}

#[test]
fn key_of_another_certificate_is_a_mismatch() {
    let (folder, other) = (Folder::new(), Folder::new());
    folder.write("sdk.key", other.read("sdk.key"));
    folder.assert_fails(ErrorKind::KeyMismatch, "sdk.key", &["CN=sdk", "sdk.crt"]);
}

#[test]
fn chain_that_does_not_begin_with_the_leaf_is_a_mismatch() {
    let folder = Folder::new();
    folder.write("sdk.crt", folder.read("ca.crt") + &folder.read("sdk.crt"));
    folder.assert_fails(ErrorKind::KeyMismatch, "sdk.key", &["certificate that belongs to the key first"]);
}

#[test]
fn pem_of_any_editor_is_read() {
    let whole = Folder::new();
    whole.openssl("x509 -in sdk.crt -text -out dump.crt");
    whole.openssl("pkey -in sdk.key -text -out dump.key");
    let subjects = |folder: &Folder| {
        let loaded = folder.load().unwrap_or_else(|error| panic!("{error}"));
        let all = loaded.certificates().iter().chain(loaded.ca());
        all.map(|certificate| certificate.subject_text()).collect::<Vec<_>>()
    };
    let expected = subjects(&whole);
    let edits: [fn(&str) -> String; 5] = [
        |text| format!("\u{feff}{text}"),
        // As of files that were joined.
        |text| text.replace("-----BEGIN", "\u{feff}-----BEGIN"),
        |text| text.replace('\n', "\r\n"),
        |text| text.replace('\n', "\r"),
        |text| text.lines().map(|line| format!("  \t{line} \n")).collect(),
    ];
    for (number, edit) in edits.into_iter().enumerate() {
        let folder = Folder::new();
        for name in ["ca.crt", "sdk.crt", "sdk.key"] {
            folder.write(name, edit(&whole.read(name)));
        }
        assert_eq!(subjects(&folder), expected, "edit {number}");
    }
    // The dump has the first certificate of the chain only.
    whole.write("sdk.crt", whole.read("dump.crt"));
    whole.write("sdk.key", whole.read("dump.key"));
    assert_eq!(subjects(&whole)[0], expected[0]);
}

#[test]
fn error_of_a_wrong_folder_states_what_to_give() {
    let chain = Folder::new();
    let sdk = chain.file("nodes/127.0.0.1/sdk");
    std::fs::create_dir_all(&sdk).unwrap();
    for name in ["ca.crt", "sdk.crt", "sdk.key"] {
        std::fs::rename(chain.file(name), sdk.join(name)).unwrap();
    }
    let gm = Folder::new();
    std::fs::rename(gm.file("ca.crt"), gm.file("gmca.crt")).unwrap();
    for (given, found, advice) in [
        (chain.path().to_owned(), "no ca.crt", format!("; give {}", sdk.display())),
        (chain.file("nodes"), "no ca.crt", format!("; give {}", sdk.display())),
        (gm.path().to_owned(), "no ca.crt;", "; give a folder with ca.crt".to_owned()),
    ] {
        let error = Credentials::load(&CredentialSource::Directory(given)).unwrap_err();
        assert_error(&error, ErrorKind::CredentialsNotFound, &[found, &advice]);
    }
}

#[test]
fn error_states_the_format_of_a_wrong_file() {
    let whole = Folder::new();
    whole.openssl("pkey -in sdk.key -outform DER -out key.der");
    whole.openssl("x509 -in sdk.crt -outform DER -out cert.der");
    whole.openssl("pkcs12 -export -in sdk.crt -inkey sdk.key -passout pass:x -out sdk.p12");
    let bytes = |name: &str| std::fs::read(whole.file(name)).unwrap();
    let damaged = whole.read("sdk.crt").replacen("MII", "MI*", 1);
    let cut = whole.read("sdk.key").replace("-----END", "");
    let utf_16: Vec<u8> = whole.read("sdk.crt").encode_utf16().flat_map(u16::to_le_bytes).collect();
    let marked = [&[0xff, 0xfe], &utf_16[..]].concat();
    let cases: [(&str, Vec<u8>, &str); 17] = [
        ("ca.crt", b"/chain/sdk/ca.crt".to_vec(), "is the name of a file"),
        ("sdk.crt", utf_16, "iconv -f UTF-16 -t UTF-8"),
        ("ca.crt", marked, "iconv -f UTF-16 -t UTF-8"),
        ("sdk.key", bytes("key.der"), "is DER"),
        ("sdk.crt", bytes("cert.der"), "is DER"),
        ("ca.crt", bytes("cert.der"), "openssl x509 -inform DER"),
        ("sdk.key", bytes("sdk.p12"), "openssl pkcs12 -in FILE -nodes -nocerts -out"),
        ("sdk.crt", bytes("sdk.p12"), "openssl pkcs12 -in FILE -nodes -nokeys -out"),
        ("sdk.key", bytes("sdk.crt"), "holds no private key, only: CERTIFICATE"),
        ("sdk.crt", bytes("sdk.key"), "holds no certificate, only: PRIVATE KEY"),
        ("ca.crt", Vec::new(), "is empty"),
        ("sdk.key", b"\n \n".to_vec(), "is empty"),
        ("sdk.crt", b"hello".to_vec(), "is not PEM"),
        ("sdk.key", vec![0xfe, 0xed, 0xfe, 0xed, 0, 0, 0, 2], "Java key store"),
        ("sdk.crt", damaged.into_bytes(), "damaged"),
        ("sdk.key", cut.into_bytes(), "damaged"),
        ("sdk.key", vec![0x30], "is DER"),
    ];
    for (file, content, expected) in cases {
        let folder = Folder::new();
        folder.write(file, content);
        folder.assert_fails(ErrorKind::CredentialsInvalid, file, &[expected]);
    }
}

#[test]
fn error_of_an_unusable_key_states_the_usable_kinds() {
    let folder = Folder::new();
    folder.openssl("ecparam -name secp256k1 -genkey -noout -param_enc explicit -out sdk.key");
    folder.assert_fails(ErrorKind::CredentialsInvalid, "sdk.key", &["secp256k1", "named curve"]);
    folder.openssl("genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:1024 -out sdk.key");
    folder.assert_fails(ErrorKind::CredentialsInvalid, "sdk.key", &["2048"]);
}

/// Puts the credentials of an SDK on a GM chain into `gm` below a folder. Returns the five paths.
fn put_gm(folder: &Folder, names: [&str; 5]) -> [std::path::PathBuf; 5] {
    let sdk = sdk(Algorithm::Sm2);
    let (enc_cert, enc_key) = sdk.encryption_pem().unwrap();
    let contents = [sdk.ca_pem(), sdk.certificate_pem(), sdk.key_pem(), enc_cert, enc_key];
    for (name, content) in names.into_iter().zip(contents) {
        folder.write(name, content);
    }
    names.map(|name| folder.file(name))
}

const GM: [&str; 5] = ["gmca.crt", "gmsdk.crt", "gmsdk.key", "gmensdk.crt", "gmensdk.key"];

fn gm_files([ca, cert, key, enc_cert, enc_key]: [std::path::PathBuf; 5]) -> CredentialSource {
    CredentialSource::GmFiles { ca, cert, key, enc_cert, enc_key }
}

#[test]
fn gm_credentials_load_in_every_encoding_of_the_keys() {
    let folder = Folder::new();
    let files = gm_files(put_gm(&folder, GM));
    folder.openssl("ec -in gmsdk.key -out sec1.key");
    folder.openssl("ec -in gmensdk.key -no_public -out private-only.key");
    folder.openssl("ecparam -name SM2 -out parameters");
    let load = || Credentials::load(&files).and_then(|loaded| loaded.check_chain().map(|()| loaded));
    let loaded = load().unwrap();
    assert_eq!((loaded.key_class(), loaded.gm_protocol()), (KeyClass::Gm, Some(GmProtocol::Tls12)));
    assert!(folder.read("sec1.key").contains("BEGIN SM2 PRIVATE KEY"), "as OpenSSL 3 calls it");
    for (name, content) in [
        ("gmsdk.key", folder.read("sec1.key")),
        ("gmsdk.key", folder.read("parameters") + &folder.read("sec1.key")),
        ("gmsdk.key", folder.read("sec1.key").replace("SM2 PRIVATE", "EC PRIVATE")),
        ("gmensdk.key", folder.read("private-only.key")),
    ] {
        folder.write(name, content);
        load().unwrap_or_else(|error| panic!("{name}: {error}"));
    }
}

#[test]
fn gm_names_state_the_protocol() {
    let folder = Folder::new();
    let sm = ["sm_ca.crt", "sm_sdk.crt", "sm_sdk.key", "sm_ensdk.crt", "sm_ensdk.key"];
    for (names, protocol) in [
        (GM, Some(GmProtocol::Tls12)),
        (sm, Some(GmProtocol::Tlcp)),
        (["1.crt", "2.crt", "3.key", "4.crt", "5.key"], None),
    ] {
        let loaded = Credentials::load(&gm_files(put_gm(&folder, names))).unwrap();
        assert_eq!(loaded.gm_protocol(), protocol, "{names:?}");
    }
    assert_eq!(Credentials::load(&sdk(Algorithm::Sm2).source()).unwrap().gm_protocol(), None);
}

#[test]
fn gm_files_that_do_not_belong_together_are_reported() {
    let folder = Folder::new();
    let [ca, cert, key, enc_cert, enc_key] = put_gm(&folder, GM);
    let other = sdk(Algorithm::Sm2);
    folder.write("other.key", other.key_pem());
    let own = |name: &str| folder.file(name);
    let with = |ca: &std::path::Path, enc_cert: &std::path::Path, enc_key: &std::path::Path| {
        gm_files([ca.into(), cert.clone(), key.clone(), enc_cert.into(), enc_key.into()])
    };
    let cases = [
        (
            CredentialSource::Files { ca: ca.clone(), cert: cert.clone(), key: key.clone() },
            ErrorKind::CredentialsInvalid,
            "gmensdk.crt and gmensdk.key",
        ),
        (with(&ca, &enc_cert, &own("other.key")), ErrorKind::KeyMismatch, "gmensdk.crt"),
        (with(&own("ca.crt"), &enc_cert, &enc_key), ErrorKind::CredentialsInvalid, "is not SM2"),
        (with(&ca, &own("sdk.crt"), &own("sdk.key")), ErrorKind::CredentialsInvalid, "holds no SM2"),
        (
            gm_files([own("ca.crt"), own("sdk.crt"), own("sdk.key"), enc_cert.clone(), enc_key.clone()]),
            ErrorKind::CredentialsInvalid,
            "leave it out",
        ),
    ];
    for (source, kind, part) in cases {
        assert_error(&Credentials::load(&source).unwrap_err(), kind, &[part]);
    }
}

#[test]
fn faulty_gm_set_beside_others_is_no_error() {
    let folder = Folder::new();
    put_gm(&folder, GM);
    assert!(folder.load().unwrap().beside().is_some());
    folder.write("gmensdk.key", "damaged");
    assert!(folder.load().unwrap().beside().is_none());
}

#[test]
fn key_of_a_node_is_marked() {
    let folder = Folder::new();
    assert!(!folder.load().unwrap().has_key_of_a_node());
    for (from, to) in [("sdk.crt", "node.crt"), ("sdk.key", "node.key")] {
        std::fs::rename(folder.file(from), folder.file(to)).unwrap();
    }
    let error = folder.load().unwrap_err();
    assert_error(
        &error,
        ErrorKind::CredentialsNotFound,
        &["no sdk.crt, no sdk.key", "node.key", "signs blocks"],
    );
    let named = CredentialSource::Directory(folder.file("node.crt"));
    assert!(Credentials::load(&named).unwrap().has_key_of_a_node());
}

#[test]
fn error_of_an_unreadable_file_states_the_cause() {
    let folder = Folder::new();
    let [ca, cert] = ["ca.crt", "sdk.crt"].map(|name| folder.file(name));
    let source = CredentialSource::Files { ca, cert, key: folder.file("other.key") };
    let error = Credentials::load(&source).unwrap_err();
    assert_error(&error, ErrorKind::CredentialsNotFound, &["other.key", "No such file"]);

    std::fs::remove_file(folder.file("sdk.key")).unwrap();
    let error = folder.load().unwrap_err();
    assert_error(&error, ErrorKind::CredentialsNotFound, &["no sdk.key", &folder.path().to_string_lossy()]);
    std::fs::create_dir(folder.file("sdk.key")).unwrap();
    folder.assert_fails(ErrorKind::CredentialsInvalid, "sdk.key", &["cannot read", "directory"]);
}

#[test]
fn expired_credentials_are_refused_with_both_dates() {
    let load = |options: &ChainOptions, leaf: &LeafOptions| {
        let chain = Chain::mint(options).unwrap();
        let sdk = chain.issue(Role::Sdk, "sdk", leaf).unwrap();
        sdk.credentials().expect("everything but the dates is in order");
        Credentials::load(&sdk.source()).unwrap_err()
    };
    let chain = ChainOptions::default();
    let leaf = LeafOptions::default();
    let dates = ErrorKind::CertificateDates;

    let error = load(&chain, &LeafOptions { period: Period::expired(), ..leaf });
    assert_error(&error, dates, &["the certificate CN=sdk", "valid from 20", " to 20", "is expired"]);
    let error = load(&chain, &LeafOptions { period: Period::not_yet_valid(), ..leaf });
    assert_error(&error, dates, &["the certificate CN=sdk", "not valid yet", "clock"]);
    let v1 = LeafOptions { period: Period::expired(), version: Version::V1, issuer: Issuer::Root, ..leaf };
    assert_error(&load(&chain, &v1), dates, &["the certificate CN=sdk", "is expired"]);
    let error = load(&ChainOptions { agency_period: Period::expired(), ..chain.clone() }, &leaf);
    assert_error(&error, dates, &["the agency certificate CN=agency", "is expired"]);
    let error = load(&ChainOptions { root_period: Period::expired(), ..chain.clone() }, &leaf);
    assert_error(&error, dates, &["the CA certificate CN=fisco-bcos", "is expired"]);
}

#[test]
fn one_valid_ca_beside_an_expired_one_is_sufficient() {
    let folder = Folder::new();
    let old =
        Chain::mint(&ChainOptions { root_period: Period::expired(), ..ChainOptions::default() }).unwrap();
    folder.write("ca.crt", old.ca_pem().unwrap() + &folder.read("ca.crt"));
    folder.load().unwrap();
}

#[test]
fn check_chain_detects_a_missing_issuer() {
    let chain = Chain::mint(&ChainOptions::default()).unwrap();
    let sdk = chain.issue(Role::Sdk, "sdk", &LeafOptions::default()).unwrap();
    sdk.credentials().unwrap().check_chain().unwrap();
    let options = LeafOptions { sent: Sent::LeafOnly, ..LeafOptions::default() };
    let alone = chain.issue(Role::Sdk, "sdk", &options).unwrap().credentials().unwrap();
    assert_error(
        &alone.check_chain().unwrap_err(),
        ErrorKind::CredentialsInvalid,
        &["do not belong together"],
    );
}

#[test]
fn debug_output_hides_the_key() {
    let folder = Folder::new();
    let secret = folder.read("sdk.key").lines().nth(1).unwrap().to_owned();
    let [ca, cert, key] = ["ca.crt", "sdk.crt", "sdk.key"].map(|name| folder.read(name).into_bytes());
    let bytes = format!("{key:?}");
    let source = CredentialSource::Pem { ca, cert, key: key.into() };
    for shown in [format!("{source:?}"), format!("{:?}", folder.load().unwrap())] {
        assert!(!shown.contains(&secret) && !shown.contains(&bytes), "{shown}");
    }
}

/// `pem` with one character of its first section's base64 replaced; the last line is left alone, since it may end
/// in bits that mean nothing.
fn altered(pem: &str, position: prop::sample::Index, by: char) -> String {
    let body = pem.find('\n').unwrap() + 1;
    let end = pem.find("\n-----END").unwrap();
    let end = pem[..end].rfind('\n').unwrap();
    let letters: Vec<_> = (body..end).filter(|at| !pem[*at..].starts_with(['\n', by])).collect();
    let at = letters[position.index(letters.len())];
    format!("{}{by}{}", &pem[..at], &pem[at + 1..])
}

/// With a certificate of version 1.
static RSA_SDK: LazyLock<Identity> = LazyLock::new(|| sdk(Algorithm::Rsa));
/// With a certificate of version 3, issued by an agency.
static SECP256K1_SDK: LazyLock<Identity> = LazyLock::new(|| sdk(Algorithm::Secp256k1));

fn sdk(algorithm: Algorithm) -> Identity {
    let chain = Chain::mint(&ChainOptions::of(algorithm)).unwrap();
    let sdk = chain.issue(Role::Sdk, "sdk", &LeafOptions::of(algorithm)).unwrap();
    sdk.credentials().unwrap().check_chain().expect("it is valid before it is altered");
    sdk
}

proptest! {
    #[test]
    fn every_change_of_a_certificate_is_detected(
        position in any::<prop::sample::Index>(),
        by in proptest::char::ranges(vec!['A'..='Z', 'a'..='z', '0'..='9'].into()),
        is_rsa in any::<bool>(),
    ) {
        let sdk = if is_rsa { &*RSA_SDK } else { &*SECP256K1_SDK };
        let source = CredentialSource::Pem {
            ca: sdk.ca_pem().into(),
            cert: altered(sdk.certificate_pem(), position, by).into(),
            key: sdk.key_pem().as_bytes().to_vec().into(),
        };
        let noticed = Credentials::load_any_date(&source).and_then(|loaded| loaded.check_chain()).unwrap_err();
        prop_assert!(matches!(noticed.kind(), ErrorKind::CredentialsInvalid | ErrorKind::KeyMismatch), "{noticed}");
    }
}
