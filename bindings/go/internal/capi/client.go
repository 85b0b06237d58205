package capi

// #include "glue.h"
import "C"

import "time"

// Client is an amop_client. Its functions may be called from many goroutines at once.
type Client struct {
	*handle[*C.amop_client]
}

// Connect waits in C for a node, up to the connect timeout.
func Connect(options *ClientOptions) (*Client, *Error) {
	built, err := options.build()
	if err != nil {
		return nil, err
	}
	defer C.amop_options_free(built)
	var client *C.amop_client
	var failure *C.amop_error
	if err := taken(C.amop_client_connect(built, &client, &failure), &failure); err != nil {
		return nil, err
	}
	return &Client{newHandle(client, func(c *C.amop_client) { C.amop_client_free(c) })}, nil
}

// Close waits in C for goodbyes; no callback of C's is there to wait for.
func (c *Client) Close(timeout time.Duration) *Error {
	return c.use(func(client *C.amop_client) *Error {
		var failure *C.amop_error
		return taken(C.amop_client_close(client, ms(timeout), &failure), &failure)
	})
}

// Free ends what Close didn't, without waiting, and frees the client.
func (c *Client) Free() {
	c.release()
}

// AddEndpoint doesn't wait.
func (c *Client) AddEndpoint(endpoint string) *Error {
	return c.use(func(client *C.amop_client) *Error {
		var failure *C.amop_error
		return taken(C.amop_client_add_endpoint(client, cText(endpoint), &failure), &failure)
	})
}

// RemoveEndpoint doesn't wait.
func (c *Client) RemoveEndpoint(endpoint string) *Error {
	return c.use(func(client *C.amop_client) *Error {
		var failure *C.amop_error
		return taken(C.amop_client_remove_endpoint(client, cText(endpoint), &failure), &failure)
	})
}
