//! What the code of a protected record covers besides the content.

/// Sequence number, type, version and length of the content.
pub(super) type Associated = [u8; 13];

/// Returns what the code of a record covers besides its content.
pub(super) fn associated(sequence: u64, kind: u8, version: [u8; 2], length: usize) -> Associated {
    let mut associated = [0; 13];
    associated[..8].copy_from_slice(&sequence.to_be_bytes());
    associated[8] = kind;
    associated[9..11].copy_from_slice(&version);
    // A protected record is shorter than 2^16 bytes, so its content is too.
    associated[11..].copy_from_slice(&(length as u16).to_be_bytes());
    associated
}
