//! `amop keys`, and the keys of private topics as options of other verbs.

use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use amop_tests::program::{Ended, Program};

use crate::amop::{Place, masked};

/// The public half of the keys in the library's test data.
const PUBLIC_KEY: &str = "044f355bdcb7cc0af728ef3cceb9615d90684bb5b2ca5f859ab0f0b704075871aa\
                          385b6b1b8ead809ca67454d9683fcf2ba03456d6fe2c4abe2b07f0fbdbb2f1c1";

/// Returns the path of a file of the library's test data, written by OpenSSL and Java.
fn data(name: &str) -> String {
    format!("{}/../src/private/testdata/{name}", env!("CARGO_MANIFEST_DIR"))
}

/// Runs `amop` with a password in the environment.
fn run_with_password(place: &Place, arguments: &[&str], password: &str) -> Ended {
    let mut command = Command::new(env!("CARGO_BIN_EXE_test-amop"));
    command.args(arguments).current_dir(place.folder()).env("AMOP_KEY_PASSWORD", password);
    Program::spawn(command, b"").end()
}

fn read(place: &Place, file: &str) -> String {
    std::fs::read_to_string(place.folder().join(file)).unwrap()
}

fn mode(place: &Place, file: &str) -> u32 {
    std::fs::metadata(place.folder().join(file)).unwrap().permissions().mode() & 0o777
}

/// Makes a key, and returns its public half as digits.
fn new_key(place: &Place, file: &str) -> String {
    let ended = place.run(&["keys", "new", file]);
    assert_eq!((ended.code, ended.stdout.len()), (0, 1), "{ended:?}");
    ended.stdout[0].clone()
}

#[test]
fn new_key_is_readable_by_its_owner_only() {
    let place = Place::empty();
    let public_key = new_key(&place, "orders.pem");
    assert_eq!((public_key.len(), &public_key[..2]), (130, "04"));
    assert_ne!(&public_key[2..4], "04", "java-sdk can't verify such a key");
    assert_eq!((mode(&place, "orders.pem"), mode(&place, "orders.pem.pub") & 0o600), (0o600, 0o600));
    assert!(read(&place, "orders.pem").starts_with("-----BEGIN PRIVATE KEY-----\n"));
    assert!(read(&place, "orders.pem.pub").starts_with("-----BEGIN PUBLIC KEY-----\n"));
    for file in ["orders.pem", "orders.pem.pub"] {
        let ended = place.run(&["keys", "show", file]);
        assert_eq!((ended.code, &ended.stdout[0]), (0, &public_key), "{file}: {ended:?}");
        assert!(ended.stdout.concat().contains("BEGIN PUBLIC KEY"), "{ended:?}");
        assert!(!format!("{ended:?}").contains("java-sdk"), "{ended:?}");
    }
}

#[test]
fn new_key_overwrites_no_file() {
    let place = Place::empty();
    new_key(&place, "orders.pem");
    let before = [read(&place, "orders.pem"), read(&place, "orders.pem.pub")];
    let ended = place.run(&["keys", "new", "orders.pem"]);
    assert_ne!(ended.code, 0);
    assert!(ended.stderr.concat().contains("not overwritten"), "{ended:?}");
    // Nor where only the private key is there: no public key of another one is left beside it.
    std::fs::remove_file(place.folder().join("orders.pem.pub")).unwrap();
    assert_ne!(place.run(&["keys", "new", "orders.pem"]).code, 0);
    assert!(!place.folder().join("orders.pem.pub").exists());
    assert_eq!(read(&place, "orders.pem"), before[0]);
    let ended = place.run(&["keys", "convert", "orders.pem", "orders.pem"]);
    assert!(ended.code != 0 && ended.stderr.concat().contains("not overwritten"), "{ended:?}");
    assert_eq!(read(&place, "orders.pem"), before[0]);
}

