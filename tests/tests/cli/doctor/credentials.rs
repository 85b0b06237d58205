//! Problems of the credentials themselves.

use std::fs::{self, File};
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use amop_devnet::chain::{Chain, ChainOptions, Identity, LeafOptions, Period, Role, Sent};

use super::diagnosis::Diagnosis;
use super::openssl::{openssl, write};
use crate::amop::Place;

/// Nodes, and a folder `own` with credentials of their chain, to be changed by the test.
struct Case {
    place: Place,
}

impl Case {
    fn new() -> Case {
        let case = Case { place: Place::with_nodes() };
        case.put(&case.sdk(&LeafOptions::default()));
        case
    }

    fn sdk(&self, options: &LeafOptions) -> Identity {
        self.place.devnet().chain().issue(Role::Sdk, "sdk", options).unwrap()
    }

    fn put(&self, identity: &Identity) {
        write(&self.folder(), "sdk", identity);
    }

    fn folder(&self) -> PathBuf {
        self.place.folder().join("own")
    }

    fn diagnosis(&self) -> Diagnosis {
        Diagnosis::of(&self.place, &self.place.endpoint(0), &["--credentials", "own"])
    }
}

#[test]
fn credentials_of_the_chain_work() {
    let diagnosis = Case::new().diagnosis();
    diagnosis.works();
    diagnosis.is_ok("credentials", "CN=sdk");
}

#[test]
fn no_credentials() {
    let place = Place::with_nodes();
    let diagnosis = Diagnosis::of(&place, &place.endpoint(0), &["--credentials", "nowhere"]);
    diagnosis.is("credentials", 3, "no-credentials", "nowhere: no such folder");
    diagnosis.is_ok("tls", "secp256k1");
    diagnosis.is_ok("certificate", "CN=node0");
}

#[test]
fn node_key() {
    let case = Case::new();
    for (from, to) in [("sdk.crt", "node.crt"), ("sdk.key", "node.key")] {
        fs::rename(case.folder().join(from), case.folder().join(to)).unwrap();
    }
    case.diagnosis().is("credentials", 3, "no-credentials", "no sdk.crt, no sdk.key");
    let named = ["--credentials", "own/node.crt"];
    let diagnosis = Diagnosis::of(&case.place, &case.place.endpoint(0), &named);
    diagnosis.works_with_note("credentials", "node-key", "node.crt");
}

#[test]
fn wrong_format() {
    let case = Case::new();
    openssl(&case.folder(), "x509 -in sdk.crt -outform DER -out sdk.der");
    fs::rename(case.folder().join("sdk.der"), case.folder().join("sdk.crt")).unwrap();
    case.diagnosis().is("credentials", 3, "wrong-format", "is DER, not PEM");
}

#[test]
fn encrypted_key() {
    let case = Case::new();
    openssl(&case.folder(), "pkey -in sdk.key -aes256 -passout pass:secret -out encrypted.key");
    fs::rename(case.folder().join("encrypted.key"), case.folder().join("sdk.key")).unwrap();
    case.diagnosis().is("credentials", 3, "encrypted-key", "sdk.key is encrypted");
}

#[test]
fn key_mismatch() {
    let case = Case::new();
    fs::write(case.folder().join("sdk.key"), case.sdk(&LeafOptions::default()).key_pem()).unwrap();
    case.diagnosis().is("credentials", 3, "key-mismatch", "is not the private key");
}

#[test]
fn certificate_expired() {
    let case = Case::new();
    case.put(&case.sdk(&LeafOptions { period: Period::expired(), ..LeafOptions::default() }));
    case.diagnosis().is("credentials", 3, "certificate-expired", "is expired");
}

#[test]
fn certificate_not_yet_valid() {
    let case = Case::new();
    case.put(&case.sdk(&LeafOptions { period: Period::not_yet_valid(), ..LeafOptions::default() }));
    case.diagnosis().is("credentials", 3, "certificate-not-yet-valid", "is not valid yet");
}

#[test]
fn clock_off() {
    let case = Case::new();
    case.put(&case.sdk(&LeafOptions { period: Period::not_yet_valid(), ..LeafOptions::default() }));
    // The file was written tomorrow, so the clock must be wrong.
    let file = File::options().append(true).open(case.folder().join("sdk.crt")).unwrap();
    file.set_modified(SystemTime::now() + Duration::from_secs(24 * 3600)).unwrap();
    case.diagnosis().is("credentials", 3, "clock-off", "was written later");
}

#[test]
fn agency_missing() {
    let case = Case::new();
    case.put(&case.sdk(&LeafOptions { sent: Sent::LeafOnly, ..LeafOptions::default() }));
    case.diagnosis().is("credentials", 3, "agency-missing", "CN=agency");
}

#[test]
fn mixed_chains() {
    let case = Case::new();
    let other = Chain::mint(&ChainOptions::default()).unwrap();
    let own = other.issue(Role::Sdk, "sdk", &LeafOptions::default()).unwrap();
    // Certificate and key of another chain, and the CA of the nodes.
    case.put(&own.trusting(&case.place.devnet().chain().ca_pem().unwrap()));
    let diagnosis = case.diagnosis();
    diagnosis.is("credentials", 3, "mixed-chains", "do not belong together");
}
