//! Keys in every form, written by OpenSSL and Java: the same key, except where another kind is the point.

use pkcs8::der::Encode;
use pkcs8::pkcs5::EncryptionScheme;
use pkcs8::pkcs5::pbes2::Kdf;

use super::*;

const DIGITS: &str = "1111111111111111111111111111111111111111111111111111111111111111";
const X_AND_Y: &str = "4f355bdcb7cc0af728ef3cceb9615d90684bb5b2ca5f859ab0f0b704075871aa\
                       385b6b1b8ead809ca67454d9683fcf2ba03456d6fe2c4abe2b07f0fbdbb2f1c1";
const PASSWORD: &str = "123456";

macro_rules! file {
    ($name:literal) => {
        (include_bytes!(concat!("../testdata/", $name)) as &[u8], $name)
    };
}

const ENCRYPTED: [(&[u8], &str); 6] = [
    file!("encrypted-aes.pem"),
    file!("encrypted-des3-sha1.pem"),
    file!("encrypted-scrypt.pem"),
    file!("pbe-sha1-3des.p12"),
    file!("pbes2.p12"),
    file!("java.p12"),
];

fn expected() -> PublicKey {
    PublicKey::read(X_AND_Y).unwrap()
}

#[test]
fn private_keys_are_read_in_every_form() {
    let with_parameters = [
        "-----BEGIN EC PARAMETERS-----\nBgUrgQQACg==\n-----END EC PARAMETERS-----\n",
        &text(file!("sec1.pem")),
    ]
    .concat();
    let forms = [
        DIGITS.into(),
        format!("0x{DIGITS}\n"),
        format!("\u{feff} {DIGITS}\r\n"),
        text(file!("pkcs8.pem")),
        text(file!("sec1.pem")),
        text(file!("pkcs8.pem")).replace('\n', "\r\n"),
        with_parameters,
    ];
    for form in forms {
        assert_eq!(PrivateKey::read(&form, None).unwrap().public_key(), expected(), "{form}");
        assert_eq!(PrivateKey::read(&form, Some("not needed")).unwrap().public_key(), expected());
    }
}

#[test]
fn encrypted_keys_are_read_with_their_password_only() {
    for (bytes, name) in ENCRYPTED {
        let key = PrivateKey::read(bytes, Some(PASSWORD)).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(key.public_key(), expected(), "{name}");
        for password in [None, Some(""), Some("1234567"), Some("größe 📨")] {
            let error = PrivateKey::read(bytes, password).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::KeyEncrypted, "{name} {password:?}: {error}");
            assert_eq!(error.message().contains("give its password"), password.is_none(), "{error}");
        }
    }
    let (bytes, _) = file!("encrypted-before-pkcs8.pem");
    let error = PrivateKey::read(bytes, Some(PASSWORD)).unwrap_err();
    assert!(
        error.kind() == ErrorKind::KeyEncrypted && error.message().contains("openssl pkcs8 -topk8"),
        "{error}"
    );
}

/// Returns the key of a file with another key derivation stated.
fn with_kdf(pem: &str, change: impl FnOnce(&mut Kdf)) -> Vec<u8> {
    let der = pem::sections(pem).remove(0).der.unwrap();
    let mut info = EncryptedPrivateKeyInfoRef::try_from(&der[..]).unwrap();
    let EncryptionScheme::Pbes2(parameters) = &mut info.encryption_algorithm else { panic!("not PBES2") };
    change(&mut parameters.kdf);
    info.to_der().unwrap()
}