#[test]
fn encrypted_key_is_read_with_password_of_file_or_environment() {
    let place = Place::empty();
    std::fs::write(place.folder().join("password"), "größe 1\r\nsecond line\n").unwrap();
    std::fs::write(place.folder().join("wrong"), "second line\n").unwrap();
    let ended = place.run(&["keys", "new", "orders.pem", "--encrypt", "--password-file", "password"]);
    assert_eq!(ended.code, 0, "{ended:?}");
    let public_key = &ended.stdout[0];
    assert!(read(&place, "orders.pem").starts_with("-----BEGIN ENCRYPTED PRIVATE KEY-----\n"));
    assert_eq!(mode(&place, "orders.pem"), 0o600);
    let show = ["keys", "show", "orders.pem"];
    for ended in [
        place.run(&["keys", "show", "orders.pem", "--password-file", "password"]),
        run_with_password(&place, &show, "größe 1"),
        // The option precedes the environment.
        run_with_password(&place, &[&show[..], &["--password-file", "password"]].concat(), "wrong"),
    ] {
        assert_eq!((ended.code, &ended.stdout[0]), (0, public_key), "{ended:?}");
    }
    for ended in [
        place.run(&show),
        place.run(&["keys", "show", "orders.pem", "--password-file", "wrong"]),
        run_with_password(&place, &show, "wrong"),
    ] {
        assert_eq!((ended.code, ended.stdout.len()), (3, 0), "{ended:?}");
        assert!(ended.stderr.concat().contains("password"), "{ended:?}");
    }
    let ended = place.run(&["keys", "new", "other.pem", "--encrypt"]);
    assert_eq!(ended.code, 2, "{ended:?}");
    assert!(ended.stderr.concat().contains("a password for the new file"), "{ended:?}");
    assert!(!place.folder().join("other.pem").exists());
}

#[test]
fn converted_key_is_encrypted_with_a_password_of_its_own() {
    let place = Place::empty();
    for password in ["old", "new"] {
        std::fs::write(place.folder().join(password), format!("{password}\n")).unwrap();
    }
    let ended = place.run(&["keys", "new", "old.pem", "--encrypt", "--password-file", "old"]);
    let public_key = &ended.stdout[0];
    let convert = ["keys", "convert", "old.pem", "new.pem", "--encrypt", "--password-file", "old"];
    let ended = place.run(&convert);
    assert_eq!(ended.code, 2, "the old password is not used for the new file: {ended:?}");
    assert!(!place.folder().join("new.pem").exists());
    let ended = place.run(&[&convert[..], &["--new-password-file", "new"]].concat());
    assert_eq!((ended.code, &ended.stdout[0]), (0, public_key), "{ended:?}");
    for (password, code) in [("new", 0), ("old", 3)] {
        let ended = place.run(&["keys", "show", "new.pem", "--password-file", password]);
        assert_eq!(ended.code, code, "{password}: {ended:?}");
    }
    let ended = place.run(&["keys", "convert", "new.pem", "x.pem", "--new-password-file", "new"]);
    assert!(ended.code == 2 && ended.stderr.concat().contains("--encrypt"), "{ended:?}");
}

