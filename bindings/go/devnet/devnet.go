// Package devnet runs embedded nodes: AMOP nodes in this process, so that programs can be tried and tested without a
// chain.
//
// The nodes are connected like those of a chain: a message published at one node reaches a subscriber at another. If
// the library was built without them, [Start] returns [amop.ErrUnsupported].
package devnet

import (
	"context"
	"fmt"
	"math"
	"slices"

	amop "example.org/amop/bindings/go"
	"example.org/amop/bindings/go/internal/capi"
	"example.org/amop/bindings/go/internal/waiting"
)

// Option is an option of embedded nodes, for [Start].
type Option func(*capi.DevnetOptions)

// Nodes sets the number of nodes. Default: 2.
func Nodes(nodes int) Option {
	return func(o *capi.DevnetOptions) { o.Nodes = nodes }
}

// Port sets the port of the first node on 127.0.0.1; the other nodes use the ports that follow. Default: any free
// ports.
func Port(port int) Option {
	return func(o *capi.DevnetOptions) { o.Port = port }
}

// Folder sets the folder for the certificates, with the layout of the official chain script. It is created if it does
// not exist, else its certificates are used. Default: a new temporary folder that is deleted with the devnet.
func Folder(folder string) Option {
	return func(o *capi.DevnetOptions) { o.Folder = folder }
}

// Like211 sets whether to imitate the flaws of nodes of release 2.11.2: messages to clients of the same node are lost,
// which a node chooses in some seconds, topics take 5 s to reach other nodes, frames overtake each other and wait for
// acknowledgements (Nagle's algorithm). Default: false.
func Like211(like bool) Option {
	return func(o *capi.DevnetOptions) { o.Like211 = like }
}

// Like316 sets whether to imitate the observed behaviour of nodes of release 3.16, for nodes of generation 3: topics take
// up to 2 s to reach other nodes, and of the messages that arrive together the last is processed first. Default: false.
func Like316(like bool) Option {
	return func(o *capi.DevnetOptions) { o.Like316 = like }
}

// TLS sets the kind of the nodes' TLS. For nodes of generation 2: [amop.TLSECDHE] (secp256k1 certificates, the default),
// [amop.TLSStaticRSA] (RSA certificates) or [amop.TLSGM] (SM2 certificates); for nodes of generation 3: [amop.TLSECDHE]
// (RSA certificates, the default) or [amop.TLSTLCP] (SM2 certificates); for both [amop.TLSOff], with which clients need no
// credentials. A folder holds a chain of one kind.
func TLS(kind amop.TLSKind) Option {
	return func(o *capi.DevnetOptions) { o.TLS = int32(kind) }
}

// Generation sets the generation of the nodes. Default: [amop.Generation2], and so is [amop.GenerationAuto].
func Generation(generation amop.NodeGeneration) Option {
	return func(o *capi.DevnetOptions) { o.Generation = int32(generation) }
}

// Devnet is a group of running embedded nodes. All its methods may be called from any goroutine.
type Devnet struct {
	nodes *capi.Devnet
}

// Start starts the nodes. ctx limits only the start; the nodes run until [Devnet.Stop] or the end of the process.
func Start(ctx context.Context, opts ...Option) (*Devnet, error) {
	options := capi.DevnetOptions{Nodes: 2}
	for _, option := range opts {
		option(&options)
	}
	if err := check(&options); err != nil {
		return nil, err
	}
	if failure := capi.CheckVersion(); failure != nil {
		return nil, errorOf(failure)
	}
	start := func() (*capi.Devnet, *capi.Error) { return capi.StartDevnet(&options) }
	nodes, err := wait(ctx, start, func(late *capi.Devnet) { late.Stop() })
	if err != nil {
		return nil, err
	}
	return &Devnet{nodes}, nil
}

func check(o *capi.DevnetOptions) error {
	switch {
	case o.Nodes < 0:
		return invalid("invalid number of nodes %d", o.Nodes)
	case o.Port < 0 || o.Port > math.MaxUint16:
		return invalid("invalid port %d", o.Port)
	case capi.HasNUL(o.Folder):
		return invalid("the folder %q contains a NUL", o.Folder)
	}
	return nil
}

func invalid(format string, values ...any) error {
	return &amop.Error{Code: amop.ErrInvalidArgument, Message: fmt.Sprintf(format, values...)}
}

