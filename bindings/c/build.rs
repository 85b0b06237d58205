//! Sets the number of the ABI and the soname of the shared library, and prevents unloading it.

/// The number of the ABI: AMOP_ABI in the header, and the number of the soname. Raise it with each change after which
/// programs have to be recompiled, not with each version.
const ABI: u32 = 0;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rustc-env=AMOP_ABI={ABI}");
    if std::env::var("CARGO_CFG_TARGET_OS").as_deref() == Ok("linux") {
        println!("cargo::rustc-cdylib-link-arg=-Wl,-soname,libamop.so.{ABI}");
        // Threads of the library and destructors of thread-local variables may run after a dlclose.
        println!("cargo::rustc-cdylib-link-arg=-Wl,-z,nodelete");
    }
}
