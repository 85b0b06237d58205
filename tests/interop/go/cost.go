package main

import (
	"fmt"
	"os"
	"sync"
	"sync/atomic"

	"github.com/FISCO-BCOS/go-sdk/client"
)

const (
	inFlight     = 256
	unicastTopic = "bench/unicast"
)

// measure makes go-sdk a program of the comparison of costs: it publishes from as many goroutines as there are calls in
// flight, and handles the messages of topic. See benches/src/languages.rs for what it reads and writes.
func measure(sdk *client.Client, topic string) error {
	var left atomic.Int64
	handler := func([]byte, *[]byte) {
		if left.Add(-1) == 0 {
			fmt.Println("done")
		}
	}
	if err := sdk.SubscribeTopic(topic, handler); err != nil {
		return err
	}
	fmt.Println("ready")
	for {
		var command string
		var messages int64
		if _, err := fmt.Scan(&command, &messages); err != nil {
			return nil
		}
		if command != "publish" {
			left.Store(messages)
			fmt.Println("started")
			continue
		}
		publishMany(sdk, messages)
		fmt.Println("done")
	}
}

func publishMany(sdk *client.Client, messages int64) {
	data := make([]byte, 64)
	var left atomic.Int64
	left.Store(messages)
	var all sync.WaitGroup
	for caller := 0; caller < inFlight; caller++ {
		all.Add(1)
		go func() {
			defer all.Done()
			for left.Add(-1) >= 0 {
				if _, err := sdk.SendAMOPMsg(unicastTopic, data); err != nil {
					fmt.Fprintln(os.Stderr, "peer:", err)
					os.Exit(1)
				}
			}
		}()
	}
	all.Wait()
}
