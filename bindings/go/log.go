package amop

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"

	"example.org/amop/bindings/go/internal/capi"
)

// LevelTrace is the level of records that may contain payloads. Records above it contain none.
const LevelTrace = slog.LevelDebug - 4

// levels are the levels of slog, by those of C.
var levels = [...]slog.Level{1: slog.LevelError, slog.LevelWarn, slog.LevelInfo, slog.LevelDebug, LevelTrace}

var (
	logMu  sync.Mutex
	logger atomic.Pointer[slog.Logger]
)

// SetLogger passes the log of the library to a logger, in place of the previous one; nil disables it. It applies to
// all clients of the process, and is disabled until SetLogger is called.
//
// The level of the logger is read once, by this call. Records are passed on a thread of the library; if the logger is
// too slow, records are discarded and counted in a later record.
func SetLogger(to *slog.Logger) error {
	logMu.Lock()
	defer logMu.Unlock()
	if to == nil {
		logger.Store(nil)
		return fromC(capi.SetLog(0, nil))
	}
	most := int32(0)
	for level := int32(1); int(level) < len(levels); level++ {
		if to.Enabled(context.Background(), levels[level]) {
			most = level
		}
	}
	if failure := capi.SetLog(most, log); failure != nil {
		return fromC(failure)
	}
	logger.Store(to)
	return nil
}

// log passes on a record of the library.
func log(level int32, target, message string) {
	if to := logger.Load(); to != nil && level > 0 && int(level) < len(levels) {
		to.Log(context.Background(), levels[level], message, "target", target)
	}
}

// processLog is the logger of SetLogger, nil if there is none.
func processLog() *slog.Logger {
	return logger.Load()
}

// logError logs a record of this package about the client, to its own logger or else to that of SetLogger.
func (c *core) logError(message string, attributes ...any) {
	to := c.logger
	if to == nil {
		to = processLog()
	}
	if to != nil {
		record(to, slog.LevelError, message, append(attributes, "target", "amop/go")...)
	}
}

// record logs to a logger of the program, whose panics have no effect.
func record(to *slog.Logger, level slog.Level, message string, attributes ...any) {
	defer func() { _ = recover() }()
	to.Log(context.Background(), level, message, attributes...)
}

// eventLevels are the levels at which events are logged; HandlerFailed is logged with its stack elsewhere.
var eventLevels = map[EventKind]slog.Level{
	EventConnected:     slog.LevelInfo,
	EventReconnected:   slog.LevelInfo,
	EventLost:          slog.LevelWarn,
	EventConnectFailed: slog.LevelWarn,
	EventSlowConsumer:  slog.LevelWarn,
	EventClosed:        slog.LevelInfo,

	EventCertificateExpiring: slog.LevelWarn,
	EventVerified:            slog.LevelInfo,
	EventRejected:            slog.LevelWarn,
}

// logEvent logs an event to the logger of the client, if it has one.
func (c *core) logEvent(event *Event) {
	level, known := eventLevels[event.Kind]
	if c.logger == nil || !known {
		return
	}
	attributes := []any{"target", "amop/go"}
	for _, attribute := range []struct{ name, value string }{
		{"endpoint", event.Endpoint}, {"node_version", event.NodeVersion}, {"topic", event.Topic},
	} {
		if attribute.value != "" {
			attributes = append(attributes, attribute.name, attribute.value)
		}
	}
	if event.Err != nil {
		attributes = append(attributes, "error", event.Err)
	}
	record(c.logger, level, event.Kind.String(), attributes...)
}

// logEvents logs the events of the library until the client is closed. It does not keep the client reachable.
func (c *core) logEvents(source *capi.Events) {
	defer source.Free()
	for {
		event, failure := source.Take()
		if failure != nil {
			return
		}
		c.logEvent(eventOf(event))
	}
}
