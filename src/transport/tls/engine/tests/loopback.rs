//! Both roles against each other.

use super::super::mode::EngineMode;
use super::super::suite::{RSA_AES_128_GCM, RSA_AES_256_GCM, SM2_AGREEMENT, SM2_ENCRYPTION, Suite};
use super::fixture::*;

/// Every mode with every suite.
const ALL: [(EngineMode, &[&Suite]); 6] = [
    (EngineMode::StaticRsa, &[&RSA_AES_256_GCM]),
    (EngineMode::StaticRsa, &[&RSA_AES_128_GCM]),
    (EngineMode::GmTls12, &[&SM2_AGREEMENT]),
    (EngineMode::GmTls12, &[&SM2_ENCRYPTION]),
    (EngineMode::Tlcp, &[&SM2_ENCRYPTION]),
    (EngineMode::Tlcp, &[&SM2_AGREEMENT]),
];

#[test]
fn both_roles_exchange_data_with_every_suite() {
    for (mode, suites) in ALL {
        let mut config = client_config(mode);
        config.suites = suites;
        let (mut client, mut server) = open(config, server_config(mode));
        for length in [0, 1, 15, 16, 17, 255, 256, 1000, 1 << 14] {
            let data = vec![7; length];
            assert!(carry(&mut client, &mut server, &data) == data, "{mode:?} {suites:?} {length}");
            assert!(carry(&mut server, &mut client, &data) == data, "{mode:?} {suites:?} {length}");
        }
    }
}
