//! CA, certificate chain and key: anything at all, and good ones spoilt in one place of their text or of their DER.
#![no_main]

use std::sync::LazyLock;

use amop_devnet::chain::{Chain, ChainOptions, LeafOptions, Role};
use amop_tests::invariants;
use libfuzzer_sys::arbitrary::{self, Arbitrary};
use libfuzzer_sys::fuzz_target;
use x509_cert::der::pem::{LineEnding, decode_vec, encode_string};

#[derive(Arbitrary, Debug)]
enum Input<'a> {
    /// Three files as they come.
    Raw { ca: &'a [u8], cert: &'a [u8], key: &'a [u8] },
    /// A good set with one file's text changed.
    Text { file: File, change: Change<'a> },
    /// A good set with the DER of one file's first PEM block changed.
    Der { file: File, change: Change<'a> },
}

#[derive(Arbitrary, Clone, Copy, Debug)]
enum File {
    Ca,
    Cert,
    Key,
}

#[derive(Arbitrary, Debug)]
struct Change<'a> {
    at: u16,
    remove: u8,
    insert: &'a [u8],
}

impl Change<'_> {
    fn apply(&self, bytes: &mut Vec<u8>) {
        let from = usize::from(self.at) % (bytes.len() + 1);
        let to = (from + usize::from(self.remove)).min(bytes.len());
        bytes.splice(from..to, self.insert.iter().copied());
    }
}

/// CA, certificate chain and key of an SDK.
static GOOD: LazyLock<[Vec<u8>; 3]> = LazyLock::new(|| {
    let chain = Chain::mint(&ChainOptions::default()).expect("the defaults are good");
    let sdk = chain.issue(Role::Sdk, "sdk", &LeafOptions::default()).expect("the defaults are good");
    [sdk.ca_pem(), sdk.certificate_pem(), sdk.key_pem()].map(|pem| pem.as_bytes().to_vec())
});

/// Changes the DER of the first block; the blocks after it stay.
fn change_der(pem: &[u8], change: &Change<'_>) -> Vec<u8> {
    const END: &[u8] = b"-----END";
    let end = pem.windows(END.len()).position(|window| window == END).expect("a PEM block");
    let end = end + pem[end..].iter().position(|&byte| byte == b'\n').expect("a last line") + 1;
    let (label, mut der) = decode_vec(&pem[..end]).expect("a PEM block");
    change.apply(&mut der);
    let mut changed = encode_string(label, LineEnding::LF, &der).expect("a short block").into_bytes();
    changed.extend_from_slice(&pem[end..]);
    changed
}

fuzz_target!(|input: Input| {
    let mut files = GOOD.clone();
    match input {
        Input::Raw { ca, cert, key } => files = [ca, cert, key].map(<[u8]>::to_vec),
        Input::Text { file, change } => change.apply(&mut files[file as usize]),
        Input::Der { file, change } => files[file as usize] = change_der(&files[file as usize], &change),
    }
    let [ca, cert, key] = files;
    invariants::credentials(&ca, &cert, &key);
});
