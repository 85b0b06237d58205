package capi

// #include "glue.h"
import "C"

import "runtime"

// PrivateTopic is an amop_private_topic. Its methods may be called from any number of goroutines at once.
type PrivateTopic struct {
	*handle[*C.amop_private_topic]
}

// cTexts returns strings for C, which are pinned until release is called.
func cTexts(texts []string) (pointers []*C.char, release func()) {
	var pinner runtime.Pinner
	for _, text := range texts {
		pointer := cText(text)
		pinner.Pin(pointer)
		pointers = append(pointers, pointer)
	}
	return pointers, pinner.Unpin
}

// PrivateTopic opens a private topic. It does not wait. There must be a key.
func (c *Client) PrivateTopic(topic string, keys []string) (*PrivateTopic, *Error) {
	pointers, release := cTexts(keys)
	defer release()
	var opened *C.amop_private_topic
	err := c.use(func(client *C.amop_client) *Error {
		var failure *C.amop_error
		return taken(C.amop_client_private_topic(client, cText(topic), &pointers[0], C.size_t(len(pointers)), &opened,
			&failure), &failure)
	})
	if err != nil {
		return nil, err
	}
	return &PrivateTopic{newHandle(opened, func(t *C.amop_private_topic) { C.amop_private_topic_free(t) })}, nil
}

// Allow allows further keys. There must be a key.
func (t *PrivateTopic) Allow(keys []string) *Error {
	pointers, release := cTexts(keys)
	defer release()
	return t.use(func(topic *C.amop_private_topic) *Error {
		var failure *C.amop_error
		return taken(C.amop_private_topic_allow(topic, &pointers[0], C.size_t(len(pointers)), &failure), &failure)
	})
}

// Free ends the verification of subscribers.
func (t *PrivateTopic) Free() {
	t.release()
}
