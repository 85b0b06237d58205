package capi

// #include "glue.h"
import "C"

import (
	"fmt"
	"math"
	"time"
	"unsafe"
)

// The statuses that this package sets itself.
const (
	statusInvalidArgument = C.AMOP_ERROR_INVALID_ARGUMENT
	statusClosed          = C.AMOP_ERROR_CLOSED
	statusRuntime         = C.AMOP_ERROR_RUNTIME
)

// ClientOptions are an amop_options. Zero values stand for the defaults.
type ClientOptions struct {
	Endpoints        []string
	ConfigFile       string
	Credentials      string
	Files            *Files
	PEM              *PEM
	TLS              int32
	ExpiryWarning    time.Duration
	ConnectTimeout   time.Duration
	CallTimeout      time.Duration
	CloseTimeout     time.Duration
	Heartbeat        time.Duration
	MissedHeartbeats int
	StartOffline     bool
	ReconnectMin     time.Duration
	ReconnectMax     time.Duration
	AnswerTimeout    time.Duration
	Generation       int32
	Retry            int32
	Echo             bool
	MaxInFlight      int
	MaxSendBytes     int
	MaxHeldBytes     int
	MaxEvents        int
	DuplicateWindow  time.Duration
	MaxDuplicates    int
	Group            int64
}

// Files are the paths of the credential files. The last two are of GM chains.
type Files struct {
	CA, Cert, Key   string
	GM              bool
	EncCert, EncKey string
}

// PEM are the contents of the credential files. The last two are of GM chains.
type PEM struct {
	CA, Cert, Key   []byte
	GM              bool
	EncCert, EncKey []byte
}

// Milliseconds converts a time for C. It is rounded up, so that a short time does not become 0, the default.
func Milliseconds(d time.Duration) uint64 {
	if d <= 0 {
		return 0
	}
	if d > math.MaxInt64-time.Millisecond {
		d = math.MaxInt64 - time.Millisecond
	}
	return uint64((d + time.Millisecond - 1) / time.Millisecond)
}

func ms(d time.Duration) C.uint64_t {
	return C.uint64_t(Milliseconds(d))
}

// settings keeps the error of the first setter that failed.
type settings struct {
	failure *Error
}

// expect keeps the error of a setter with this text if it is the first one that failed.
func (s *settings) expect(status C.amop_status, text string, arguments ...any) {
	if status != C.AMOP_OK && s.failure == nil {
		s.failure = &Error{Code: int32(status), Message: fmt.Sprintf(text, arguments...)}
	}
}

func (s *settings) set(name string, status C.amop_status) {
	s.expect(status, "invalid value of the option %s", name)
}

// choose is set for an option whose type has a constant for each value.
func (s *settings) choose(name string, value int32, status C.amop_status) {
	s.expect(status, "invalid %s %d: use one of the constants of its type", name, value)
}

// write is set for an option that is a text.
func (s *settings) write(name string, status C.amop_status) {
	s.expect(status, "the text of the option %s is not UTF-8", name)
}