// NodeCount returns the number of nodes, killed ones included.
func (d *Devnet) NodeCount() int {
	return len(d.nodes.Endpoints)
}

// Endpoints returns the addresses of the nodes.
func (d *Devnet) Endpoints() []string {
	return slices.Clone(d.nodes.Endpoints)
}

// Credentials returns the folder with the credentials for clients, for [amop.Credentials]; "" if the nodes use no TLS.
func (d *Devnet) Credentials() string {
	return d.nodes.Credentials
}

// Node returns options for a client of a node, for [amop.Connect]: its endpoint, and the credentials or [amop.TLSOff]. It
// panics if there is no such node; nodes are counted from 0.
func (d *Devnet) Node(node int) amop.Option {
	if d.nodes.Credentials == "" {
		return amop.Options(amop.Endpoint(d.nodes.Endpoints[node]), amop.TLS(amop.TLSOff))
	}
	return amop.Options(amop.Endpoint(d.nodes.Endpoints[node]), amop.Credentials(d.nodes.Credentials))
}

// KillNode kills a node, as a crash does: when it returns, the port of the node is closed and its sessions are cut.
func (d *Devnet) KillNode(ctx context.Context, node int) error {
	return d.at(ctx, node, d.nodes.KillNode)
}

// RestartNode restarts a killed node on the same port. It does nothing if the node runs.
func (d *Devnet) RestartNode(ctx context.Context, node int) error {
	return d.at(ctx, node, d.nodes.RestartNode)
}

// Control runs a text command and returns its answer: a line of JSON, {} if the command has none.
//
//   - kill, restart, freeze, thaw, close-port, open-port, cut-sessions, reset-sessions NODE; cut-link, restore-link NODE
//     NODE; clock-offset NODE SECONDS
//   - push-limit SECONDS: how long a node waits for the reply of one session, 5 s at first and 30 s at nodes of 3.x
//   - on-connect NODE, then serve, close, reset, stall or garbage: what the node does with new connections
//   - certificate NODE, then valid, expired, early or foreign
//   - close, cut, reset, stall, resume SESSION
//   - fault, then lose, delay=SECONDS, twice, other-seq, other-type=TYPE, garbage, cut, close, reset or stall, then
//     restrictions: from-clients, node=0, session=0, type=0x31, after=1, times=1, chance=0.5 and, at the end,
//     topic=hello. The answer is {"fault":ID}
//   - hits ID, remove-fault ID, clear-faults, block NUMBER, sessions, counters
//
// Nodes are counted from 0, and sessions returns the numbers of sessions. If the command is unknown or malformed, or its
// node, session or fault does not exist, Control returns [amop.ErrInvalidArgument].
func (d *Devnet) Control(ctx context.Context, command string) (string, error) {
	if capi.HasNUL(command) {
		return "", invalid("the command %q contains a NUL", command)
	}
	return wait(ctx, func() (string, *capi.Error) { return d.nodes.Control(command) }, func(string) {})
}

// Stop stops all nodes and closes their sessions. It waits a few seconds at most. A second Stop does nothing.
func (d *Devnet) Stop() error {
	return d.do(context.Background(), d.nodes.Stop)
}

func (d *Devnet) at(ctx context.Context, node int, call func(int) *capi.Error) error {
	if node < 0 || node >= d.NodeCount() {
		return invalid("invalid node %d: the devnet has %d", node, d.NodeCount())
	}
	return d.do(ctx, func() *capi.Error { return call(node) })
}

func (d *Devnet) do(ctx context.Context, call func() *capi.Error) error {
	_, err := wait(ctx, func() (struct{}, *capi.Error) { return struct{}{}, call() }, func(struct{}) {})
	return err
}

// wait makes a call that waits in C.
func wait[T any](ctx context.Context, call func() (T, *capi.Error), late func(T)) (T, error) {
	result, failure, ended := waiting.Call(ctx, call, late)
	if failure != nil {
		return result, errorOf(failure)
	}
	if ended != nil {
		return result, waiting.ContextError(ctx, "the nodes had answered")
	}
	return result, nil
}

func errorOf(failure *capi.Error) error {
	return &amop.Error{
		Code: amop.Code(failure.Code), Message: failure.Message, Retriable: failure.Retriable,
	}
}
