use std::cell::Cell;

use super::*;
use crate::transport::tls::engine::random::SystemRandom;

thread_local! {
    /// How often the compression function ran on this thread.
    pub(super) static COMPRESSIONS: Cell<usize> = const { Cell::new(0) };
}

fn cbc() -> Cbc {
    Cbc::new(&[7; 16], &[9; 32])
}

fn associated(length: usize) -> Associated {
    let mut associated = [3; ASSOCIATED];
    associated[11..].copy_from_slice(&(length as u16).to_be_bytes());
    associated
}

/// Returns the body of a record with `content` and as many bytes of padding as are given, each of value `padding - 1`.
fn sealed(content: &[u8], padding: usize) -> Vec<u8> {
    let mut mac = Hmac::<Sm3>::new_from_slice(&[9; 32]).unwrap();
    mac.update(&associated(content.len()));
    mac.update(content);
    let mut plain = content.to_vec();
    plain.extend_from_slice(&mac.finalize().into_bytes());
    plain.resize(plain.len() + padding, (padding - 1) as u8);
    encrypted(&plain)
}

/// Returns the body of a record that decrypts to `plain`.
fn encrypted(plain: &[u8]) -> Vec<u8> {
    assert!(plain.len().is_multiple_of(BLOCK));
    let mut body = vec![5; BLOCK];
    body.extend_from_slice(plain);
    let (blocks, _) = Array::<u8, U16>::slice_as_chunks_mut(&mut body[BLOCK..]);
    let cipher = Sm4::new_from_slice(&[7; 16]).unwrap();
    cbc::Encryptor::inner_iv_init(cipher, &[5; 16].into()).encrypt_blocks(blocks);
    body
}

/// Opens a record and returns the content, and how often the compression function ran.
fn opened(mut body: Vec<u8>) -> (Option<Vec<u8>>, usize) {
    let cbc = cbc();
    let before = COMPRESSIONS.get();
    let content = cbc.open(associated, &mut body);
    (content.map(|content| body[content].to_vec()), COMPRESSIONS.get() - before)
}

/// Lengths of what is encrypted: small ones, those around a block of the hash, and the longest.
fn lengths() -> impl Iterator<Item = usize> {
    (48..=400).step_by(BLOCK).chain([1024, (1 << 14) + 48])
}

#[test]
fn every_padding_is_opened_with_the_same_number_of_hash_steps() {
    for total in lengths() {
        let longest = total - MAC - 1;
        let mut counts = Vec::new();
        // All paddings of short records, some of long ones.
        for padding in (1..=(longest + 1).min(256)).step_by(1 + total / 500) {
            let content: Vec<u8> = (0..total - MAC - padding).map(|at| at as u8).collect();
            let (found, count) = opened(sealed(&content, padding));
            assert!(found == Some(content), "{total} {padding}");
            counts.push(count);
        }
        for bad in bad_records(total) {
            let (found, count) = opened(bad);
            assert!(found.is_none(), "{total}");
            counts.push(count);
        }
        assert!(counts.iter().all(|count| *count == counts[0]), "{total}: {counts:?}");
    }
}

/// Returns records that must be refused: wrong padding of each kind, and a wrong code.
fn bad_records(total: usize) -> Vec<Vec<u8>> {
    let mut bad = Vec::new();
    // The padding claims to be longer than the record.
    for last in (total - MAC..256).step_by(7).chain([255]).filter(|last| *last >= total - MAC) {
        let mut plain = vec![last as u8; total];
        plain[0] = 1;
        bad.push(encrypted(&plain));
    }
    // One byte of the padding is wrong, the code is right.
    let longest = (total - MAC).min(256);
    for padding in [2, 16, longest] {
        let content = vec![1; total - MAC - padding];
        for wrong in [0, 1, padding / 2, padding - 2] {
            let mut plain = content.clone();
            plain.extend_from_slice(&code(&content));
            let start = plain.len();
            plain.resize(total, (padding - 1) as u8);
            plain[start + wrong.min(padding - 2)] ^= 0x80;
            bad.push(encrypted(&plain));
        }
    }
    // Each byte of the code is wrong, the padding is right.
    for at in (0..MAC).step_by(5) {
        let content = vec![1; total - MAC - 1];
        let mut plain = content.clone();
        plain.extend_from_slice(&code(&content));
        plain[content.len() + at] ^= 1;
        plain.push(0);
        bad.push(encrypted(&plain));
    }
    bad
}

fn code(content: &[u8]) -> Vec<u8> {
    let mut mac = Hmac::<Sm3>::new_from_slice(&[9; 32]).unwrap();
    mac.update(&associated(content.len()));
    mac.update(content);
    mac.finalize().into_bytes().to_vec()
}

#[test]
fn what_is_sealed_is_opened_and_any_changed_byte_is_refused() {
    for length in (0..70).chain([255, 256]) {
        let content = vec![length as u8; length];
        let mut body = Vec::new();
        let cbc = cbc();
        cbc.start(&SystemRandom, &mut body).unwrap();
        body.extend_from_slice(&content);
        cbc.seal(&associated(length), &mut body, 0);
        for at in 0..body.len() {
            let mut bad = body.clone();
            bad[at] ^= 1 << (at % 8);
            assert!(opened(bad).0.is_none(), "{length} {at}");
        }
        assert!(opened(body).0 == Some(content), "{length}");
    }
}

#[test]
fn impossible_lengths_are_refused() {
    for length in [0, 1, 16, 32, 48, 63, 65, 79] {
        assert!(opened(vec![1; length]).0.is_none(), "{length}");
    }
    assert!(opened(sealed(&[], 16)).0.is_some(), "64 bytes is the shortest");
}

#[test]
fn initialisation_vectors_differ() {
    let (mut first, mut second) = (Vec::new(), Vec::new());
    cbc().start(&SystemRandom, &mut first).unwrap();
    cbc().start(&SystemRandom, &mut second).unwrap();
    assert_ne!(first, second);
}
