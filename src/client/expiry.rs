//! Warnings before a certificate in use ends.

use std::collections::HashSet;
use std::sync::{Arc, Weak};
use std::time::{Duration, SystemTime};

use super::core::ClientCore;
use super::dialler::Changes;
use crate::delivery::{Event, EventHub};
use crate::transport::{Credentials, ParsedCertificate};
use crate::wall_clock::WallClock;

/// The longest time between two looks at the wall clock, which may be set.
const INTERVAL: Duration = Duration::from_secs(3600);

/// A certificate in use.
struct InUse<'a> {
    certificate: &'a ParsedCertificate,
    file: &'a str,
}

/// The certificates of which listeners were notified, by their encoding.
#[derive(Default)]
struct Warned(HashSet<Vec<u8>>);

/// Warns of the certificates in use until the client closes.
pub(super) async fn watch_certificates(core: Weak<ClientCore>, mut changes: Changes) {
    let mut warned = Warned::default();
    loop {
        let (mut closing, pause) = {
            let Some(core) = core.upgrade() else { return };
            let (clock, warning) = (&core.options.wall_clock, core.options.expiry_warning);
            let credentials = core.dialler.credentials();
            // Without TLS there are none, now and later.
            let Some(credentials) = credentials else { return };
            let pause = warned.check(&credentials, clock, warning, &core.delivery.events);
            (core.closing_signal.subscribe(), pause)
        };
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            changed = changes.next() => {
                if changed.is_err() {
                    return;
                }
            }
            // The sender ends with the client.
            _ = closing.wait_for(|closing| *closing) => return,
        }
    }
}

impl Warned {
    /// Emits events for the certificates that end soon. Returns when to check again.
    fn check(
        &mut self,
        credentials: &Credentials,
        clock: &WallClock,
        warning: Duration,
        events: &EventHub,
    ) -> Duration {
        let now = clock.now();
        let in_use = in_use(credentials);
        let (mut standing, mut new) = (Vec::new(), Vec::new());
        let mut pause = INTERVAL;
        let mut known = HashSet::new();
        for InUse { certificate, file } in in_use {
            let expires = certificate.not_after();
            let due = expires.checked_sub(warning).unwrap_or(SystemTime::UNIX_EPOCH);
            match due.duration_since(now) {
                Ok(wait) if !wait.is_zero() => pause = pause.min(wait),
                _ => {
                    let name: Arc<str> = format!("{} in {file}", certificate.subject_text()).into();
                    let event = Event::CertificateExpiring { certificate: name.clone(), expires };
                    let key = certificate.der.to_vec();
                    if known.insert(key.clone()) {
                        standing.push(event.clone());
                        if !self.0.contains(&key) {
                            tracing::warn!(certificate = %name, "a certificate ends soon ({})", certificate.period());
                            new.push(event);
                        }
                    }
                }
            }
        }
        self.0 = known;
        events.set_standing(standing, new);
        pause
    }
}

/// Returns the certificates in use, each once: the client's own, those between them and the CA, and the CAs. Not those of
/// `beside`, which most nodes don't use.
fn in_use(credentials: &Credentials) -> Vec<InUse<'_>> {
    let own =
        credentials.certificates().iter().map(|certificate| (certificate, credentials.certificate_name()));
    let encryption = credentials.encryption().into_iter().flat_map(|pair| {
        pair.certificates().iter().map(|certificate| (certificate, pair.certificate_name()))
    });
    let roots = credentials.ca().iter().map(|certificate| (certificate, credentials.ca_name()));
    // A root in the chain is no more than a copy of the CA.
    let own = own.enumerate().filter(|(at, (certificate, _))| *at == 0 || !certificate.is_self_issued());
    let own = own.map(|(_, certificate)| certificate);
    own.chain(encryption).chain(roots).map(|(certificate, file)| InUse { certificate, file }).collect()
}
