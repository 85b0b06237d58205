package amop

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"

	"amop/internal/capi"
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

// logError logs a record of this package.
func logError(message string, attributes ...any) {
	if to := logger.Load(); to != nil {
		to.Error(message, append(attributes, "target", "amop/go")...)
	}
}
