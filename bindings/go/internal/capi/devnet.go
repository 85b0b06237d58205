package capi

// #include "glue.h"
import "C"

// DevnetOptions are an amop_devnet_options.
type DevnetOptions struct {
	Nodes      int
	Port       int
	Folder     string
	Like211    bool
	Like316    bool
	TLS        int32
	Generation int32
}

// Devnet is an amop_devnet. Its methods may be called from any number of goroutines at once; they wait in C.
type Devnet struct {
	*handle[*C.amop_devnet]
	Endpoints   []string
	Credentials string
}

// StartDevnet starts embedded nodes.
func StartDevnet(o *DevnetOptions) (*Devnet, *Error) {
	options := C.amop_devnet_options_new()
	defer C.amop_devnet_options_free(options)
	var s settings
	s.set("Nodes", C.amop_devnet_options_set_nodes(options, C.size_t(o.Nodes)))
	s.set("Port", C.amop_devnet_options_set_port(options, C.uint16_t(o.Port)))
	s.set("Like211", C.amop_devnet_options_set_like_2_11(options, C.bool(o.Like211)))
	s.set("Like316", C.amop_devnet_options_set_like_3_16(options, C.bool(o.Like316)))
	s.choose("TLS", o.TLS, C.amop_devnet_options_set_tls(options, C.int32_t(o.TLS)))
	s.choose("Generation", o.Generation, C.amop_devnet_options_set_generation(options, C.int32_t(o.Generation)))
	if o.Folder != "" {
		s.write("Folder", C.amop_devnet_options_set_folder(options, cText(o.Folder)))
	}
	if s.failure != nil {
		return nil, s.failure
	}
	var ptr *C.amop_devnet
	var failure *C.amop_error
	if err := taken(C.amop_devnet_start(options, &ptr, &failure), &failure); err != nil {
		return nil, err
	}
	devnet := &Devnet{
		handle:      newHandle(ptr, func(d *C.amop_devnet) { C.amop_devnet_free(d) }),
		Credentials: text(C.amop_devnet_credentials(ptr)),
	}
	for n := range C.amop_devnet_node_count(ptr) {
		devnet.Endpoints = append(devnet.Endpoints, text(C.amop_devnet_endpoint(ptr, n)))
	}
	return devnet, nil
}

// KillNode kills a node.
func (d *Devnet) KillNode(node int) *Error {
	return d.use(func(ptr *C.amop_devnet) *Error {
		var failure *C.amop_error
		return taken(C.amop_devnet_kill_node(ptr, C.size_t(node), &failure), &failure)
	})
}

// RestartNode restarts a node on its port.
func (d *Devnet) RestartNode(node int) *Error {
	return d.use(func(ptr *C.amop_devnet) *Error {
		var failure *C.amop_error
		return taken(C.amop_devnet_restart_node(ptr, C.size_t(node), &failure), &failure)
	})
}

// Control runs a text command and returns its answer, a line of JSON.
func (d *Devnet) Control(command string) (answer string, err *Error) {
	err = d.use(func(ptr *C.amop_devnet) *Error {
		var line *C.char
		var failure *C.amop_error
		failed := taken(C.amop_devnet_control(ptr, cText(command), &line, &failure), &failure)
		answer = text(line)
		C.amop_devnet_answer_free(line)
		return failed
	})
	return answer, err
}

// Stop stops all nodes and frees the devnet. A second Stop does nothing.
func (d *Devnet) Stop() *Error {
	err := d.use(func(ptr *C.amop_devnet) *Error {
		var failure *C.amop_error
		return taken(C.amop_devnet_stop(ptr, &failure), &failure)
	})
	if err != nil && err.Code == statusClosed {
		return nil
	}
	d.release()
	return err
}
