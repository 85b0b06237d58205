//! The list of all findings of doctor: name for scripts, exit code, headline, advice.

use std::fmt::Write;

use crate::exit::Exit;

/// Makes the enum and its table from one list, so that they can't differ.
macro_rules! findings {
    ($($finding:ident: $exit:ident, $id:literal, $headline:literal, $advice:literal;)*) => {
        /// A finding. Findings with [`Exit::Done`] are notes: everything works in spite of them.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(super) enum Finding {
            $($finding,)*
        }

        impl Finding {
            const ALL: &[Finding] = &[$(Finding::$finding,)*];

            fn entry(self) -> Entry {
                match self {
                    $(Finding::$finding => {
                        Entry { id: $id, exit: Exit::$exit, headline: $headline, advice: $advice }
                    })*
                }
            }
        }
    };
}

/// The entry of a finding in the table.
struct Entry {
    id: &'static str,
    exit: Exit,
    headline: &'static str,
    advice: &'static str,
}

findings! {
    // The endpoint and TCP.
    BadEndpoint: Usage, "bad-endpoint",
        "the endpoint is invalid",
        "write host:port, IPv4:port or [IPv6]:port, for example 127.0.0.1:20200";
    UnknownName: Connect, "unknown-name",
        "the host name is unknown",
        "check its spelling and this machine's DNS, or use the address";
    NothingListening: Connect, "nothing-listening",
        "nothing listens at this port",
        "start the node (start.sh); compare with channel_listen_port (usually 20200) and channel_listen_ip in \
         its config.ini: with 127.0.0.1 there, only its own machine can connect";
    Firewall: Connect, "firewall",
        "no answer: a firewall drops the packets, or the machine is off",
        "allow this machine to reach the node's channel port in the firewall or security group in between; \
         check the address";
    Unreachable: Connect, "unreachable",
        "there is no route to the address",
        "check the address, and this machine's network and routes";
    // What listens there, if it isn't a node's channel port.
    JsonRpcPort: Refused, "json-rpc-port",
        "this is a node's JSON-RPC port (HTTP)",
        "use the channel port: channel_listen_port in the node's config.ini, usually 20200 (JSON-RPC is 8545)";
    P2pPort: Refused, "p2p-port",
        "this is a node's P2P port, for connections between nodes",
        "use the channel port: channel_listen_port in the node's config.ini, usually 20200 (P2P is 30300)";
    PlainTcp: Refused, "plain-tcp",
        "something accepts connections here, but it doesn't speak TLS",
        "compare with channel_listen_port in the node's config.ini (usually 20200); if that is this port, the node \
         hangs, or a proxy in front of it can't reach it: check its log and restart it";
    PlainChannel: Refused, "plain-channel",
        "a 2.x channel without TLS: an embedded node that was started without it",
        "use --tls off, or start the node with TLS; every real 2.x node uses it";
    PlainNode3x: Refused, "plain-node-3x",
        "a node of FISCO BCOS 3.x without TLS",
        "use --tls off; or let the node use TLS (disable_ssl = false in the [rpc] part of its config.ini)";
    TlsPort: Refused, "tls-port",
        "the port uses TLS, and it is off here",
        "leave --tls at auto, and give the SDK's credentials: --credentials nodes/127.0.0.1/sdk";
    WrongPort: Refused, "wrong-port",
        "another service uses this port",
        "use the node's port for SDKs (in its config.ini: 2.x channel_listen_port, 3.x listen_port of [rpc]; usually 20200); ss -ltnp on that machine \
         lists which program uses which port";
    Node3x: Refused, "node-3x",
        "this is a node of FISCO BCOS 3.x, but only 2.x was asked for",
        "leave --generation at auto, or use 3";
    Node2x: Refused, "node-2x",
        "this is a node of FISCO BCOS 2.x, but only 3.x was asked for",
        "leave --generation at auto, or use 2";
    ForeignTls: Refused, "foreign-tls",
        "TLS, but not on secp256k1 as 2.x channels use it, and without a certificate of a 3.x script: a web server, or a 3.x \
         node with other certificates",
        "use the node's port for SDKs (2.x: channel_listen_port, 3.x: listen_port of [rpc] in its config.ini; usually \
         20200), with credentials of its chain";
    NoChannel: Refused, "no-channel",
        "the server speaks neither the channel protocol of 2.x nor the WebSocket protocol of 3.x",
        "compare with channel_listen_port (2.x) or listen_port of [rpc] (3.x) in the node's config.ini, usually 20200 (P2P \
         is 30300); if that is this port, check the node's log of this moment";
    // Channels for other credentials.
    Secp256k1Channel: Refused, "secp256k1-channel",
        "a channel with secp256k1 certificates, and the credentials in use are of another kind",
        "use the ca.crt, sdk.crt and sdk.key that were made with this chain (build_chain.sh -R): nodes/127.0.0.1/sdk; \
         with those, --tls auto or ecdhe";
    RsaChannel: Refused, "rsa-channel",
        "an RSA channel, the default of chains built since 2.9.0, and the credentials in use are of another kind",
        "use the ca.crt, sdk.crt and sdk.key that were made with this chain: nodes/127.0.0.1/sdk; with those, --tls auto \
         or static-rsa";
    RsaNode3x: Refused, "rsa-node-3x",
        "a node of a 3.x chain with RSA certificates, and the credentials in use are of another kind",
        "use the ca.crt, sdk.crt and sdk.key that were made with this chain: nodes/127.0.0.1/sdk; with those, --tls auto or \
         ecdhe";
    GmChannel: Refused, "gm-channel",
        "a GM channel of a 2.x chain (build_chain.sh -g -G), and the credentials in use are of another kind",
        "use gmca.crt, gmsdk.crt, gmsdk.key, gmensdk.crt and gmensdk.key of this chain: nodes/127.0.0.1/sdk/gm; with \
         those, --tls auto or gm";
    TlcpChannel: Refused, "tlcp-channel",
        "a channel with TLCP, as of an SM chain of 3.x, and the credentials in use are of another kind",
        "use sm_ca.crt, sm_sdk.crt, sm_sdk.key, sm_ensdk.crt and sm_ensdk.key of this chain: nodes/127.0.0.1/sdk; with \
         those, --tls auto or tlcp";
    // The credentials.
    NoCredentials: Credentials, "no-credentials",
        "no credentials were found",
        "copy the chain's SDK folder (nodes/127.0.0.1/sdk) here, or pass it: --credentials DIR";
    WrongFormat: Credentials, "wrong-format",
        "a certificate or key file can't be used",
        "the files have to be PEM, as the chain script writes them: copy them again from nodes/127.0.0.1/sdk";
    EncryptedKey: Credentials, "encrypted-key",
        "the private key is encrypted",
        "decrypt it into a file that only this user can read: openssl pkey -in KEY -out sdk.key";
    KeyMismatch: Credentials, "key-mismatch",
        "the private key doesn't belong to the certificate",
        "take sdk.crt and sdk.key from the same folder, and put the client's certificate first in sdk.crt";
    CertificateExpired: Credentials, "certificate-expired",
        "a certificate of this side is expired",
        "have it renewed by the agency; if the date looks right, set this machine's clock";
    CertificateNotYetValid: Credentials, "certificate-not-yet-valid",
        "a certificate of this side is not valid yet",
        "set this machine's clock, or wait until the date";
    ClockOff: Credentials, "clock-off",
        "the clocks of this machine and of the chain don't agree",
        "set the clock (NTP): compare date -u here and on the node to see which one is wrong";
    AgencyMissing: Credentials, "agency-missing",
        "the agency's certificate is missing from the certificate file: the node can't follow the chain",
        "append it: cat agency.crt ca.crt >> sdk.crt";
    MixedChains: Credentials, "mixed-chains",
        "the certificate doesn't lead to the CA beside it: the files are of two chains",
        "take all files from one and the same folder";
    // Credentials and the node.
    WrongCa: Refused, "wrong-ca",
        "the node's certificate doesn't lead to the CA that is trusted here",
        "use the ca.crt (and sdk.crt, sdk.key) of the chain that this node belongs to, or connect to a node of \
         the chain that they are of";
    NodeCertificateExpired: Refused, "node-certificate-expired",
        "the node's certificate, or one above it, is expired",
        "have the node's certificate renewed; if its dates are right, set this machine's clock";
    NodeCertificateNotYetValid: Refused, "node-certificate-not-yet-valid",
        "the node's certificate, or one above it, is not valid yet",
        "set this machine's clock; the clock of the node may also be ahead";
    OtherAgency: Refused, "other-agency",
        "the node doesn't accept certificates of this agency",
        "use an SDK certificate of the node's own agency, or let it accept others (check_cert_issuer=false, \
         sdk_allowlist in its config.ini)";
    ClientRefused: Refused, "client-refused",
        "the node refuses the client's certificate",
        "use an SDK certificate of the node's chain; the node's log states why it refuses this one";
    TlsFailed: Refused, "tls-failed",
        "the TLS handshake failed",
        "check the node's log of this moment, and run again with -v";
    // The channel.
    NoCommonProtocol: Refused, "no-common-protocol",
        "the handshake failed",
        "check the node's log; nodes of 2.x support versions 1 to 3 of the channel protocol, those of 3.x versions 0 to 2 of \
         theirs";
    DeafNode: TimedOut, "deaf-node",
        "the node speaks WebSocket, but handles no messages",
        "restart it: a malformed message of any client stops the message handling of 3.x nodes for good";
    NoHeartbeat: TimedOut, "no-heartbeat",
        "the node doesn't answer heartbeats",
        "it accepts connections but does no work: check the load of its machine and its log; restart it";
    TopicsNotListed: TimedOut, "topics-not-listed",
        "the node doesn't list a topic that was subscribed to",
        "check the node's log of this moment for topics; an overloaded node may need longer: --timeout 30";
    NoRoundTrip: TimedOut, "no-round-trip",
        "a unicast through the node to another of its sessions doesn't arrive",
        "try amop subscribe at another node of the chain and amop publish at this one; check the node's log";
    // Notes.
    NodeKey: Done, "node-key",
        "the credentials are a node's own; on 2.x chains their key also signs blocks",
        "use the SDK's certificate and key (nodes/127.0.0.1/sdk), and keep the node's key on its machine";
    CallsRefused: Done, "calls-refused",
        "the node answers no calls, so that topics can't be queried",
        "nothing has to be done: messages work, but the client chooses nodes without knowing their topics";
    SlowLink: Done, "slow-link",
        "the link is slow: TLS took longer than the time limit",
        "give connections and messages more time (--connect-timeout, --timeout), and check the network in between";
    LinkTooSlow: Connect, "link-too-slow",
        "the link is so slow that the server closed the connection before TLS was complete",
        "check the network in between: a handshake needs some 5 kB";
    SameNodeLoss: Done, "same-node-loss",
        "nodes of 2.8 to 2.11 lose messages between clients of the same node",
        "connect publishers and subscribers to different nodes, or each to several";
}

