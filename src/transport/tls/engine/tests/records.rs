//! Records of both ciphers: order, limits, and the one failure.

use super::super::cbc::Cbc;
use super::super::fault::Fault;
use super::super::gcm::Gcm;
use super::super::random::SystemRandom;
use super::super::record::{Direction, HEADER, MAX_PLAIN, Protection, content};

const VERSION: [u8; 2] = [3, 3];

/// The ciphers: two directions with the same keys.
fn ciphers() -> Vec<(Direction, Direction)> {
    let gcm = |key_len| move || Protection::Gcm(Box::new(Gcm::new(&vec![1; key_len], &[2; 4])));
    let cbc = || Protection::Cbc(Box::new(Cbc::new(&[3; 16], &[4; 32])));
    let pair = |make: &dyn Fn() -> Protection| {
        let direction = || {
            let mut direction = Direction::new(VERSION);
            direction.protect(make());
            direction
        };
        (direction(), direction())
    };
    vec![pair(&gcm(16)), pair(&gcm(32)), pair(&cbc)]
}

fn seal(direction: &mut Direction, kind: u8, content: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    direction.seal(kind, &mut out, &SystemRandom, |out| out.extend_from_slice(content)).unwrap();
    assert_eq!(out[..3], [kind, VERSION[0], VERSION[1]]);
    assert_eq!(usize::from(u16::from_be_bytes([out[3], out[4]])), out.len() - HEADER);
    out
}

fn open(direction: &mut Direction, kind: u8, record: &[u8]) -> Result<Vec<u8>, Fault> {
    let mut body = record[HEADER..].to_vec();
    direction.open(kind, &mut body).map(|content| body[content].to_vec())
}

#[test]
fn records_are_opened_in_their_order_only() {
    for (mut write, mut read) in ciphers() {
        let records: Vec<_> =
            (0..3).map(|n| seal(&mut write, content::APPLICATION_DATA, &[n; 100])).collect();
        assert!(open(&mut read, content::APPLICATION_DATA, &records[1]).is_err(), "one is missing");
        assert_eq!(open(&mut read, content::APPLICATION_DATA, &records[0]).unwrap(), [0; 100]);
        assert!(open(&mut read, content::APPLICATION_DATA, &records[0]).is_err(), "it comes again");
        assert_eq!(open(&mut read, content::APPLICATION_DATA, &records[1]).unwrap(), [1; 100]);
        assert!(open(&mut read, content::ALERT, &records[2]).is_err(), "its type is another");
        assert_eq!(open(&mut read, content::APPLICATION_DATA, &records[2]).unwrap(), [2; 100]);
    }
}

#[test]
fn every_failure_is_the_same() {
    for (mut write, _) in ciphers() {
        let good = seal(&mut write, content::APPLICATION_DATA, &[1; 100]);
        let mut bad: Vec<Vec<u8>> = (HEADER..good.len()).map(|length| good[..length].to_vec()).collect();
        bad.extend((HEADER..good.len()).map(|at| {
            let mut bad = good.clone();
            bad[at] ^= 1;
            bad
        }));
        bad.push([&good[..], &[0; 16]].concat());
        for (_, mut read) in ciphers() {
            let expected = format!("{:?}", Fault::bad_record());
            for bad in &bad {
                let fault = open(&mut read, content::APPLICATION_DATA, bad).unwrap_err();
                assert_eq!(format!("{fault:?}"), expected);
            }
        }
    }
}

#[test]
fn content_that_is_too_long_is_neither_sent_nor_accepted() {
    for (mut write, mut read) in ciphers() {
        let longest = vec![1; MAX_PLAIN];
        let record = seal(&mut write, content::APPLICATION_DATA, &longest);
        assert!(open(&mut read, content::APPLICATION_DATA, &record).unwrap() == longest);

        let mut out = b"before".to_vec();
        let fill = |out: &mut Vec<u8>| out.resize(out.len() + MAX_PLAIN + 1, 0);
        assert!(write.seal(content::APPLICATION_DATA, &mut out, &SystemRandom, fill).is_err());
        assert_eq!(out, b"before");
    }
    let mut longer = Vec::new();
    let gcm = Gcm::new(&[1; 16], &[2; 4]);
    gcm.start(0, &mut longer);
    longer.resize(longer.len() + MAX_PLAIN + 1, 0);
    let mut associated = [0; 13];
    associated[8..].copy_from_slice(&[content::APPLICATION_DATA, 3, 3, 0x40, 0x01]);
    gcm.seal(&associated, &mut longer, 0).unwrap();
    let mut read = Direction::new(VERSION);
    read.protect(Protection::Gcm(Box::new(Gcm::new(&[1; 16], &[2; 4]))));
    let fault = read.open(content::APPLICATION_DATA, &mut longer).unwrap_err();
    assert_eq!(fault.alert.unwrap().0, 22);
}

#[test]
fn last_sequence_number_is_not_used() {
    for (mut write, mut read) in ciphers() {
        write.skip_to(u64::MAX - 1);
        read.skip_to(u64::MAX - 1);
        let record = seal(&mut write, content::APPLICATION_DATA, b"last");
        assert_eq!(open(&mut read, content::APPLICATION_DATA, &record).unwrap(), b"last");
        let mut out = Vec::new();
        assert!(write.seal(content::APPLICATION_DATA, &mut out, &SystemRandom, |_| {}).is_err());
        assert!(out.is_empty());
        assert!(open(&mut read, content::APPLICATION_DATA, &record).is_err());
    }
}
