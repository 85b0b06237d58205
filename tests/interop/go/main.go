// Command peer makes go-sdk a party of the interoperability tests: commands are lines on standard input, what becomes
// of them and which messages arrive are lines on standard output. The lines are described in ../sdk.rs.
//
//	peer NODE CREDENTIALS
//
// With a topic behind them it is a program of the comparison of costs instead:
//
//	peer NODE CREDENTIALS TOPIC
package main

import (
	"bufio"
	"crypto/ecdsa"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"sync"

	"github.com/FISCO-BCOS/go-sdk/client"
	"github.com/FISCO-BCOS/go-sdk/conf"
	"github.com/ethereum/go-ethereum/crypto"
)

func main() {
	if len(os.Args) != 3 && len(os.Args) != 4 {
		fmt.Fprintln(os.Stderr, "usage: peer NODE CREDENTIALS [TOPIC]")
		os.Exit(2)
	}
	if err := run(os.Args[1], os.Args[2], os.Args[3:]); err != nil {
		fmt.Fprintln(os.Stderr, "peer:", err)
		os.Exit(1)
	}
}

func run(node, credentials string, topic []string) error {
	sdk, err := dial(node, credentials)
	if err != nil {
		return err
	}
	if len(topic) == 1 {
		return measure(sdk, topic[0])
	}
	peer := &peer{sdk: sdk}
	peer.say("ready")
	// Lines are as long as the messages in them: a Scanner would stop at 64 KiB.
	input := bufio.NewReader(os.Stdin)
	for {
		line, err := input.ReadString('\n')
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if said, err := peer.do(strings.Split(strings.TrimSuffix(line, "\n"), " ")); err != nil {
			peer.say("failed " + strings.ReplaceAll(err.Error(), "\n", " "))
		} else {
			peer.say(said)
		}
	}
}

// config is what docs/devnet.md shows, with the folder and the node to fill in.
const config = `
[Network]
Type="channel"
CAFile="%[1]s/ca.crt"
Cert="%[1]s/sdk.crt"
Key="%[1]s/sdk.key"

[[Network.Connection]]
NodeURL="%[2]s"
GroupID=1

[Account]
DynamicKey=true

[Chain]
ChainID=1
SMCrypto=false
`

func dial(node, credentials string) (*client.Client, error) {
	configs, err := conf.ParseConfig([]byte(fmt.Sprintf(config, credentials, node)))
	if err != nil {
		return nil, err
	}
	return client.Dial(&configs[0])
}

type peer struct {
	sdk *client.Client
	// Handlers run in goroutines of their own: their lines must not mix.
	output sync.Mutex
}

func (p *peer) say(line string) {
	p.output.Lock()
	defer p.output.Unlock()
	fmt.Println(line)
}

var errUsage = errors.New("no such command, or not its arguments")

// do carries out one command and gives the line that answers it.
func (p *peer) do(words []string) (string, error) {
	command, arguments := words[0], words[1:]
	switch {
	case command == "subscribe" && len(arguments) == 2:
		handler, err := p.handler(arguments[0], arguments[1])
		if err != nil {
			return "", err
		}
		return "done", p.sdk.SubscribeTopic(arguments[0], handler)
	case command == "private-subscribe" && len(arguments) == 3:
		key, err := crypto.HexToECDSA(arguments[2])
		if err != nil {
			return "", err
		}
		handler, err := p.handler(arguments[0], arguments[1])
		if err != nil {
			return "", err
		}
		return "done", p.sdk.SubscribePrivateTopic(arguments[0], key, handler)
	case command == "private-unsubscribe" && len(arguments) == 1:
		return "done", p.sdk.UnsubscribePrivateTopic(arguments[0])
	case command == "private-announce" && len(arguments) > 1:
		keys, err := publicKeys(arguments[1:])
		if err != nil {
			return "", err
		}
		return "done", p.sdk.PublishPrivateTopic(arguments[0], keys)
	case command == "publish" && len(arguments) == 2:
		return p.publish(p.sdk.SendAMOPMsg, arguments[0], arguments[1])
	case command == "private-publish" && len(arguments) == 2:
		return p.publish(p.sdk.SendAMOPPrivateMsg, arguments[0], arguments[1])
	case command == "multicast" && len(arguments) == 2:
		return p.multicast(p.sdk.BroadcastAMOPMsg, arguments[0], arguments[1])
	case command == "private-multicast" && len(arguments) == 2:
		return p.multicast(p.sdk.BroadcastAMOPPrivateMsg, arguments[0], arguments[1])
	case command == "burst" && len(arguments) == 2:
		return p.burst(arguments[0], arguments[1])
	default:
		return "", errUsage
	}
}

// publicKeys reads hexadecimal keys.
func publicKeys(words []string) ([]*ecdsa.PublicKey, error) {
	keys := make([]*ecdsa.PublicKey, len(words))
	for at, word := range words {
		bytes, err := hex.DecodeString(word)
		if err != nil {
			return nil, err
		}
		if keys[at], err = crypto.UnmarshalPubkey(bytes); err != nil {
			return nil, err
		}
	}
	return keys, nil
}

// handler reports each message on a topic and answers it: with itself, or always with the same data.
func (p *peer) handler(topic, answer string) (func([]byte, *[]byte), error) {
	fixed, err := data(answer)
	if answer != "echo" && err != nil {
		return nil, err
	}
	return func(message []byte, reply *[]byte) {
		*reply = fixed
		if answer == "echo" {
			*reply = message
		}
		p.say("received " + topic + " " + word(message))
	}, nil
}

func (p *peer) publish(send func(string, []byte) ([]byte, error), topic, text string) (string, error) {
	message, err := data(text)
	if err != nil {
		return "", err
	}
	reply, err := send(topic, message)
	return "reply " + word(reply), err
}

func (p *peer) multicast(send func(string, []byte) error, topic, text string) (string, error) {
	message, err := data(text)
	if err != nil {
		return "", err
	}
	return "done", send(topic, message)
}

// burst publishes many messages at once, each with its number, and counts the replies that carry it back.
func (p *peer) burst(topic, count string) (string, error) {
	total, err := strconv.Atoi(count)
	if err != nil {
		return "", err
	}
	failures := make([]error, total)
	var calls sync.WaitGroup
	for number := range failures {
		calls.Add(1)
		go func(number int) {
			defer calls.Done()
			text := strconv.Itoa(number)
			reply, err := p.sdk.SendAMOPMsg(topic, []byte(text))
			if err == nil && string(reply) != text {
				err = fmt.Errorf("%q was answered %q", text, reply)
			}
			failures[number] = err
		}(number)
	}
	calls.Wait()
	for _, err := range failures {
		if err != nil {
			return "", err
		}
	}
	return "done", nil
}

// word is how data stands in a line, data the way back.
func word(data []byte) string {
	return "x" + hex.EncodeToString(data)
}

func data(word string) ([]byte, error) {
	digits, isData := strings.CutPrefix(word, "x")
	if !isData {
		return nil, fmt.Errorf("%q is no data", word)
	}
	return hex.DecodeString(digits)
}
