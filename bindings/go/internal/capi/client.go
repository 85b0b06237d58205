package capi

// #include "glue.h"
import "C"

import "time"

// Client is an amop_client. Its methods may be called from any number of goroutines at once.
type Client struct {
	*handle[*C.amop_client]
}

// Connect waits in C for a node, up to the connect timeout. It calls listen, unless that is nil, with a listener for all
// events of the client before it connects. The listener ends if that fails.
func Connect(options *ClientOptions, listen func(*Events)) (*Client, *Error) {
	built, err := options.build()
	if err != nil {
		return nil, err
	}
	defer C.amop_options_free(built)
	if listen != nil {
		events, err := newEvents(func(events **C.amop_events, failure **C.amop_error) C.amop_status {
			return C.amop_options_events(built, events, failure)
		})
		if err != nil {
			return nil, err
		}
		listen(events)
	}
	var client *C.amop_client
	var failure *C.amop_error
	if err := taken(C.amop_client_connect(built, &client, &failure), &failure); err != nil {
		return nil, err
	}
	return &Client{newHandle(client, func(c *C.amop_client) { C.amop_client_free(c) })}, nil
}

// Close closes the connections and waits in C for that. There are no callbacks in C to wait for.
func (c *Client) Close(timeout time.Duration) *Error {
	return c.use(func(client *C.amop_client) *Error {
		var failure *C.amop_error
		return taken(C.amop_client_close(client, ms(timeout), &failure), &failure)
	})
}

// Free frees the client, and ends without waiting what Close has not ended.
func (c *Client) Free() {
	c.release()
}

// ReloadCredentials loads the credentials again, and waits in C until all connections were made anew.
func (c *Client) ReloadCredentials() *Error {
	return c.use(func(client *C.amop_client) *Error {
		var failure *C.amop_error
		return taken(C.amop_client_reload_credentials(client, &failure), &failure)
	})
}

// AddEndpoint adds an endpoint. It does not wait.
func (c *Client) AddEndpoint(endpoint string) *Error {
	return c.use(func(client *C.amop_client) *Error {
		var failure *C.amop_error
		return taken(C.amop_client_add_endpoint(client, cText(endpoint), &failure), &failure)
	})
}

// RemoveEndpoint removes an endpoint. It does not wait.
func (c *Client) RemoveEndpoint(endpoint string) *Error {
	return c.use(func(client *C.amop_client) *Error {
		var failure *C.amop_error
		return taken(C.amop_client_remove_endpoint(client, cText(endpoint), &failure), &failure)
	})
}
