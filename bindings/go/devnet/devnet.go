// Package devnet runs embedded nodes: a chain's AMOP in this process, so that programs can be tried and tested without a
// chain.
//
// The nodes are joined as a chain's nodes are: a message published at one reaches a subscriber at another. Not every
// build of the library has them; then [Start] answers [amop.ErrUnsupported].
package devnet

import (
	"context"
	"fmt"
	"math"
	"slices"

	"amop"
	"amop/internal/capi"
	"amop/internal/waiting"
)

// Option is a setting of embedded nodes, for [Start].
type Option func(*capi.DevnetOptions)

// Nodes is how many. Default 2.
func Nodes(nodes int) Option {
	return func(o *capi.DevnetOptions) { o.Nodes = nodes }
}

// Port is the first node's on 127.0.0.1; the others have those that follow. Default: any that are free.
func Port(port int) Option {
	return func(o *capi.DevnetOptions) { o.Port = port }
}

// Folder is that for the certificates, laid out as the official chain script does; made when it isn't there, used again
// when it is. Default: a new one for temporary files, which goes with the devnet.
func Folder(folder string) Option {
	return func(o *capi.DevnetOptions) { o.Folder = folder }
}

// Like211 tells whether to imitate what nodes of version 2.11 do badly: messages to clients of the same node are lost,
// topics take 5 s to travel, frames overtake each other. Default no.
func Like211(like bool) Option {
	return func(o *capi.DevnetOptions) { o.Like211 = like }
}

// Devnet are running embedded nodes. All its methods may be called from any goroutine.
type Devnet struct {
	nodes *capi.Devnet
}

// Start starts the nodes. ctx bounds that only; they run until [Devnet.Stop], or the end of the process.
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
		return invalid("%d nodes can't be started", o.Nodes)
	case o.Port < 0 || o.Port > math.MaxUint16:
		return invalid("%d is no port", o.Port)
	case capi.HasNUL(o.Folder):
		return invalid("the folder %q holds a NUL", o.Folder)
	}
	return nil
}

func invalid(format string, values ...any) error {
	return &amop.Error{Code: amop.ErrInvalidArgument, Message: fmt.Sprintf(format, values...)}
}

// NodeCount is how many nodes there are, dead ones included.
func (d *Devnet) NodeCount() int {
	return len(d.nodes.Endpoints)
}

// Endpoints are where the nodes listen.
func (d *Devnet) Endpoints() []string {
	return slices.Clone(d.nodes.Endpoints)
}

// Credentials is the folder with a client's credentials, for [amop.Credentials].
func (d *Devnet) Credentials() string {
	return d.nodes.Credentials
}

// Node is what a client needs to connect to a node, for [amop.Connect]: its endpoint, and credentials. There are nodes 0
// to NodeCount - 1; another one panics.
func (d *Devnet) Node(node int) amop.Option {
	return amop.Options(amop.Endpoint(d.nodes.Endpoints[node]), amop.Credentials(d.nodes.Credentials))
}

// KillNode ends a node as a crash does: its port is closed and its sessions are cut when this returns.
func (d *Devnet) KillNode(ctx context.Context, node int) error {
	return d.at(ctx, node, d.nodes.KillNode)
}

// RestartNode brings a dead node back on the same port. Nothing happens when it is alive.
func (d *Devnet) RestartNode(ctx context.Context, node int) error {
	return d.at(ctx, node, d.nodes.RestartNode)
}

// Stop stops all nodes: sessions are closed. It waits some seconds at most; a second Stop does nothing.
func (d *Devnet) Stop() error {
	return d.do(context.Background(), d.nodes.Stop)
}

func (d *Devnet) at(ctx context.Context, node int, call func(int) *capi.Error) error {
	if node < 0 || node >= d.NodeCount() {
		return invalid("there is no node %d; the devnet has %d", node, d.NodeCount())
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
	return result, ended
}

func errorOf(failure *capi.Error) error {
	return &amop.Error{
		Code: amop.Code(failure.Code), Message: failure.Message, Retriable: failure.Retriable,
	}
}
