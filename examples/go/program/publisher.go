package program

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	amop "example.org/amop/bindings/go"
)

// Publish sends a numbered message every interval: the text, then its number. It prints temporary failures and continues.
func Publish(arguments Arguments, text string, send func(context.Context, *amop.Client, []byte) error) error {
	ctx := UntilInterrupted()
	client, err := amop.Connect(ctx, amop.Endpoint(arguments.Endpoint))
	if err != nil {
		return err
	}
	defer client.Close()

	for number := uint64(0); number < arguments.Count; number++ {
		if number > 0 {
			select {
			case <-time.After(arguments.Interval):
			case <-ctx.Done():
			}
		}
		if ctx.Err() != nil {
			break
		}
		message := fmt.Sprintf("%s %d", text, number)
		err := send(ctx, client, []byte(message))
		var failure *amop.Error
		switch {
		case err == nil:
			fmt.Printf("%s publish message: %s\n", LocalTime(), message)
		case errors.As(err, &failure) && failure.Retriable:
			// For example, there is no subscriber yet, or the connection was lost: the next message may succeed.
			fmt.Fprintf(os.Stderr, "%s message %d failed: %v\n", LocalTime(), number, err)
		default:
			return err
		}
	}
	return client.Close()
}
