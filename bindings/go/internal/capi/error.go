package capi

// #include "glue.h"
import "C"

// Error is an amop_error, copied.
type Error struct {
	Code      int32
	NodeCode  int32
	Retriable bool
	// Maybe states that the message may have been delivered.
	Maybe   bool
	Message string
	Data    []byte
}

// taken copies an error and frees it; nil if the status is OK.
func taken(status C.amop_status, failure **C.amop_error) *Error {
	if status == C.AMOP_OK {
		return nil
	}
	if *failure == nil {
		return &Error{Code: int32(status), Message: StatusName(int32(status))}
	}
	err := lent(*failure)
	C.amop_error_free(*failure)
	*failure = nil
	return err
}

// lent copies an error that C lends; nil for NULL.
func lent(failure *C.amop_error) *Error {
	if failure == nil {
		return nil
	}
	var seen C.amopgo_failure
	C.amopgo_read_error(failure, &seen)
	return flatError(&seen)
}

func flatError(failure *C.amopgo_failure) *Error {
	err := &Error{
		Code:      int32(failure.code),
		NodeCode:  int32(failure.node_code),
		Retriable: bool(failure.retriable),
		Maybe:     failure.delivery == C.AMOP_DELIVERY_MAYBE,
		Message:   text(failure.message),
	}
	if failure.data.len > 0 {
		err.Data = copied(failure.data)
	}
	return err
}
