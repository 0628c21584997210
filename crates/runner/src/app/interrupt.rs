//! Signals: Ctrl-C requests a clean stop; a closed pipe and a full disk are ordinary errors.

use std::sync::atomic::{AtomicBool, Ordering};

/// Set by Ctrl-C.
pub(crate) static STOP: AtomicBool = AtomicBool::new(false);

/// Makes Ctrl-C (and SIGTERM) request a clean stop; a second one ends the program at once.
///
/// # Errors
/// When the signal handler cannot be installed.
pub(crate) fn listen() -> Result<(), ctrlc::Error> {
    ctrlc::set_handler(|| {
        if STOP.swap(true, Ordering::SeqCst) {
            end_at_once();
        }
        eprintln!("\nStopping after the current step; press again to stop at once.");
    })
}

/// Ends the process without running destructors, which libtorch's threads would still be using.
#[allow(unsafe_code)]
fn end_at_once() -> ! {
    // SAFETY: `_exit` has no precondition. Files are written atomically, so none is left half-written.
    unsafe { libc::_exit(1) }
}

/// Makes exceeding the shell's file-size limit an ordinary error, like a full disk. A closed pipe is one too: Rust ignores its
/// signal, so that `faus run … | head` finishes its work.
#[allow(unsafe_code)]
pub(crate) fn set_signals() {
    // SAFETY: called before any thread is started; the action is no handler that could run.
    #[cfg(unix)]
    unsafe {
        libc::signal(libc::SIGXFSZ, libc::SIG_IGN);
    }
}

/// Whether the user requested a stop.
pub(crate) fn stopped() -> bool {
    STOP.load(Ordering::SeqCst)
}
