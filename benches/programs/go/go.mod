module program

go 1.24

require amop v0.0.0

replace amop => ../../../bindings/go