impl Finding {
    /// Returns its stable name for scripts.
    pub(super) fn id(self) -> &'static str {
        self.entry().id
    }

    /// Returns a description in one line.
    pub(super) fn headline(self) -> &'static str {
        self.entry().headline
    }

    /// Returns what to do about it.
    pub(super) fn advice(self) -> &'static str {
        self.entry().advice
    }

    /// Returns the exit code if this is the first finding.
    pub(super) fn exit(self) -> Exit {
        self.entry().exit
    }

    /// Returns whether everything works in spite of it.
    pub(super) fn is_note(self) -> bool {
        self.exit() == Exit::Done
    }
}

/// Lists all findings, for `--help` and the manual page.
pub(crate) fn list() -> String {
    let mut text = "Findings, by their names in --json:".to_owned();
    for finding in Finding::ALL {
        // Writing to a string can't fail.
        let _ = write!(text, "\n  {:30} {}", finding.id(), finding.headline());
    }
    text
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn findings_have_distinct_advice() {
        let advice: HashSet<_> = Finding::ALL.iter().map(|finding| finding.advice()).collect();
        let headlines: HashSet<_> = Finding::ALL.iter().map(|finding| finding.headline()).collect();
        assert_eq!((advice.len(), headlines.len()), (Finding::ALL.len(), Finding::ALL.len()));
    }

    #[test]
    fn names_are_distinct_and_plain() {
        let names: HashSet<_> = Finding::ALL.iter().map(|finding| finding.id()).collect();
        assert_eq!(names.len(), Finding::ALL.len());
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        assert!(names.iter().all(|name| name.chars().all(plain)), "{names:?}");
    }
}
