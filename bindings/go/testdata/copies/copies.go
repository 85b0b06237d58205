// Package copies has a mistake that go vet reports.
package copies

import amop "example.org/amop/bindings/go"

// Copy copies a client.
func Copy(client *amop.Client) bool {
	copied := *client
	return &copied == client
}
