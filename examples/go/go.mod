module examples

go 1.24

require example.org/amop/bindings/go v0.0.0

replace example.org/amop/bindings/go => ../../bindings/go
