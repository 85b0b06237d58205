module amop

go 1.24
