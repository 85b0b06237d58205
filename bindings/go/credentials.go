package amop

import (
	"time"

	"example.org/amop/bindings/go/internal/capi"
)

// Credentials sets the folder with the SDK's credentials, or one of its files. The folder contains ca.crt, sdk.crt and
// sdk.key; or gmca.crt, gmsdk.crt, gmsdk.key, gmensdk.crt and gmensdk.key (2.x GM chains, also in gm below it); or
// sm_ca.crt, sm_sdk.crt, sm_sdk.key, sm_ensdk.crt and sm_ensdk.key (3.x SM chains); or the folder sdk with one of these
// sets. If the first set has a GM set beside it, nodes that have nothing in common with the first are tried with the
// other; a file that is given instead of its folder excludes the other sets. A node's own key (node.key) is used only if
// it is given.
//
// Without credentials given, they are looked for in $AMOP_CREDENTIALS and, only if that isn't set, in ., conf, sdk,
// nodes/127.0.0.1/sdk and amop-devnet/sdk. The files are found when connecting.
// The same files are read again at each reconnect, whatever the current folder is then.
func Credentials(folder string) Option {
	return clientOption(func(o *clientOptions) {
		o.Credentials, o.Files, o.PEM = o.text(ErrInvalidArgument, "the folder", folder), nil, nil
	})
}

// ConfigFile sets the path of a configuration file: a TOML file of this library, or the file that a program has for another
// SDK (java-sdk, go-sdk, the C SDK, web3sdk, nodejs-sdk, python-sdk), whose kind is recognised by its content. It is read
// when connecting. The other options precede what the file states; if an endpoint is given, those of the file are not used.
func ConfigFile(path string) Option {
	return clientOption(func(o *clientOptions) {
		o.ConfigFile = o.text(ErrInvalidArgument, "the configuration file", path)
	})
}

// CredentialFiles sets the paths of the three files: the CA, the client's certificate followed by the intermediate
// certificates up to the CA, and the private key (PKCS#8 or SEC1, not encrypted). All are PEM.
func CredentialFiles(ca, cert, key string) Option {
	return clientOption(func(o *clientOptions) {
		for _, name := range []string{ca, cert, key} {
			o.text(ErrInvalidArgument, "the file", name)
		}
		o.Credentials, o.Files, o.PEM = "", &capi.Files{CA: ca, Cert: cert, Key: key}, nil
	})
}

// CredentialPEM sets the contents of the three files.
func CredentialPEM(ca, cert, key []byte) Option {
	return clientOption(func(o *clientOptions) {
		o.Credentials, o.Files, o.PEM = "", nil, &capi.PEM{CA: ca, Cert: cert, Key: key}
	})
}

// CredentialFilesGM sets the paths of the five files of a GM chain: the CA, the client's certificate and private key for
// signatures, and those for encryption. Names that begin with gm or sm_ state whether GM over TLS 1.2 or TLCP is used;
// otherwise both are tried.
func CredentialFilesGM(ca, cert, key, encCert, encKey string) Option {
	return clientOption(func(o *clientOptions) {
		for _, name := range []string{ca, cert, key, encCert, encKey} {
			o.text(ErrInvalidArgument, "the file", name)
		}
		files := capi.Files{CA: ca, Cert: cert, Key: key, GM: true, EncCert: encCert, EncKey: encKey}
		o.Credentials, o.Files, o.PEM = "", &files, nil
	})
}

// CredentialPEMGM sets the contents of the five files of a GM chain. TLCP is tried first, then GM over TLS 1.2.
func CredentialPEMGM(ca, cert, key, encCert, encKey []byte) Option {
	return clientOption(func(o *clientOptions) {
		pem := capi.PEM{CA: ca, Cert: cert, Key: key, GM: true, EncCert: encCert, EncKey: encKey}
		o.Credentials, o.Files, o.PEM = "", nil, &pem
	})
}

// TLS sets the kind of TLS. Default: [TLSAuto], with which the credentials decide. [Connect] returns
// [ErrInvalidArgument] if the credentials are for another kind.
func TLS(kind TLSKind) Option {
	return clientOption(func(o *clientOptions) { o.TLS = int32(kind) })
}

// ExpiryWarning sets how long before its end a certificate in use is reported as [EventCertificateExpiring]. Default: 14
// days.
func ExpiryWarning(warning time.Duration) Option {
	return clientOption(func(o *clientOptions) { o.ExpiryWarning = o.duration("ExpiryWarning", warning) })
}
