//! The number of this process, in a page that the kernel clears in the child of a fork.

use std::ptr;
use std::sync::atomic::{AtomicPtr, AtomicU64, Ordering};

/// The page: null before its first use, [`NO_PAGE`] if the kernel can't clear pages.
static PAGE: AtomicPtr<AtomicU64> = AtomicPtr::new(ptr::null_mut());

/// Takes the place of the page. It contains 0, as a page does that was just cleared.
static NO_PAGE: AtomicU64 = AtomicU64::new(0);

/// The number that was issued last. A fork copies it, so that the child's numbers differ from those of its ancestors.
static LAST: AtomicU64 = AtomicU64::new(0);

/// Returns the number of this process, `None` if the kernel can't clear pages. Never 0.
#[inline]
pub(crate) fn number() -> Option<u64> {
    let page = PAGE.load(Ordering::Acquire);
    // SAFETY: `PAGE` is null or points to a static or to a mapping that is never removed, aligned and initialised.
    match unsafe { page.as_ref() }.map(|page| page.load(Ordering::Relaxed)) {
        Some(number) if number != 0 => Some(number),
        _ => issued(),
    }
}

/// Issues a number to a process that has none: at the first use, and after a fork.
#[cold]
fn issued() -> Option<u64> {
    let page = page();
    if ptr::eq(page, &NO_PAGE) {
        return None;
    }
    let fresh = LAST.fetch_add(1, Ordering::Relaxed) + 1;
    // Another thread of this process may have been quicker.
    Some(
        page.compare_exchange(0, fresh, Ordering::Relaxed, Ordering::Relaxed)
            .map_or_else(|other| other, |_| fresh),
    )
}

/// Returns the page, which the first caller maps. Not by a lock, because a child that was forked while a thread of its
/// parent held that would wait for it endlessly.
fn page() -> &'static AtomicU64 {
    let page = PAGE.load(Ordering::Acquire);
    // SAFETY: as in `number`.
    if let Some(page) = unsafe { page.as_ref() } {
        return page;
    }
    let fresh = map().map_or(ptr::from_ref(&NO_PAGE).cast_mut(), ptr::NonNull::as_ptr);
    let page = match PAGE.compare_exchange(ptr::null_mut(), fresh, Ordering::AcqRel, Ordering::Acquire) {
        Ok(_) => fresh,
        // Another thread was quicker. Its page stays, and this one, whose address no one else has, stays unused.
        Err(other) => other,
    };
    // SAFETY: as in `number`; it is not null here.
    unsafe { &*page }
}

/// Maps a page that a fork clears, `None` if the kernel can't do that.
fn map() -> Option<ptr::NonNull<AtomicU64>> {
    // SAFETY: the call only returns a setting.
    let size = usize::try_from(unsafe { libc::sysconf(libc::_SC_PAGESIZE) }).ok()?;
    let (access, kind) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
    // SAFETY: the kernel chooses the address, so no other mapping is replaced.
    let mapped = unsafe { libc::mmap(ptr::null_mut(), size, access, kind, -1, 0) };
    if mapped == libc::MAP_FAILED {
        return None;
    }
    // Some emulators accept every advice and follow none, so that an impossible one has to be refused.
    // SAFETY: the page was mapped above, and no one else has its address.
    let cleared = unsafe {
        libc::madvise(mapped, size, libc::MADV_WIPEONFORK) == 0 && libc::madvise(mapped, size, -1) != 0
    };
    if cleared {
        // Mapped memory contains zeros, which are a valid AtomicU64, and a page is aligned for it.
        return ptr::NonNull::new(mapped.cast());
    }
    // SAFETY: as above.
    unsafe { libc::munmap(mapped, size) };
    None
}
