package amop

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"

	"amop/internal/capi"
)

// LevelTrace is the level of records that tell everything, payloads too; nothing else logs payloads.
const LevelTrace = slog.LevelDebug - 4

// levels are those of slog by those of C.
var levels = [...]slog.Level{1: slog.LevelError, slog.LevelWarn, slog.LevelInfo, slog.LevelDebug, LevelTrace}

var (
	logMu  sync.Mutex
	logger atomic.Pointer[slog.Logger]
)

// SetLogger passes what the library does, for people, to a logger, instead of to the former one; nil ends it. It is off
// until this is called, and holds for all clients of the process.
//
// The logger's level is looked at once, here. Records come on a thread of the library's own; when the logger is slow,
// they are lost, which it is told.
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

// log passes a record of the library's on.
func log(level int32, target, message string) {
	if to := logger.Load(); to != nil && level > 0 && int(level) < len(levels) {
		to.Log(context.Background(), levels[level], message, "target", target)
	}
}

// tellLog passes a record of this package's on.
func tellLog(message string, attributes ...any) {
	if to := logger.Load(); to != nil {
		to.Error(message, append(attributes, "target", "amop/go")...)
	}
}
