//! Sets the soname of the shared library, and prevents unloading it.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    if std::env::var("CARGO_CFG_TARGET_OS").as_deref() == Ok("linux") {
        // The number changes with an incompatible ABI, not with each version.
        println!("cargo::rustc-cdylib-link-arg=-Wl,-soname,libamop.so.0");
        // Threads of the library and destructors of thread-local variables may run after a dlclose.
        println!("cargo::rustc-cdylib-link-arg=-Wl,-z,nodelete");
    }
}