// build creates the options in C. The caller frees them.
func (o *ClientOptions) build() (*C.amop_options, *Error) {
	options := C.amop_options_new()
	var s settings
	for _, endpoint := range o.Endpoints {
		s.write("Endpoint", C.amop_options_add_endpoint(options, cText(endpoint)))
	}
	if o.ConfigFile != "" {
		s.write("ConfigFile", C.amop_options_set_config_file(options, cText(o.ConfigFile)))
	}
	if o.Credentials != "" {
		s.write("Credentials", C.amop_options_set_credentials(options, cText(o.Credentials)))
	}
	if files := o.Files; files != nil && files.GM {
		s.write("CredentialFilesGM", C.amop_options_set_credential_files_gm(options,
			cText(files.CA), cText(files.Cert), cText(files.Key), cText(files.EncCert), cText(files.EncKey)))
	} else if files != nil {
		s.write("CredentialFiles", C.amop_options_set_credential_files(options,
			cText(files.CA), cText(files.Cert), cText(files.Key)))
	}
	if pem := o.PEM; pem != nil && pem.GM {
		s.set("CredentialPEMGM", C.amop_options_set_credential_pem_gm(options,
			unsafe.Pointer(pointer(pem.CA)), C.size_t(len(pem.CA)),
			unsafe.Pointer(pointer(pem.Cert)), C.size_t(len(pem.Cert)),
			unsafe.Pointer(pointer(pem.Key)), C.size_t(len(pem.Key)),
			unsafe.Pointer(pointer(pem.EncCert)), C.size_t(len(pem.EncCert)),
			unsafe.Pointer(pointer(pem.EncKey)), C.size_t(len(pem.EncKey))))
	} else if pem != nil {
		s.set("CredentialPEM", C.amop_options_set_credential_pem(options,
			unsafe.Pointer(pointer(pem.CA)), C.size_t(len(pem.CA)),
			unsafe.Pointer(pointer(pem.Cert)), C.size_t(len(pem.Cert)),
			unsafe.Pointer(pointer(pem.Key)), C.size_t(len(pem.Key))))
	}
	s.choose("TLS", o.TLS, C.amop_options_set_tls(options, C.int32_t(o.TLS)))
	s.set("ExpiryWarning", C.amop_options_set_expiry_warning(options, ms(o.ExpiryWarning)))
	s.set("ConnectTimeout", C.amop_options_set_connect_timeout(options, ms(o.ConnectTimeout)))
	s.set("CallTimeout", C.amop_options_set_call_timeout(options, ms(o.CallTimeout)))
	s.set("CloseTimeout", C.amop_options_set_close_timeout(options, ms(o.CloseTimeout)))
	s.set("Heartbeat", C.amop_options_set_heartbeat(options, ms(o.Heartbeat)))
	s.set("MissedHeartbeats", C.amop_options_set_missed_heartbeats(options, C.uint32_t(o.MissedHeartbeats)))
	s.set("StartOffline", C.amop_options_set_start_offline(options, C.bool(o.StartOffline)))
	s.set("ReconnectMin", C.amop_options_set_reconnect_min(options, ms(o.ReconnectMin)))
	s.set("ReconnectMax", C.amop_options_set_reconnect_max(options, ms(o.ReconnectMax)))
	s.set("AnswerTimeout", C.amop_options_set_answer_timeout(options, ms(o.AnswerTimeout)))
	s.choose("Generation", o.Generation, C.amop_options_set_generation(options, C.int32_t(o.Generation)))
	s.choose("Retry", o.Retry, C.amop_options_set_retry(options, C.int32_t(o.Retry)))
	s.set("Echo", C.amop_options_set_echo(options, C.bool(o.Echo)))
	s.set("MaxInFlight", C.amop_options_set_max_in_flight(options, C.size_t(o.MaxInFlight)))
	s.set("MaxSendBytes", C.amop_options_set_max_send_bytes(options, C.size_t(o.MaxSendBytes)))
	s.set("MaxHeldBytes", C.amop_options_set_max_held_bytes(options, C.size_t(o.MaxHeldBytes)))
	s.set("MaxEvents", C.amop_options_set_max_events(options, C.size_t(o.MaxEvents)))
	s.set("DuplicateWindow", C.amop_options_set_duplicate_window(options, ms(o.DuplicateWindow)))
	s.set("MaxDuplicates", C.amop_options_set_max_duplicates(options, C.size_t(o.MaxDuplicates)))
	if o.Group != 0 {
		s.set("Group", C.amop_options_set_group(options, C.int64_t(o.Group)))
	}
	if s.failure != nil {
		C.amop_options_free(options)
		return nil, s.failure
	}
	return options, nil
}

// LaneOptions are an amop_subscribe_options or an amop_serve_options. Zero values stand for the defaults.
type LaneOptions struct {
	MaxMessages int
	MaxBytes    int
	Overflow    int32 // of subscriptions
	Placement   int32
	Confirm     int32
	Timeout     time.Duration
	Key         []byte
	KeyPassword string
}

// keyPassword returns the password for C, or NULL if there is none.
func (o *LaneOptions) keyPassword() *C.char {
	if o.KeyPassword == "" {
		return nil
	}
	return cText(o.KeyPassword)
}

func (o *LaneOptions) ofSubscription() (*C.amop_subscribe_options, *Error) {
	options := C.amop_subscribe_options_new()
	var s settings
	s.set("MaxMessages", C.amop_subscribe_options_set_max_messages(options, C.size_t(o.MaxMessages)))
	s.set("MaxBytes", C.amop_subscribe_options_set_max_bytes(options, C.size_t(o.MaxBytes)))
	s.choose("Overflow", o.Overflow, C.amop_subscribe_options_set_overflow(options, C.int32_t(o.Overflow)))
	s.choose("Placement", o.Placement, C.amop_subscribe_options_set_placement(options, C.int32_t(o.Placement)))
	s.choose("Confirm", o.Confirm, C.amop_subscribe_options_set_confirm(options, C.int32_t(o.Confirm)))
	s.set("Timeout", C.amop_subscribe_options_set_timeout(options, ms(o.Timeout)))
	s.set("Key", C.amop_subscribe_options_set_key(options, unsafe.Pointer(pointer(o.Key)), C.size_t(len(o.Key)), o.keyPassword()))
	if s.failure != nil {
		C.amop_subscribe_options_free(options)
		return nil, s.failure
	}
	return options, nil
}

func (o *LaneOptions) ofService() (*C.amop_serve_options, *Error) {
	options := C.amop_serve_options_new()
	var s settings
	s.set("MaxMessages", C.amop_serve_options_set_max_messages(options, C.size_t(o.MaxMessages)))
	s.set("MaxBytes", C.amop_serve_options_set_max_bytes(options, C.size_t(o.MaxBytes)))
	s.choose("Placement", o.Placement, C.amop_serve_options_set_placement(options, C.int32_t(o.Placement)))
	s.choose("Confirm", o.Confirm, C.amop_serve_options_set_confirm(options, C.int32_t(o.Confirm)))
	s.set("Timeout", C.amop_serve_options_set_timeout(options, ms(o.Timeout)))
	s.set("Key", C.amop_serve_options_set_key(options, unsafe.Pointer(pointer(o.Key)), C.size_t(len(o.Key)), o.keyPassword()))
	if s.failure != nil {
		C.amop_serve_options_free(options)
		return nil, s.failure
	}
	return options, nil
}
