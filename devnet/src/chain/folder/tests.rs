use std::collections::BTreeMap;

use tempfile::TempDir;

use super::*;
use crate::chain::Period;

const FILES: [&str; 13] = [
    "cert/agency/agency.crt",
    "cert/agency/agency.key",
    "cert/ca.crt",
    "cert/ca.key",
    "node0/conf/ca.crt",
    "node0/conf/node.crt",
    "node0/conf/node.key",
    "node1/conf/ca.crt",
    "node1/conf/node.crt",
    "node1/conf/node.key",
    "sdk/ca.crt",
    "sdk/sdk.crt",
    "sdk/sdk.key",
];

/// Returns all files in `folder` with their content.
fn contents(folder: &Path) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(folder).unwrap().to_string_lossy().into_owned();
                found.insert(name, fs::read_to_string(path).unwrap());
            }
        }
    }
    found
}

fn fails(folder: &Path, kind: ErrorKind, part: &str) {
    let before = contents(folder);
    let error = ChainFolder::open_or_mint(folder, 2, Algorithm::Secp256k1).unwrap_err();
    assert_eq!(error.kind(), kind, "{error}");
    assert!(error.message().contains(part), "{part:?} is not in: {error}");
    assert_eq!(contents(folder), before, "files were changed");
}

#[test]
fn new_folder_gets_the_layout_of_the_script() {
    let parent = TempDir::new().unwrap();
    let folder = parent.path().join("not/there/yet");
    let chain = ChainFolder::open_or_mint(&folder, 2, Algorithm::Secp256k1).unwrap();
    assert_eq!(contents(&folder).keys().collect::<Vec<_>>(), FILES);
    assert_eq!(chain.sdk(), folder.join("sdk"));
    for source in [CredentialSource::Directory(chain.sdk()), chain.node(0), chain.node(1)] {
        Credentials::load(&source).unwrap().check_chain().unwrap();
    }
    let in_sdk_crt = fs::read_to_string(folder.join("sdk/sdk.crt")).unwrap();
    assert_eq!(in_sdk_crt.matches("BEGIN CERTIFICATE").count(), 3, "leaf, agency, root");
}

#[test]
fn rsa_chain_has_no_agency_and_version_1_certificates() {
    let folder = TempDir::new().unwrap();
    let open = |algorithm| ChainFolder::open_or_mint(folder.path(), 1, algorithm);
    open(Algorithm::Rsa).unwrap();
    let first = contents(folder.path());
    assert_eq!(
        first.keys().collect::<Vec<_>>(),
        FILES.iter().filter(|name| !name.contains("agency") && !name.contains("node1")).collect::<Vec<_>>()
    );
    for name in ["cert/ca.crt", "node0/conf/node.crt", "sdk/sdk.crt"] {
        let pem = first[name].as_str();
        assert_eq!(pem.matches("BEGIN CERTIFICATE").count(), 1, "{name}: the leaf only");
        let certificate = x509_cert::der::DecodePem::from_pem(pem);
        let certificate: x509_cert::Certificate = certificate.unwrap();
        assert_eq!(certificate.tbs_certificate().version(), x509_cert::certificate::Version::V1, "{name}");
    }
    open(Algorithm::Rsa).unwrap();
    let error = open(Algorithm::Secp256k1).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::CredentialsInvalid);
    assert!(error.message().contains("RSA certificates, not secp256k1"), "{error}");
    assert_eq!(contents(folder.path()), first);
}