#[test]
fn key_that_java_sdk_misreads_is_shown_with_a_warning() {
    // The public half of 45: its first coordinate begins with 04.
    let place = Place::empty();
    std::fs::write(place.folder().join("key.hex"), format!("{:064x}\n", 45)).unwrap();
    let ended = place.run(&["keys", "show", "key.hex"]);
    assert_eq!((ended.code, &ended.stdout[0][..6]), (0, "040493"), "{ended:?}");
    assert!(ended.stderr.concat().contains("java-sdk can't verify this key"), "{ended:?}");
    let ended = place.run(&["keys", "show", "key.hex", "--json"]);
    assert!(ended.stdout[0].contains(r#""works_with_java_sdk":false"#), "{ended:?}");
}

#[test]
fn keys_of_openssl_and_java_are_converted_to_every_form() {
    let place = Place::empty();
    std::fs::write(place.folder().join("password"), "123456\n").unwrap();
    let sources =
        ["java.p12", "pbe-sha1-3des.p12", "pbes2.p12", "encrypted-aes.pem", "encrypted-des3-sha1.pem"];
    let forms = [("pem", 0o600), ("hex", 0o600), ("public-pem", 0o644), ("public-hex", 0o644)];
    for source in sources {
        for (form, expected) in forms {
            let file = format!("{source}.{form}");
            let convert =
                ["keys", "convert", &data(source), &file, "--to", form, "--password-file", "password"];
            let ended = place.run(&convert);
            assert_eq!(
                (ended.code, &ended.stdout[..]),
                (0, &[PUBLIC_KEY.to_owned()][..]),
                "{file}: {ended:?}"
            );
            // The umask may take permissions away.
            assert_eq!(mode(&place, &file) & !expected, 0, "{file}");
            assert_eq!(place.run(&["keys", "show", &file]).stdout[0], PUBLIC_KEY, "{file}");
        }
    }
    assert_eq!(read(&place, "java.p12.hex"), format!("{}\n", "11".repeat(32)));
    assert_eq!(read(&place, "java.p12.public-hex"), format!("{PUBLIC_KEY}\n"));
    let ended = place.run(&["keys", "convert", "java.p12.pem", "encrypted.hex", "--to", "hex", "--encrypt"]);
    assert_eq!(ended.code, 2, "{ended:?}");
}

#[test]
fn keys_on_other_curves_are_refused_with_the_reason() {
    let place = Place::empty();
    for file in ["sm2-pkcs8.pem", "sm2-sec1.pem", "sm2-public.pem"] {
        let ended = place.run(&["keys", "show", &data(file)]);
        assert_eq!((ended.code, ended.stdout.len()), (3, 0), "{file}: {ended:?}");
        let text = ended.stderr.concat();
        assert!(text.contains("SM2 key") && text.contains("secp256k1"), "{file}: {text}");
    }
    let ended = place.run(&["keys", "convert", &data("p256-pkcs8.pem"), "key.pem"]);
    assert!(ended.code == 3 && ended.stderr.concat().contains("secp256k1"), "{ended:?}");
    assert!(!place.folder().join("key.pem").exists());
}

#[test]
fn message_reaches_the_subscriber_that_holds_an_allowed_key() {
    let place = Place::with_nodes();
    let public_key = new_key(&place, "orders.pem");
    new_key(&place, "other.pem");
    let subscriber = place.start(&["subscribe", &place.endpoint(1), "orders", "--topic-key", "orders.pem"]);
    subscriber.error_line();
    let publish = ["publish", &place.endpoint(0), "orders", "hi", "--wait", "--allow"];
    for allowed in [&["orders.pem.pub"][..], &[&public_key], &["other.pem.pub", "--allow", &public_key[2..]]]
    {
        let ended = place.run(&[&publish[..], allowed].concat());
        assert_eq!(ended.code, 0, "{allowed:?}: {ended:?}");
        assert_eq!(masked(&subscriber.line()), "TIME unicast   hi");
    }
    let ended =
        place.run(&["broadcast", &place.endpoint(0), "orders", "all", "--wait", "--allow", "orders.pem.pub"]);
    assert_eq!(ended.code, 0, "{ended:?}");
    assert_eq!(masked(&subscriber.line()), "TIME broadcast all");
    // Without keys it is another topic.
    assert_eq!(place.run(&["publish", &place.endpoint(0), "orders", "hi"]).code, 6);
    assert_eq!(subscriber.interrupted().code, 0);
}

#[test]
fn service_with_another_key_is_not_reached() {
    let place = Place::with_nodes();
    new_key(&place, "orders.pem");
    new_key(&place, "other.pem");
    let service = place.start(&["serve", &place.endpoint(1), "orders", "--topic-key", "other.pem"]);
    service.error_line();
    let publish = ["publish", &place.endpoint(0), "orders", "hi", "--allow"];
    let ended = place.run(&[&publish[..], &["orders.pem.pub"]].concat());
    assert_eq!((ended.code, ended.stdout.len()), (6, 0), "{ended:?}");
    assert!(!format!("{ended:?}").contains("#!$"), "the wire name is not shown: {ended:?}");
    assert_eq!(service.interrupted().code, 0);
}

#[test]
fn subscriber_reads_an_encrypted_key() {
    let place = Place::with_nodes();
    let subscribe = ["subscribe", &place.endpoint(1), "orders", "--topic-key", &data("java.p12")];
    std::fs::write(place.folder().join("password"), "123456\n").unwrap();
    let ended = place.run(&subscribe);
    assert!(ended.code == 3 && ended.stderr.concat().contains("password"), "{ended:?}");
    let subscriber = place.start(&[&subscribe[..], &["--password-file", "password"]].concat());
    subscriber.error_line();
    let ended = place.run(&["publish", &place.endpoint(0), "orders", "hi", "--wait", "--allow", PUBLIC_KEY]);
    assert_eq!(ended.code, 0, "{ended:?}");
    assert_eq!(masked(&subscriber.line()), "TIME unicast   hi");
    assert_eq!(subscriber.interrupted().code, 0);
}

#[test]
fn unusable_keys_are_refused_before_anything_is_sent() {
    let place = Place::with_nodes();
    new_key(&place, "orders.pem");
    for (keys, code) in [
        (&["--allow", "nowhere.pub"][..], 3),
        (&["--allow", &"ab".repeat(64)], 3),
        (&["--allow", "orders.pem.pub", "--allow", &data("sm2-public.pem")], 3),
    ] {
        let ended = place.run(&[&["publish", &place.endpoint(0), "orders", "hi"], keys].concat());
        assert_eq!((ended.code, ended.stdout.len()), (code, 0), "{keys:?}: {ended:?}");
    }
    let ended = place.run(&["subscribe", &place.endpoint(1), "orders", "--topic-key", "orders.pem.pub"]);
    assert_eq!(ended.code, 3, "{ended:?}");
}
