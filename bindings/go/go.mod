module example.org/amop/bindings/go

go 1.24