#[cfg(unix)]
#[test]
fn only_the_owner_may_read_keys() {
    use std::os::unix::fs::PermissionsExt;
    let folder = TempDir::new().unwrap();
    ChainFolder::open_or_mint(folder.path(), 2, Algorithm::Secp256k1).unwrap();
    for name in FILES.iter().filter(|name| name.ends_with(".key")) {
        let mode = fs::metadata(folder.path().join(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
}

#[test]
fn existing_chain_is_reused_and_nodes_are_added() {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("notes.txt"), "mine").unwrap();
    ChainFolder::open_or_mint(folder.path(), 1, Algorithm::Secp256k1).unwrap();
    let first = contents(folder.path());
    assert_eq!(first["notes.txt"], "mine");
    ChainFolder::open_or_mint(folder.path(), 1, Algorithm::Secp256k1).unwrap();
    assert_eq!(contents(folder.path()), first);
    let chain = ChainFolder::open_or_mint(folder.path(), 2, Algorithm::Secp256k1).unwrap();
    let second = contents(folder.path());
    assert_eq!(second.len(), FILES.len() + 1);
    assert!(first.iter().all(|(name, content)| second[name] == *content));
    let issued = chain.chain().issue(Role::Sdk, "sdk2", &LeafOptions::default()).unwrap();
    issued.credentials().unwrap().check_chain().unwrap();
    assert_eq!(issued.ca_pem(), second["sdk/ca.crt"]);
}

#[test]
fn incomplete_chain_is_reported_and_not_changed() {
    for name in FILES {
        let folder = TempDir::new().unwrap();
        ChainFolder::open_or_mint(folder.path(), 2, Algorithm::Secp256k1).unwrap();
        fs::remove_file(folder.path().join(name)).unwrap();
        let file = Path::new(name).file_name().unwrap().to_string_lossy();
        fails(folder.path(), ErrorKind::CredentialsNotFound, &file);
    }
    let folder = TempDir::new().unwrap();
    fs::create_dir(folder.path().join("sdk")).unwrap();
    fails(folder.path(), ErrorKind::CredentialsNotFound, "is incomplete");
}

#[test]
fn unusable_file_is_reported_and_not_changed() {
    let (folder, other) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    ChainFolder::open_or_mint(folder.path(), 2, Algorithm::Secp256k1).unwrap();
    ChainFolder::open_or_mint(other.path(), 2, Algorithm::Secp256k1).unwrap();
    let good = contents(folder.path());
    let put = |name: &str, content: &str| fs::write(folder.path().join(name), content).unwrap();
    let foreign = |name: &str| fs::read_to_string(other.path().join(name)).unwrap();

    for name in FILES {
        put(name, "damaged");
        fails(folder.path(), ErrorKind::CredentialsInvalid, &folder.path().join(name).display().to_string());
        put(name, &good[name]);
    }
    for name in FILES.iter().filter(|name| name.ends_with(".key")) {
        put(name, &foreign(name));
        fails(folder.path(), ErrorKind::KeyMismatch, &folder.path().join(name).display().to_string());
        put(name, &good[*name]);
    }
    for name in ["node1/conf/ca.crt", "sdk/ca.crt"] {
        put(name, &foreign(name));
        fails(folder.path(), ErrorKind::CredentialsInvalid, "do not belong together");
        put(name, &good[name]);
    }
    let chain = ChainFolder::open_or_mint(folder.path(), 2, Algorithm::Secp256k1).unwrap();
    let options = LeafOptions { period: Period::expired(), ..LeafOptions::default() };
    let expired = chain.chain().issue(Role::Sdk, "sdk", &options).unwrap();
    put("sdk/sdk.crt", expired.certificate_pem());
    put("sdk/sdk.key", expired.key_pem());
    fails(folder.path(), ErrorKind::CertificateDates, "sdk.crt");
}

#[test]
fn parts_of_another_chain_are_reported() {
    let (folder, other) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    ChainFolder::open_or_mint(folder.path(), 1, Algorithm::Secp256k1).unwrap();
    ChainFolder::open_or_mint(other.path(), 1, Algorithm::Secp256k1).unwrap();
    for name in ["cert/agency/agency.crt", "cert/agency/agency.key"] {
        fs::copy(other.path().join(name), folder.path().join(name)).unwrap();
    }
    fails(folder.path(), ErrorKind::CredentialsInvalid, "another chain");
    for name in ["cert/ca.crt", "cert/ca.key"] {
        fs::copy(other.path().join(name), folder.path().join(name)).unwrap();
    }
    fails(folder.path(), ErrorKind::CredentialsInvalid, "sdk belongs to another chain");
    for name in ["sdk/ca.crt", "sdk/sdk.crt", "sdk/sdk.key"] {
        fs::copy(other.path().join(name), folder.path().join(name)).unwrap();
    }
    fails(folder.path(), ErrorKind::CredentialsInvalid, "conf belongs to another chain");
}

#[test]
fn gm_chain_has_the_layout_of_the_script() {
    let folder = TempDir::new().unwrap();
    let open = || ChainFolder::open_or_mint(folder.path(), 1, Algorithm::Sm2);
    let chain = open().unwrap();
    let first = contents(folder.path());
    let files = [
        "cert/ca.crt",
        "cert/ca.key",
        "gmcert/agency-gm/gmagency.crt",
        "gmcert/agency-gm/gmagency.key",
        "gmcert/gmca.crt",
        "gmcert/gmca.key",
        "node0/conf/gmca.crt",
        "node0/conf/gmennode.crt",
        "node0/conf/gmennode.key",
        "node0/conf/gmnode.crt",
        "node0/conf/gmnode.key",
        "sdk/ca.crt",
        "sdk/gm/gmca.crt",
        "sdk/gm/gmensdk.crt",
        "sdk/gm/gmensdk.key",
        "sdk/gm/gmsdk.crt",
        "sdk/gm/gmsdk.key",
        "sdk/sdk.crt",
        "sdk/sdk.key",
    ];
    assert_eq!(first.keys().collect::<Vec<_>>(), files);
    Credentials::load(&chain.node(0)).unwrap().check_chain().unwrap();
    let sdk = Credentials::load(&CredentialSource::Directory(chain.sdk())).unwrap();
    sdk.check_chain().unwrap();
    sdk.beside().expect("the GM set").check_chain().unwrap();
    // It is reused, and not taken for another kind.
    open().unwrap();
    for algorithm in [Algorithm::Rsa, Algorithm::Secp256k1] {
        let error = ChainFolder::open_or_mint(folder.path(), 1, algorithm).unwrap_err();
        assert!(error.message().contains("has SM2 certificates"), "{error}");
    }
    assert_eq!(contents(folder.path()), first);
}

/// OpenSSL checks the chains of every kind, one certificate after the other, because it applies the signers' identity of
/// SM2 to the checked certificate only.
#[test]
fn openssl_accepts_the_chains_of_every_kind() {
    const AGENCY: &str = "cert/agency/agency.crt";
    const GM_AGENCY: &str = "gmcert/agency-gm/gmagency.crt";
    let secp256k1 = [("cert/ca.crt", AGENCY), (AGENCY, "sdk/sdk.crt"), (AGENCY, "node0/conf/node.crt")];
    let rsa = [("cert/ca.crt", "sdk/sdk.crt"), ("cert/ca.crt", "node0/conf/node.crt")];
    let gm = [
        ("gmcert/gmca.crt", GM_AGENCY),
        (GM_AGENCY, "sdk/gm/gmsdk.crt"),
        (GM_AGENCY, "sdk/gm/gmensdk.crt"),
        (GM_AGENCY, "node0/conf/gmnode.crt"),
        (GM_AGENCY, "node0/conf/gmennode.crt"),
    ];
    for (algorithm, links) in
        [(Algorithm::Secp256k1, &secp256k1[..]), (Algorithm::Rsa, &rsa), (Algorithm::Sm2, &gm)]
    {
        let folder = TempDir::new().unwrap();
        ChainFolder::open_or_mint(folder.path(), 1, algorithm).unwrap();
        for (issuer, certificate) in links {
            let identity = if algorithm == Algorithm::Sm2 { "-vfyopt distid:1234567812345678 " } else { "" };
            let arguments = format!("verify {identity}-partial_chain -CAfile {issuer} {certificate}");
            let output = std::process::Command::new("openssl")
                .args(arguments.split(' '))
                .current_dir(folder.path())
                .output()
                .expect("the openssl command is installed");
            assert!(output.status.success(), "{arguments}: {}", String::from_utf8_lossy(&output.stderr));
        }
    }
}

const FILES_OF_3X: [&str; 15] = [
    "ca/ca.crt",
    "ca/ca.key",
    "ca/cert.cnf",
    "node0/conf/ca.crt",
    "node0/conf/cert.cnf",
    "node0/conf/ssl.crt",
    "node0/conf/ssl.key",
    "node1/conf/ca.crt",
    "node1/conf/cert.cnf",
    "node1/conf/ssl.crt",
    "node1/conf/ssl.key",
    "sdk/ca.crt",
    "sdk/cert.cnf",
    "sdk/sdk.crt",
    "sdk/sdk.key",
];

fn parsed(pem: &str) -> x509_cert::Certificate {
    assert_eq!(pem.matches("BEGIN CERTIFICATE").count(), 1, "the certificate alone");
    x509_cert::der::DecodePem::from_pem(pem).unwrap()
}

#[test]
fn chain_of_generation_3_has_the_layout_of_its_script() {
    use x509_cert::certificate::Version;
    use x509_cert::ext::pkix::BasicConstraints;
    for algorithm in [Algorithm::Rsa, Algorithm::P256] {
        let folder = TempDir::new().unwrap();
        let kind = ChainKind::v3(algorithm);
        let chain = ChainFolder::open_or_mint(folder.path(), 2, kind).unwrap();
        let first = contents(folder.path());
        assert_eq!(first.keys().collect::<Vec<_>>(), FILES_OF_3X);
        let root = parsed(&first["ca/ca.crt"]);
        assert_eq!(root.tbs_certificate().version(), Version::V1);
        assert_eq!(root.tbs_certificate().subject().to_string(), "OU=chain,O=FISCO-BCOS,CN=FISCO-BCOS");
        for name in ["sdk/sdk.crt", "node0/conf/ssl.crt", "node1/conf/ssl.crt"] {
            let leaf = parsed(&first[name]);
            let leaf = leaf.tbs_certificate();
            assert_eq!(leaf.version(), Version::V3, "{name}");
            assert_eq!(leaf.subject().to_string(), "OU=agency,O=fisco-bcos,CN=FISCO-BCOS", "{name}");
            // The script's mark: it is a CA's.
            let extensions = leaf.extensions().map_or(&[][..], |extensions| extensions);
            let basic = leaf.get_extension::<BasicConstraints>().unwrap();
            assert_eq!((extensions.len(), basic.map(|(_, basic)| basic.ca)), (1, Some(true)), "{name}");
        }
        let usable = [CredentialSource::Directory(chain.sdk()), chain.node(1)];
        usable.iter().for_each(|source| Credentials::load(source).unwrap().check_chain().unwrap());
        // Who asks for RSA keys gets those that are there.
        let again = ChainFolder::open_or_mint(folder.path(), 2, ChainKind::v3(Algorithm::Rsa)).unwrap();
        assert_eq!(again.chain().kind(), kind);
        assert_eq!(contents(folder.path()), first);
    }
}

#[test]
fn sm_chain_of_generation_3_has_two_certificates_each() {
    let folder = TempDir::new().unwrap();
    let kind = ChainKind::v3(Algorithm::Sm2);
    let chain = ChainFolder::open_or_mint(folder.path(), 1, kind).unwrap();
    let first = contents(folder.path());
    let expected = [
        "ca/sm_ca.crt",
        "ca/sm_ca.key",
        "node0/conf/sm_ca.crt",
        "node0/conf/sm_enssl.crt",
        "node0/conf/sm_enssl.key",
        "node0/conf/sm_ssl.crt",
        "node0/conf/sm_ssl.key",
        "sdk/sm_ca.crt",
        "sdk/sm_ensdk.crt",
        "sdk/sm_ensdk.key",
        "sdk/sm_sdk.crt",
        "sdk/sm_sdk.key",
    ];
    assert_eq!(first.keys().collect::<Vec<_>>(), expected);
    for (name, unit) in [
        ("node0/conf/sm_ssl.crt", "ssl"),
        ("node0/conf/sm_enssl.crt", "enssl"),
        ("sdk/sm_sdk.crt", "sdk"),
        ("sdk/sm_ensdk.crt", "ensdk"),
    ] {
        let subject = parsed(&first[name]).tbs_certificate().subject().to_string();
        assert_eq!(subject, format!("OU={unit},O=fisco-bcos,CN=FISCO-BCOS"));
    }
    for source in [CredentialSource::Directory(chain.sdk()), chain.node(0)] {
        Credentials::load(&source).unwrap().check_chain().unwrap();
    }
    let again = ChainFolder::open_or_mint(folder.path(), 1, kind).unwrap();
    assert_eq!((again.chain().kind(), contents(folder.path())), (kind, first));
}

#[test]
fn chain_of_the_other_generation_is_not_reused() {
    for (there, wanted, text) in [
        (
            ChainKind::from(Algorithm::Secp256k1),
            ChainKind::v3(Algorithm::Rsa),
            "has secp256k1 certificates for nodes of generation 2, not generation 3 RSA ones: use another folder",
        ),
        (
            ChainKind::v3(Algorithm::Sm2),
            ChainKind::from(Algorithm::Sm2),
            "has SM2 certificates for nodes of generation 3, not generation 2 SM2 ones: use another folder",
        ),
        (
            ChainKind::v3(Algorithm::Sm2),
            ChainKind::v3(Algorithm::Rsa),
            "has SM2 certificates, not RSA ones: use another folder",
        ),
    ] {
        let folder = TempDir::new().unwrap();
        ChainFolder::open_or_mint(folder.path(), 1, there).unwrap();
        let error = ChainFolder::open_or_mint(folder.path(), 1, wanted).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::CredentialsInvalid);
        assert!(error.message().contains(text), "{error}");
    }
}
