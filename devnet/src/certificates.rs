//! The certificates of a devnet, kept in a folder or in memory.

use std::path::{Path, PathBuf};

use amop::transport::{CredentialSource, Credentials};
use amop::{Client, ClientBuilder, Result};

use crate::chain::{Chain, ChainFolder, ChainKind, ChainOptions, Identity, Period};
use crate::faults::NodeCertificate;

/// The certificates of a chain: its authorities, and those of nodes and clients.
#[derive(Debug)]
pub(crate) enum Certificates {
    Folder { folder: ChainFolder, sdk: PathBuf },
    Memory { chain: Chain, sdk: Identity },
}

impl Certificates {
    /// Opens or creates `folder` with certificates for at least `nodes` nodes, or creates a chain in memory.
    pub(crate) fn new(folder: Option<&Path>, nodes: usize, kind: ChainKind) -> Result<Certificates> {
        match folder {
            Some(folder) => {
                let folder = ChainFolder::open_or_mint(folder, nodes, kind)?;
                Ok(Certificates::Folder { sdk: folder.sdk(), folder })
            }
            None => {
                let chain = Chain::mint(&ChainOptions::of(kind))?;
                let sdk = chain.issue_by_script(None, Period::script())?;
                Ok(Certificates::Memory { chain, sdk })
            }
        }
    }

    pub(crate) fn chain(&self) -> &Chain {
        match self {
            Certificates::Folder { folder, .. } => folder.chain(),
            Certificates::Memory { chain, .. } => chain,
        }
    }

    /// Returns the credentials of a node.
    pub(crate) fn node(&self, index: usize) -> Result<Credentials> {
        match self {
            Certificates::Folder { folder, .. } => Credentials::load(&folder.node(index)),
            Certificates::Memory { chain, .. } => {
                chain.issue_by_script(Some(index), Period::script())?.credentials()
            }
        }
    }

    /// Returns credentials of a node with a valid or an invalid certificate. An invalid one is issued by this call.
    pub(crate) fn node_with(&self, index: usize, certificate: NodeCertificate) -> Result<Credentials> {
        let issue = |chain: &Chain, period| chain.issue_by_script(Some(index), period);
        match certificate {
            NodeCertificate::Valid => self.node(index),
            NodeCertificate::Expired => issue(self.chain(), Period::expired())?.credentials(),
            NodeCertificate::NotYetValid => issue(self.chain(), Period::not_yet_valid())?.credentials(),
            NodeCertificate::Foreign => {
                // The node still trusts its own chain's clients, so that they are the ones that refuse.
                let foreign = Chain::mint(&ChainOptions::of(self.chain().kind()))?;
                let foreign = issue(&foreign, Period::script())?;
                foreign.trusting(&self.chain().ca_pem()?).credentials()
            }
        }
    }

    /// Returns the credentials of a client.
    pub(crate) fn sdk(&self) -> CredentialSource {
        match self {
            Certificates::Folder { sdk, .. } => CredentialSource::Directory(sdk.clone()),
            Certificates::Memory { sdk, .. } => sdk.source(),
        }
    }

    /// Returns a client builder with the credentials of a client.
    pub(crate) fn client(&self) -> ClientBuilder {
        Client::builder().credential_source(self.sdk())
    }

    pub(crate) fn sdk_folder(&self) -> Option<&Path> {
        match self {
            Certificates::Folder { sdk, .. } => Some(sdk),
            Certificates::Memory { .. } => None,
        }
    }
}