#[test]
fn work_that_a_file_asks_for_is_bounded() {
    let scrypt = |cost, block, parallel| {
        with_kdf(&text(file!("encrypted-scrypt.pem")), |kdf| {
            let Kdf::Scrypt(scrypt) = kdf else { panic!("not scrypt") };
            (scrypt.cost_parameter, scrypt.block_size, scrypt.parallelization) = (cost, block, parallel);
        })
    };
    let pbkdf2 = |iterations| {
        with_kdf(&text(file!("encrypted-aes.pem")), |kdf| {
            let Kdf::Pbkdf2(pbkdf2) = kdf else { panic!("not PBKDF2") };
            pbkdf2.iteration_count = iterations;
        })
    };
    for same in [scrypt(16_384, 8, 1), pbkdf2(2048)] {
        assert_eq!(PrivateKey::read(same, Some(PASSWORD)).unwrap().public_key(), expected());
    }
    let much = [
        scrypt(0, 8, 1),
        scrypt(1, 8, 1),
        scrypt(16_383, 8, 1),
        scrypt(1 << 19, 8, 1),
        scrypt(1 << 63, 8, 1),
        scrypt(16_384, u16::MAX, 1),
        scrypt(16_384, 8, u16::MAX),
        pbkdf2(0),
        pbkdf2(10_000_001),
        pbkdf2(u32::MAX),
    ];
    for der in much {
        let error = PrivateKey::read(der, Some(PASSWORD)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::CredentialsInvalid, "{error}");
        assert!(error.message().contains("amount of work"), "{error}");
    }
}

#[test]
fn public_keys_are_read_in_every_form() {
    let forms = [
        X_AND_Y.to_owned(),
        format!("04{X_AND_Y}"),
        format!("0x04{}", X_AND_Y.to_uppercase()),
        text(file!("public.pem")),
    ];
    for form in forms {
        assert_eq!(PublicKey::read(&form).unwrap().to_hex(), format!("04{X_AND_Y}"), "{form}");
        assert_eq!(form.parse::<PublicKey>().unwrap(), expected());
    }
}

#[test]
fn keys_that_begin_with_04_are_not_confused_with_the_mark() {
    // The first of these keys whose X begins with 04.
    let key = (1u64..)
        .map(|number| PrivateKey::read(format!("{number:064x}"), None).unwrap())
        .find(|key| !key.public_key().works_with_java_sdk())
        .unwrap();
    let hex = key.public_key().to_hex();
    assert!(hex.starts_with("0404"));
    assert_eq!(PublicKey::read(&hex).unwrap(), key.public_key());
    assert_eq!(PublicKey::read(&hex[2..]).unwrap(), key.public_key());
}

#[test]
fn keys_are_written_as_they_are_read() {
    let key = PrivateKey::read(DIGITS, None).unwrap();
    assert_eq!(*key.to_pem().unwrap(), text(file!("pkcs8.pem")));
    assert_eq!(key.public_key().to_pem().unwrap(), text(file!("public.pem")));
    let encrypted = key.to_encrypted_pem("größe").unwrap();
    assert!(encrypted.starts_with("-----BEGIN ENCRYPTED PRIVATE KEY-----\n"));
    assert_eq!(PrivateKey::read(&*encrypted, Some("größe")).unwrap().public_key(), expected());
    assert_eq!(PrivateKey::read(&*encrypted, None).unwrap_err().kind(), ErrorKind::KeyEncrypted);
    assert_eq!(key.to_encrypted_pem("").unwrap_err().kind(), ErrorKind::InvalidArgument);
}

