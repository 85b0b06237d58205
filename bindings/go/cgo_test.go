package amop_test

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

func TestBuildWithoutCgoSaysThatCgoIsNeeded(t *testing.T) {
	if testing.Short() {
		t.Skip("runs the compiler")
	}
	build := exec.Command("go", "build", ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	output, err := build.CombinedOutput()
	if err == nil || !strings.Contains(string(output), "amop_needs_cgo__set_CGO_ENABLED_to_1") {
		t.Fatalf("%v: %s", err, output)
	}
}

func TestVetReportsCopiesOfAClient(t *testing.T) {
	if testing.Short() {
		t.Skip("runs the compiler")
	}
	output, err := exec.Command("go", "vet", "./testdata/copies").CombinedOutput()
	if err == nil || !strings.Contains(string(output), "assignment copies lock value to copied") {
		t.Fatalf("%v: %s", err, output)
	}
}
