//! The functions of SM2 and the PRF for fixed inputs, as `tests/vectors/tls/fixed.txt` has them.

use sm2::SecretKey;

use super::super::prf::Hash;
use super::super::schedule::Premaster;
use super::super::sm2::{
    Agreement, identity_hash, point, point_bytes, sign, sign_hash, sm3, verifies, verifies_hash,
};
use super::fixture::vector_file;
use super::recording::unhex;

/// Returns the value behind a label.
fn fixed(label: &str) -> Vec<u8> {
    let text = String::from_utf8(vector_file("fixed.txt")).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix(label)).unwrap();
    unhex(line.rsplit([' ', ':']).next().unwrap())
}

fn key(byte: u8) -> SecretKey {
    SecretKey::from_slice(&[byte; 32]).unwrap()
}

/// Long-term and ephemeral keys of client and server.
fn keys() -> [SecretKey; 4] {
    [0x11, 0x22, 0x33, 0x44].map(key)
}

#[test]
fn points_and_identity_hashes_match() {
    let [client, client_ephemeral, server, server_ephemeral] = keys();
    for (label, key) in [
        ("client d (11 x32): P = ", &client),
        ("client r (22 x32): P = ", &client_ephemeral),
        ("server d (33 x32): P = ", &server),
        ("server r (44 x32): P = ", &server_ephemeral),
    ] {
        assert_eq!(point_bytes(&key.public_key()), fixed(label), "{label}");
    }
    assert_eq!(identity_hash(&client.public_key())[..], fixed("Z(client) = "));
    assert_eq!(identity_hash(&server.public_key())[..], fixed("Z(server) = "));
}

#[test]
fn both_sides_agree_in_either_order() {
    let [client, client_ephemeral, server, server_ephemeral] = keys();
    for (label, client_first) in [
        ("premaster, client's Z (2.x, TASSL 1.0.2o) first: ", true),
        ("premaster, server's Z (TLCP: TASSL 1.1.1b, Tongsuo) first: ", false),
    ] {
        let agree = |own, own_ephemeral, peer: &SecretKey, peer_ephemeral: &SecretKey, own_identity_first| {
            let mut secret = Premaster::new([0; 48]);
            Agreement {
                own,
                own_ephemeral,
                peer: &peer.public_key(),
                peer_ephemeral: &peer_ephemeral.public_key(),
                own_identity_first,
            }
            .derive(secret.as_mut())
            .unwrap();
            secret
        };
        let at_client = agree(&client, &client_ephemeral, &server, &server_ephemeral, client_first);
        let at_server = agree(&server, &server_ephemeral, &client, &client_ephemeral, !client_first);
        assert_eq!(at_client[..], fixed(label));
        assert_eq!(at_client, at_server);
    }
}

#[test]
fn pseudorandom_function_matches() {
    let seed = [[0xc1; 32], [0x51; 32]].concat();
    let mut master = [0; 48];
    Hash::Sm3.prf(&[0x55; 48], b"master secret", &seed, &mut master);
    assert_eq!(master[..], fixed("PRF-SM3(55 x48, \"master secret\", c1 x32 | 51 x32, 48) = "));
    let mut block = [0; 96];
    Hash::Sm3.prf(&master, b"key expansion", &[[0x51; 32], [0xc1; 32]].concat(), &mut block);
    assert_eq!(block[..], fixed("key block (96) = "));
    let mut finished = [0; 12];
    Hash::Sm3.prf(&master, b"client finished", &sm3(&[b"transcript"]), &mut finished);
    assert_eq!(finished[..], fixed("client finished over SM3(\"transcript\") = "));
}

#[test]
fn signatures_match_and_verify() {
    let key = key(0x11);
    let public = key.public_key();
    let (message, hash) = (b"message", sm3(&[b"message"]));
    let with_identity = sign(&key, message).unwrap();
    assert_eq!(with_identity, fixed("SM2 sign d=11x32, \"message\", with Z: "));
    let without = sign_hash(&key, &hash).unwrap();
    assert_eq!(without, fixed("SM2 sign d=11x32, e=SM3(\"message\"), no Z: "));

    assert!(verifies(&public, message, &with_identity) && verifies_hash(&public, &hash, &without));
    assert!(!verifies(&public, message, &without) && !verifies_hash(&public, &hash, &with_identity));
    assert!(!verifies(&public, b"Message", &with_identity));
    assert!(!verifies(&key_of_another(), message, &with_identity));
    for damaged in [&with_identity[..70], &[], &[&with_identity[..], &[0]].concat()] {
        assert!(!verifies(&public, message, damaged), "{damaged:02x?}");
    }
}

fn key_of_another() -> sm2::PublicKey {
    key(0x12).public_key()
}

#[test]
fn points_in_other_forms_or_off_the_curve_are_refused() {
    let good = point_bytes(&key(0x11).public_key());
    assert!(point(&good).is_some());
    let compressed = [&[0x02 + (good[64] & 1)], &good[1..33]].concat();
    let hybrid = [&[0x06 + (good[64] & 1)], &good[1..]].concat();
    let mut off_curve = good.clone();
    off_curve[64] ^= 1;
    let longer = [&good[..], &[0]].concat();
    let zero = [&[4][..], &[0; 64]].concat();
    let beyond_the_field = [&[4][..], &[0xff; 64]].concat();
    for bad in [&compressed, &hybrid, &off_curve, &longer, &zero, &beyond_the_field] {
        assert!(point(bad).is_none(), "{bad:02x?}");
    }
    for bad in [&[][..], &[0], &good[..64], &good[1..]] {
        assert!(point(bad).is_none(), "{bad:02x?}");
    }
}