#[test]
fn what_is_no_private_key_is_refused_with_the_reason() {
    let not_reduced = "f".repeat(64);
    let cases: [(&[u8], &str); 22] = [
        (b" \n", "is empty"),
        (b"orders.pem", "is the name of a file: give what the file contains (64 hex digits, PEM or PKCS#12)"),
        (b"/etc/amop/ORDERS.P12\n", "is the name of a file"),
        (b"11", "has 2 hex digits"),
        (b"hello", "in no form that is known"),
        (&[0xff, 0xfe, 0], "in no form that is known"),
        (not_reduced.as_bytes(), "not the number of a key"),
        (&[b'0'; 64], "not the number of a key"),
        (X_AND_Y.as_bytes(), "is a public key"),
        (file!("public.pem").0, "is a public key"),
        (file!("certificate.pem").0, "only a certificate"),
        (file!("sm2-pkcs8.pem").0, "is an SM2 key"),
        (file!("sm2-sec1.pem").0, "is an SM2 key"),
        (file!("p256-pkcs8.pem").0, "on another curve"),
        (file!("p256-sec1.pem").0, "on another curve"),
        (file!("explicit-pkcs8.pem").0, "names no curve"),
        (file!("explicit-sec1.pem").0, "names no curve"),
        (b"-----BEGIN RSA PRIVATE KEY-----\nMAA=\n-----END RSA PRIVATE KEY-----\n", "an RSA key"),
        (b"-----BEGIN PRIVATE KEY-----\nMAA=\n-----END PRIVATE KEY-----\n", "is damaged"),
        (b"-----BEGIN PRIVATE KEY-----\nM", "is damaged"),
        (&file!("pbes2.p12").0[..200], "is damaged PKCS#12"),
        (b"\x30\x03\x02\x01\x03", "is damaged PKCS#12"),
    ];
    for (bytes, why) in cases {
        let error = PrivateKey::read(bytes, Some(PASSWORD)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::CredentialsInvalid, "{error}");
        assert!(error.message().contains(why), "{error}, expected {why:?}");
    }
}

#[test]
fn what_is_no_public_key_is_refused_with_the_reason() {
    let off_the_curve = format!("04{}", "1".repeat(128));
    let odd = format!("05{X_AND_Y}");
    let cases: [(&[u8], &str); 11] = [
        (b"", "is empty"),
        (
            b"orders.pem.pub",
            "is the name of a file: give what the file contains (128 or 130 hex digits, or PEM)",
        ),
        (off_the_curve.as_bytes(), "not a point"),
        (odd.as_bytes(), "has 130 hex digits"),
        (DIGITS.as_bytes(), "holds a private key"),
        (file!("pkcs8.pem").0, "holds a private key"),
        (file!("pbes2.p12").0, "holds a private key"),
        (file!("certificate.pem").0, "only a certificate"),
        (file!("sm2-public.pem").0, "is an SM2 key"),
        (file!("p256-public.pem").0, "on another curve"),
        (b"-----BEGIN PUBLIC KEY-----\nMAA=\n-----END PUBLIC KEY-----\n", "is damaged"),
    ];
    for (bytes, why) in cases {
        let error = PublicKey::read(bytes).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::CredentialsInvalid, "{error}");
        assert!(error.message().contains(why), "{error}, expected {why:?}");
    }
}

#[test]
fn files_are_read_and_named_in_errors() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("key.pem");
    let error = PrivateKey::from_file(&path, None).unwrap_err();
    assert!(error.kind() == ErrorKind::CredentialsNotFound && error.message().contains("key.pem"), "{error}");
    std::fs::write(&path, "secret").unwrap();
    let error = PrivateKey::from_file(&path, None).unwrap_err();
    assert!(error.message().contains("key.pem") && !error.message().contains("secret"), "{error}");
    std::fs::write(&path, vec![b'0'; 1024 * 1024 + 1]).unwrap();
    assert!(PublicKey::from_file(&path).unwrap_err().message().contains("1 MiB"));
    std::fs::write(&path, DIGITS).unwrap();
    assert_eq!(PrivateKey::from_file(&path, None).unwrap().public_key(), expected());
}

#[test]
fn damaged_files_never_panic() {
    for (bytes, _) in
        ENCRYPTED.into_iter().chain([file!("pkcs8.pem"), file!("sec1.pem"), file!("public.pem")])
    {
        for len in (0..bytes.len()).step_by(7) {
            let _ = PrivateKey::read(&bytes[..len], Some(PASSWORD));
            let _ = PublicKey::read(&bytes[..len]);
        }
    }
}

fn text((bytes, _): (&[u8], &str)) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}
